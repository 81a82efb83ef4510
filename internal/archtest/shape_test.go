package archtest_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

const (
	maxFile     = 400 // lines of a file
	maxFunction = 70  // lines of a function, with its head and its closing brace
)

// clocks are the functions of package time that read a clock or start a timer.
var clocks = []string{
	"After", "AfterFunc", "NewTicker", "NewTimer", "Now", "Since", "Sleep", "Tick", "Until",
}

// timeless are the folders in which time comes in as an argument.
var timeless = []string{"domain", "workflow"}

func TestFilesAndFunctionsAreShort(t *testing.T) {
	t.Parallel()

	var breaches []string
	for _, s := range sources(t) {
		if !s.test && !s.generated {
			breaches = append(breaches, longParts(s)...)
		}
	}
	assert.Empty(t, breaches)
}

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	t.Parallel()

	assert.Empty(t, unexplained(sources(t)))
}

func TestTimeAndChanceComeInAsArguments(t *testing.T) {
	t.Parallel()

	var breaches []string
	for _, s := range sources(t) {
		if slices.Contains(timeless, s.top()) && !s.test {
			breaches = append(breaches, effects(s)...)
		}
	}
	assert.Empty(t, breaches)
}

func TestTheShapeRulesFindTheirBreaches(t *testing.T) {
	t.Parallel()

	long := parsed(t, "x/x.go", "package x\n\nfunc f() {\n"+strings.Repeat("\t_ = 1\n", maxFunction)+"}\n")
	assert.Equal(t, []string{"x/x.go:3: f has 72 lines, more than 70"}, longParts(long))
	assert.Equal(t, []string{"x: no file has a package comment"}, unexplained([]*source{long}))

	file := parsed(t, "x/y.go", "// Package x is long.\npackage x\n"+strings.Repeat("\n", maxFile))
	assert.Equal(t, []string{"x/y.go has 402 lines, more than 400"}, longParts(file))
	assert.Empty(t, unexplained([]*source{long, file}))

	ticking := parsed(t, "domain/z.go", `package z

import clock "time"

func f() clock.Time { go f(); return clock.Now() }
`)
	assert.Equal(t, []string{"domain/z.go:5: starts a goroutine", "domain/z.go:5: calls time.Now"}, effects(ticking))
}

// longParts returns a sentence for the file, and one for each function, that is
// too long.
func longParts(s *source) (breaches []string) {
	if s.lines > maxFile {
		breaches = append(breaches, fmt.Sprintf("%s has %d lines, more than %d", s.path, s.lines, maxFile))
	}
	for _, decl := range s.syntax.Decls {
		f, ok := decl.(*ast.FuncDecl)
		if !ok {
			continue
		}
		first, last := s.fset.Position(f.Pos()).Line, s.fset.Position(f.End()).Line
		if lines := last - first + 1; lines > maxFunction {
			breaches = append(breaches,
				fmt.Sprintf("%s:%d: %s has %d lines, more than %d", s.path, first, f.Name.Name, lines, maxFunction))
		}
	}
	return breaches
}

// unexplained returns the packages that no file explains. What consists of tests
// or of generated code alone explains itself.
func unexplained(all []*source) (breaches []string) {
	explained := map[string]bool{}
	for _, s := range all {
		if s.test || s.generated {
			continue
		}
		says := s.syntax.Doc != nil && strings.TrimSpace(s.syntax.Doc.Text()) != ""
		explained[s.folder()] = explained[s.folder()] || says
	}
	for folder, says := range explained {
		if !says {
			breaches = append(breaches, folder+": no file has a package comment")
		}
	}
	slices.Sort(breaches)
	return breaches
}

// effects returns a sentence for each goroutine that is started and each clock
// that is read.
func effects(s *source) (breaches []string) {
	clock := importedAs(s.syntax, "time")
	ast.Inspect(s.syntax, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			breaches = append(breaches, fmt.Sprintf("%s:%d: starts a goroutine", s.path, s.fset.Position(n.Pos()).Line))
		case *ast.SelectorExpr:
			if pkg, ok := n.X.(*ast.Ident); ok && pkg.Name == clock && slices.Contains(clocks, n.Sel.Name) {
				breaches = append(breaches,
					fmt.Sprintf("%s:%d: calls time.%s", s.path, s.fset.Position(n.Pos()).Line, n.Sel.Name))
			}
		}
		return true
	})
	return breaches
}

// importedAs returns the name by which a file knows a package, or "".
func importedAs(f *ast.File, imported string) string {
	for _, spec := range f.Imports {
		if spec.Path.Value != `"`+imported+`"` {
			continue
		}
		if spec.Name != nil {
			return spec.Name.Name
		}
		return path.Base(imported)
	}
	return ""
}

func parsed(t *testing.T, name, text string) *source {
	t.Helper()
	fset := token.NewFileSet()
	syntax, err := parser.ParseFile(fset, name, text, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	return &source{path: name, lines: strings.Count(text, "\n"), syntax: syntax, fset: fset}
}
