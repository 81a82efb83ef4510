// Package scalefile reads the file that says which classes of workers there are,
// and who starts and stops them. It finds every fault of a file at once, each with
// its line and column.
package scalefile

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"yardmaster/domain/scale"
)

// MaxBytes is the longest file that is read.
const MaxBytes = 1 << 20

// Providers that a class may name.
const (
	Exec    = "exec"    // processes of the server's machine
	Webhook = "webhook" // a service of the operator's
	None    = "none"    // somebody else, by the desired number alone
)

// File is what a file says.
type File struct {
	// Classes are as they stand in the file. Those of provider none are External.
	Classes []scale.Class
	// Args are more flags for the workers of each class, for Exec.
	Args map[string][]string
	// URL and KeyFile are for Webhook; "" when no class needs it.
	URL, KeyFile string
}

// Uses reports whether a class names the provider.
func (f *File) Uses(provider string) bool {
	return slices.ContainsFunc(f.Classes, func(c scale.Class) bool { return c.Provider == provider })
}

// Fault is one thing wrong with a file, and where.
type Fault struct {
	File         string
	Line, Column int // from 1
	Message      string
}

// Error returns "file:line:column: message".
func (f Fault) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", f.File, f.Line, f.Column, f.Message)
}

// Faults are all the faults of a file, in the order of their places.
type Faults []Fault

// Error returns one fault a line.
func (fs Faults) Error() string {
	lines := make([]string, len(fs))
	for i, f := range fs {
		lines[i] = f.Error()
	}
	return strings.Join(lines, "\n")
}

// reader reads nodes and collects what is wrong on the way.
type reader struct {
	name   string
	faults Faults
}

// Read reads a file; name is for messages about it. Its error is Faults.
func Read(name string, src []byte) (*File, error) {
	r := &reader{name: name}
	f := &File{Args: map[string][]string{}}
	if root := r.parse(src); root != nil {
		r.fields(root, "the file", map[string]func(*yaml.Node){
			"classes": func(n *yaml.Node) { r.classes(n, f) },
			"webhook": func(n *yaml.Node) { r.webhook(n, f) },
		}, "classes")
		if f.Uses(Webhook) && f.URL == "" && r.key(root, "webhook") == nil {
			r.fault(root, "a class has the provider webhook: say under webhook where it is, with url and key-file")
		}
	}
	if len(r.faults) > 0 {
		slices.SortStableFunc(r.faults, func(a, b Fault) int {
			return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
		})
		return nil, r.faults
	}
	return f, nil
}

// parse returns the mapping that a file is, or nil.
func (r *reader) parse(src []byte) *yaml.Node {
	top := &yaml.Node{Line: 1, Column: 1}
	if len(src) > MaxBytes {
		r.fault(top, "the file has more than %d bytes", MaxBytes)
		return nil
	}
	var doc yaml.Node
	in := yaml.NewDecoder(strings.NewReader(string(src)))
	err := in.Decode(&doc)
	switch {
	case errors.Is(err, io.EOF):
		r.fault(top, "the file is empty: it needs classes")
		return nil
	case err != nil:
		line, message := yamlError(err)
		r.fault(&yaml.Node{Line: line, Column: 1}, "it is not YAML: %s", message)
		return nil
	}
	if in.Decode(new(yaml.Node)) != io.EOF { //nolint:errorlint // Decode returns this very value
		r.fault(top, "the file has more than one document")
		return nil
	}
	r.plain(&doc)
	if len(r.faults) > 0 {
		return nil
	}
	return doc.Content[0]
}

// yamlError returns the line of a parser's error, and its words.
func yamlError(err error) (line int, message string) {
	message = strings.TrimPrefix(err.Error(), "yaml: ")
	if _, scanned := fmt.Sscanf(message, "line %d:", &line); scanned == nil && line > 0 {
		_, message, _ = strings.Cut(message, ": ")
		return line, message
	}
	return 1, message
}

// plain refuses what makes a file longer than it looks, or means something else.
func (r *reader) plain(n *yaml.Node) {
	switch {
	case n.Kind == yaml.AliasNode, n.Anchor != "":
		r.fault(n, "anchors and aliases are not supported")
		return
	case n.Style&yaml.TaggedStyle != 0:
		r.fault(n, "tags are not supported")
	}
	for _, c := range n.Content {
		r.plain(c)
	}
}

func (r *reader) fault(n *yaml.Node, format string, args ...any) {
	r.faults = append(r.faults, Fault{r.name, n.Line, n.Column, fmt.Sprintf(format, args...)})
}

// key returns the node of a key of a mapping, or nil.
func (r *reader) key(n *yaml.Node, name string) *yaml.Node {
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i]
		}
	}
	return nil
}

// fields reads a mapping: each key by its function, the needed ones present, no
// other, and none twice.
func (r *reader) fields(n *yaml.Node, what string, read map[string]func(*yaml.Node), needed ...string) {
	if n.Kind != yaml.MappingNode {
		r.fault(n, "%s must be a mapping", what)
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		f, known := read[k.Value]
		switch {
		case !known:
			r.fault(k, "%s has no key %s; it can have %s", what, quote(k.Value), list(read))
		case seen[k.Value]:
			r.fault(k, "%s is there twice", k.Value)
		default:
			f(v)
		}
		seen[k.Value] = true
	}
	for _, name := range needed {
		if !seen[name] {
			r.fault(n, "%s needs %s", what, name)
		}
	}
}

func list(read map[string]func(*yaml.Node)) string {
	names := make([]string, 0, len(read))
	for name := range read {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// quote keeps a message readable that quotes a file.
func quote(s string) string {
	const most = 60
	if len(s) > most {
		s = s[:most] + "…"
	}
	return fmt.Sprintf("%q", s)
}
