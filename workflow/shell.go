package workflow

import (
	"slices"
	"strings"
)

const maxShell = 1024 // bytes of a template

// shells are those a step may name without saying how they are called.
func shells() []string { return []string{"bash", "sh", "python"} }

// shell reads the name of a shell, or a command with {0} where the script's file goes.
func (d *decoder) shell(n *node) string {
	s, ok := d.text(n)
	if !ok {
		return ""
	}
	known := strings.Join(shells(), ", ")
	words := strings.Fields(s)
	switch {
	case slices.Contains(shells(), s):
	case len(words) == 0:
		d.report(n.pos, "shell is empty", "one of "+known+", or a command with {0} for the script's file")
	case len(s) > maxShell || !printable(s):
		d.report(n.pos, "shell must be one line of printable characters", "")
	case !strings.Contains(s, "{0}"):
		hint := "one of " + known + `; or say how it is called, with {0} for the script's file: ` + quote(s+" {0}")
		d.report(n.pos, "unknown shell "+quote(s), hint)
	case strings.Contains(words[0], "{0}"):
		d.report(n.pos, "shell must begin with a command", "{0} is the script's file: sh -e {0}")
	}
	return s
}
