package main

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"google.golang.org/protobuf/types/known/timestamppb"

	"yardmaster/messages"
)

// stateName returns a job's or run's state as users see it.
func stateName(s messages.JobState) string { return strings.TrimPrefix(s.String(), "JOB_STATE_") }

func final(s messages.JobState) bool { return s >= messages.JobState_JOB_STATE_SUCCESS }

// verdict returns the exit code that a run's end means.
func verdict(s messages.JobState) int {
	switch s {
	case messages.JobState_JOB_STATE_SUCCESS:
		return exitSuccess
	case messages.JobState_JOB_STATE_CANCELLED:
		return exitCancelled
	case messages.JobState_JOB_STATE_UNSPECIFIED, messages.JobState_JOB_STATE_PENDING,
		messages.JobState_JOB_STATE_RUNNING, messages.JobState_JOB_STATE_FAILED:
	}
	return exitFailed
}

// moment returns a time, or the zero time when there is none.
func moment(t *timestamppb.Timestamp) time.Time {
	if t == nil || t.GetSeconds() == 0 && t.GetNanos() == 0 {
		return time.Time{}
	}
	return t.AsTime()
}

// duration renders d for people: 85ms, 3.2s, 4m05s, 2h03m, 3d04h.
func duration(d time.Duration) string {
	switch {
	case d < 0:
		return "0ms"
	case d < time.Second:
		return fmt.Sprintf("%dms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%d.%ds", d/time.Second, d%time.Second/(100*time.Millisecond))
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", d/time.Minute, d%time.Minute/time.Second)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh%02dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%dd%02dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
}

// elapsed renders the time between two moments; until now when to is zero.
func elapsed(from, to, now time.Time) string {
	if from.IsZero() {
		return ""
	}
	if to.IsZero() {
		to = now
	}
	return duration(to.Sub(from))
}

// clean removes what could steer a terminal or hide text in it. Line ends stay.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || unicode.IsGraphic(r) && !steersText(r) {
			return r
		}
		return -1
	}, s)
}

// cleanLine is clean for what must stay within one line.
func cleanLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return ' '
		}
		return r
	}, clean(s))
}

// steersText reports whether r changes the direction of the text around it.
func steersText(r rune) bool { return r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 }

// columns returns how many columns of a terminal s fills, roughly.
func columns(s string) (n int) {
	for _, r := range s {
		n += runeColumns(r)
	}
	return n
}

func runeColumns(r rune) int {
	switch {
	case unicode.Is(unicode.Mn, r), r == 0x200d, r == 0xfe0f:
		return 0
	case r >= 0x1100 && r <= 0x115f, r >= 0x2e80 && r <= 0xa4cf, r >= 0xac00 && r <= 0xd7a3,
		r >= 0xf900 && r <= 0xfaff, r >= 0xfe30 && r <= 0xfe6f, r >= 0xff00 && r <= 0xff60,
		r >= 0x1f300 && r <= 0x1faff, r >= 0x20000 && r <= 0x3fffd:
		return 2
	}
	return 1
}

// fit cuts s to width columns, ending in more when something was cut.
func fit(s string, width int, more string) string {
	if columns(s) <= width {
		return s
	}
	room, n := width-columns(more), 0
	if room < 0 {
		return ""
	}
	for i, r := range s {
		if n += runeColumns(r); n > room {
			return s[:i] + more
		}
	}
	return s
}

// pad fills s with spaces to width columns.
func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-columns(s)))
}

// table renders rows below their heads, columns apart by two spaces.
func table(rows [][]string) string {
	widths := make([]int, 0, 8)
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], columns(cell))
		}
	}
	var b strings.Builder
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString(pad(cell, widths[i]+2))
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return b.String()
}
