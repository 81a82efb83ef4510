package main

import (
	"bufio"
	"fmt"
	"strings"

	"yardmaster/workflow"
)

// lintFault is a fault in JSON.
type lintFault struct {
	File    string        `json:"file"`
	Line    int           `json:"line"`
	Column  int           `json:"column"`
	Rule    workflow.Rule `json:"rule"`
	Message string        `json:"message"`
	Hint    string        `json:"hint"`
}

// lintJSON is a report in JSON.
type lintJSON struct {
	Files      []string     `json:"files"`
	Faults     []lintFault  `json:"faults"`
	Unreadable []unreadable `json:"unreadable"`
}

func (a *app) printLint(r *lintReport) error {
	switch a.output {
	case outputJSON:
		return printRaw(a.out, r.json())
	case outputSARIF:
		return printRaw(a.out, r.sarif(readBuildInfo().Version))
	}
	out := bufio.NewWriter(a.out)
	for _, f := range r.files {
		for _, fault := range f.faults {
			fmt.Fprint(out, a.style().fault(fault, f.src))
		}
	}
	return out.Flush()
}

func (r *lintReport) json() lintJSON {
	all := lintJSON{Files: []string{}, Faults: []lintFault{}, Unreadable: append([]unreadable{}, r.cannot...)}
	for _, f := range r.files {
		all.Files = append(all.Files, f.path)
		for _, fault := range f.faults {
			all.Faults = append(all.Faults, lintFault{
				fault.File, fault.Line, fault.Column, fault.Rule, fault.Message, fault.Hint,
			})
		}
	}
	return all
}

// fault shows a fault above the line of src that it is in. Without colours it is
// what its Error says.
func (s style) fault(f workflow.Fault, src []byte) string {
	hint := ""
	if f.Hint != "" {
		hint = " " + s.paint(sgrDim, "("+clean(f.Hint)+")")
	}
	place := fmt.Sprintf("%s:%d:%d:", cleanLine(f.File), f.Line, f.Column)
	line, caret, _ := strings.Cut(f.Snippet(src), "\n")
	text := s.paint(sgrBold, place) + " " + s.paint(sgrRed, clean(f.Message)) + hint + "\n"
	if line == "" {
		return text
	}
	gutter, mark, _ := strings.Cut(strings.TrimSuffix(caret, "\n"), "^")
	return text + line + "\n" + gutter + s.paint(sgrGreen, "^"+mark) + "\n"
}
