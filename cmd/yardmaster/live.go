package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"yardmaster/messages"
)

const (
	narrowest  = 20 // columns; a narrower terminal is drawn as if it had so many
	liveMargin = 1  // lines of the terminal left to the log above
	liveHead   = 1  // lines of the view that are not jobs
)

// frame is what a view of a run is drawn for.
type frame struct {
	width, height int
	now           time.Time
	style         style
}

// render draws a run in at most the lines and columns of the terminal: a head,
// then its jobs. What does not fit is counted in a last line: running jobs are
// shown first, then failed ones, then the others.
func (b *board) render(f frame) []string {
	width := max(f.width, narrowest) - 1 // the last column would wrap in some terminals
	room := max(1, f.height-liveHead-liveMargin)
	lines := []string{b.headLine(f, width)}
	shown, hidden := b.pick(room)
	keyWidth := 0
	for _, i := range shown {
		keyWidth = max(keyWidth, columns(cleanLine(b.jobs[i].key)))
	}
	keyWidth = min(keyWidth, max(8, width/2))
	for _, i := range shown {
		lines = append(lines, b.jobs[i].line(f, keyWidth, width))
	}
	if len(hidden) > 0 {
		text := fmt.Sprintf("%s %d more: %s", f.style.ellipsis(), len(hidden), b.counts(hidden))
		lines = append(lines, "  "+f.style.paint(sgrDim, fit(text, width-2, f.style.ellipsis())))
	}
	return lines
}

// pick chooses the jobs that are shown, in the order of the plan.
func (b *board) pick(room int) (shown, hidden []int) {
	order := make([]int, len(b.jobs))
	for i := range order {
		order[i] = i
	}
	if len(order) <= room {
		return order, nil
	}
	slices.SortStableFunc(order, func(x, y int) int { return urgency(b.jobs[x].state) - urgency(b.jobs[y].state) })
	shown, hidden = order[:room-1], order[room-1:]
	slices.Sort(shown)
	return shown, hidden
}

func urgency(s messages.JobState) int {
	switch s {
	case messages.JobState_JOB_STATE_RUNNING:
		return 0
	case messages.JobState_JOB_STATE_FAILED:
		return 1
	case messages.JobState_JOB_STATE_CANCELLED:
		return 2
	case messages.JobState_JOB_STATE_UNSPECIFIED, messages.JobState_JOB_STATE_PENDING:
		return 3
	case messages.JobState_JOB_STATE_SUCCESS:
	}
	return 4
}

// counts says how many of the jobs are in which state: "3 pending, 1 success".
func (b *board) counts(jobs []int) string {
	var n [6]int
	for _, i := range jobs {
		if s := int(b.jobs[i].state); s < len(n) {
			n[s]++
		}
	}
	var parts []string
	for _, s := range []messages.JobState{
		messages.JobState_JOB_STATE_RUNNING, messages.JobState_JOB_STATE_FAILED, messages.JobState_JOB_STATE_CANCELLED,
		messages.JobState_JOB_STATE_PENDING, messages.JobState_JOB_STATE_SUCCESS,
	} {
		if n[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[s], strings.ToLower(stateName(s))))
		}
	}
	return strings.Join(parts, ", ")
}

func (b *board) headLine(f frame, width int) string {
	all := make([]int, len(b.jobs))
	for i := range all {
		all[i] = i
	}
	head := cleanLine(b.name) + " " + b.runID
	rest := " " + elapsed(b.submitted, b.ended, f.now) + "  " + b.counts(all)
	state := stateName(b.state)
	head = fit(head, max(1, width-columns(state)-1), f.style.ellipsis())
	rest = fit(rest, max(0, width-columns(head)-columns(state)-1), f.style.ellipsis())
	return f.style.paint(sgrBold, head) + " " + f.style.state(b.state) + rest
}

// line draws one job: sign, key, time, and what it is at.
func (j *jobRow) line(f frame, keyWidth, width int) string {
	key := pad(fit(cleanLine(j.key), keyWidth, f.style.ellipsis()), keyWidth)
	text := fmt.Sprintf(" %s %6s", key, elapsed(j.started, j.ended, f.now))
	switch {
	case j.state == messages.JobState_JOB_STATE_RUNNING && j.step != "":
		text += "  " + cleanLine(j.step)
	case j.why() != "" && j.state != messages.JobState_JOB_STATE_SUCCESS:
		text += "  " + cleanLine(j.why())
	}
	text = strings.TrimRight(fit(text, width-1, f.style.ellipsis()), " ")
	return f.style.paint(lookOf(j.state).sgr, f.style.glyph(j.state)) + text
}
