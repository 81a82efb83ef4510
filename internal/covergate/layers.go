package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"text/tabwriter"
)

// module is the path that stands before every file in a profile.
const module = "yardmaster/"

// reader reads files of the module by their path.
type reader = fs.FS

// layer is a folder of the tree and the least share of its statements, in per
// cent, that tests must run.
type layer struct {
	name  string
	floor float64
}

// layers are in the order in which they are shown. What is not here (the load
// test, the end-to-end tests, internal) is a test itself.
func layers() []layer {
	return []layer{
		{"domain", 95},
		{"actors", 90},
		{"supervisor", 85},
		{"store", 85},
		{"cluster", 85},
		{"messages", 85},
		{"workflow", 85},
		{"worker", 85},
		{"api", 85},
		{"observe", 85},
		{"provider", 85},
		{"cmd", 85},
	}
}

// row is what was measured of a layer.
type row struct {
	layer
	statements, covered int
}

// share returns the per cent of statements that were run.
func (r row) share() float64 {
	if r.statements == 0 {
		return 0
	}
	return 100 * float64(r.covered) / float64(r.statements)
}

func (r row) reached() bool { return r.statements > 0 && r.share() >= r.floor }

// measure adds the blocks up by layer.
func measure(blocks map[place]block, wanted []layer, tree reader) ([]row, error) {
	rows := make([]row, len(wanted))
	at := map[string]*row{}
	for i, l := range wanted {
		rows[i].layer = l
		at[l.name] = &rows[i]
	}
	counts := map[string]bool{}
	for where, b := range blocks {
		name, ours := strings.CutPrefix(where.file, module)
		top, _, _ := strings.Cut(name, "/")
		r := at[top]
		if !ours || r == nil {
			continue
		}
		count, asked := counts[name]
		if !asked {
			var err error
			if count, err = isOurs(tree, name); err != nil {
				return nil, err
			}
			counts[name] = count
		}
		if !count {
			continue
		}
		r.statements += b.statements
		if b.covered {
			r.covered += b.statements
		}
	}
	return rows, nil
}

// isOurs reports whether a file was written by hand and is part of the program:
// packages whose name ends in test serve tests only.
func isOurs(tree reader, name string) (bool, error) {
	folders := strings.Split(name, "/")
	if len(folders) > 1 && strings.HasSuffix(folders[len(folders)-2], "test") {
		return false, nil
	}
	text, err := fs.ReadFile(tree, name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("%s is in the profile but not in the tree: the profile is old", name)
	}
	if err != nil {
		return false, err
	}
	head, _, _ := bytes.Cut(text, []byte("\npackage "))
	return !bytes.Contains(head, []byte("DO NOT EDIT")), nil
}

// report prints a line a layer and reports whether every floor was reached.
func report(w io.Writer, rows []row) bool {
	ok := true
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "layer\tstatements\tcovered\tfloor\t")
	for _, r := range rows {
		verdict := ""
		if !r.reached() {
			ok, verdict = false, "  too little"
		}
		fmt.Fprintf(table, "%s\t%d\t%.1f %%\t%.0f %%\t%s\n", r.name, r.statements, r.share(), r.floor, verdict)
	}
	if err := table.Flush(); err != nil {
		return false
	}
	return ok
}
