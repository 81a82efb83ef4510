package supervisor

import (
	"cmp"
	"fmt"
	"strings"
	"time"
)

// Draw renders the tree a Spec describes, one child a line, each limit with its
// reason.
func Draw(s Spec) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s\n", s.Name, limits(s))
	drawChildren(&b, s.Children, "")
	return b.String()
}

func drawChildren(b *strings.Builder, children []Child, indent string) {
	for i, c := range children {
		branch, next := "├─ ", "│  "
		if i == len(children)-1 {
			branch, next = "└─ ", "   "
		}
		line, below := describe(c)
		fmt.Fprintf(b, "%s%s%s\n", indent, branch, line)
		drawChildren(b, below, indent+next)
	}
}

// describe returns the line of a child, and its own children.
func describe(c Child) (line string, below []Child) {
	does := ""
	if c.Does != "" {
		does = "  " + c.Does
	}
	switch {
	case c.Supervisor != nil:
		return c.Supervisor.Name + "  " + limits(*c.Supervisor) + does, c.Supervisor.Children
	case c.Template != nil:
		line = fmt.Sprintf("%s/%s%s  {%s}", c.Name, anyName, does, templateLimits(c.Template))
		if c.Template.Supervisor == nil {
			return line, nil
		}
		sub := c.Template.Supervisor(anyName)
		return line + "  " + limits(sub), sub.Children
	default:
		return c.Name + does, nil
	}
}

func limits(s Spec) string {
	return fmt.Sprintf("[%s, %d in %s: %s]", s.Strategy, s.Intensity.Restarts, brief(s.Intensity.Period),
		cmp.Or(s.Why, "no reason given"))
}

func templateLimits(t *Template) string {
	text := fmt.Sprintf("ends at crash %d", t.quarantine())
	if t.Within > 0 {
		text += " within " + brief(t.Within)
	}
	if t.Limit > 0 {
		text += fmt.Sprintf(", at most %d", t.Limit)
	}
	return text
}

// brief writes a duration without its zero parts: 5m, not 5m0s.
func brief(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
