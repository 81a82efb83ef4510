package supervisor

import (
	"errors"
	"fmt"
	"strings"
)

// anyName stands for the names of a template's children, in drawings, checks
// and classes.
const anyName = "*"

// Validate reports every fault of a tree at once, or nil.
func Validate(s Spec) error { return errors.Join(faults(s, s.Name)...) }

func faults(s Spec, path string) (found []error) {
	fault := func(format string, args ...any) {
		found = append(found, fmt.Errorf("supervisor: %s: "+format, append([]any{path}, args...)...))
	}
	if s.Name == "" || strings.Contains(s.Name, "/") {
		fault("name %q is empty or has a slash", s.Name)
	}
	if s.Intensity.Restarts < 0 || s.Intensity.Period <= 0 {
		fault("intensity needs restarts >= 0 and a period > 0")
	}
	if s.Strategy > OneForAll {
		fault("unknown strategy")
	}
	seen := map[string]bool{}
	for _, c := range s.Children {
		if seen[c.name()] {
			fault("child %q is listed twice", c.name())
		}
		seen[c.name()] = true
		found = append(found, childFaults(c, path+"/"+c.name())...)
		if c.Template != nil && (len(s.Children) > 1 || s.Strategy != OneForOne) {
			fault("a template is an only child, and one_for_one")
		}
	}
	return found
}

func childFaults(c Child, path string) (found []error) {
	kinds := 0
	for _, set := range []bool{c.Start != nil, c.Supervisor != nil, c.Template != nil} {
		if set {
			kinds++
		}
	}
	if kinds != 1 {
		found = append(found, fmt.Errorf("supervisor: %s: need one of Start, Supervisor and Template", path))
	}
	if name := c.name(); c.Supervisor == nil && (name == "" || strings.Contains(name, "/")) {
		found = append(found, fmt.Errorf("supervisor: %s: name %q is empty or has a slash", path, name))
	}
	if c.Supervisor != nil {
		found = append(found, faults(*c.Supervisor, path)...)
	}
	if t := c.Template; t != nil {
		if t.Start != nil && t.Supervisor != nil {
			found = append(found, fmt.Errorf("supervisor: %s: template has both Start and Supervisor", path))
		}
		if t.Supervisor != nil {
			sub := t.Supervisor(anyName)
			sub.Name = anyName
			found = append(found, faults(sub, path+"/"+anyName)...)
		}
	}
	return found
}
