package main

import (
	"os"
	"strings"

	"golang.org/x/term"

	"yardmaster/messages"
)

// style is how states look: with colours or without, in Unicode or in ASCII.
type style struct {
	color, ascii bool
}

const (
	sgrReset  = "\x1b[0m"
	sgrBold   = "1"
	sgrDim    = "2"
	sgrRed    = "31"
	sgrGreen  = "32"
	sgrYellow = "33"
	sgrCyan   = "36"
)

// paint wraps s in an SGR code.
func (s style) paint(sgr, text string) string {
	if !s.color || text == "" {
		return text
	}
	return "\x1b[" + sgr + "m" + text + sgrReset
}

// look is the sign and colour of a state.
type look struct{ glyph, ascii, sgr string }

func lookOf(state messages.JobState) look {
	switch state {
	case messages.JobState_JOB_STATE_PENDING:
		return look{"○", ".", sgrDim}
	case messages.JobState_JOB_STATE_RUNNING:
		return look{"●", ">", sgrCyan}
	case messages.JobState_JOB_STATE_SUCCESS:
		return look{"✓", "+", sgrGreen}
	case messages.JobState_JOB_STATE_FAILED:
		return look{"✗", "x", sgrRed}
	case messages.JobState_JOB_STATE_CANCELLED:
		return look{"⊘", "-", sgrYellow}
	case messages.JobState_JOB_STATE_UNSPECIFIED:
	}
	return look{"?", "?", sgrDim}
}

func (s style) glyph(state messages.JobState) string {
	l := lookOf(state)
	if s.ascii {
		return l.ascii
	}
	return l.glyph
}

func (s style) state(state messages.JobState) string {
	return s.paint(lookOf(state).sgr, stateName(state))
}

func (s style) ellipsis() string {
	if s.ascii {
		return "..."
	}
	return "…"
}

func (s style) arrow() string {
	if s.ascii {
		return ">"
	}
	return "▸"
}

// style returns how this call shall look.
func (a *app) style() style {
	_, _, terminal := a.size()
	return style{color: terminal && !a.noColor && a.getenv("TERM") != "dumb", ascii: !utf8Locale(a.getenv)}
}

// utf8Locale reports whether the environment asks for UTF-8, as programs in C
// would find out. No locale at all counts as UTF-8: containers have none.
func utf8Locale(getenv func(string) string) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := strings.ToLower(getenv(name)); v != "" {
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return true
}

// terminalSize returns the size of the terminal that f is, if it is one.
func terminalSize(f *os.File) func() (width, height int, ok bool) {
	return func() (int, int, bool) {
		w, h, err := term.GetSize(int(f.Fd()))
		return w, h, err == nil && w > 0 && h > 0
	}
}
