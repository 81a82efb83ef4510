package archtest_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	module = "yardmaster/"
	root   = "../.."
)

// source is one Go file, as far as the rules mind it.
type source struct {
	path      string // from the root, with slashes
	lines     int
	test      bool
	generated bool
	imports   []string
	syntax    *ast.File
	fset      *token.FileSet
}

// folder is the path of the package, "." at the root.
func (s *source) folder() string { return path.Dir(s.path) }

// top is the first folder of the path.
func (s *source) top() string { return topOf(s.folder()) }

func topOf(folder string) string {
	top, _, _ := strings.Cut(folder, "/")
	return top
}

// sources reads every Go file of the module. It reads the files itself, rather
// than asking the go command, so that the test cache sees them change.
func sources(t *testing.T) (all []*source) {
	t.Helper()
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != root && skipped(name):
			return filepath.SkipDir
		case !entry.IsDir() && strings.HasSuffix(name, ".go"):
			all = append(all, read(t, name))
		}
		return nil
	})
	require.NoError(t, err)
	return all
}

// skipped reports whether the go command passes over a folder, too: hidden ones,
// test data, and modules of their own.
func skipped(dir string) bool {
	base := filepath.Base(dir)
	if base == "testdata" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") {
		return true
	}
	_, err := os.Stat(filepath.Join(dir, "go.mod"))
	return err == nil
}

func read(t *testing.T, name string) *source {
	t.Helper()
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	fset := token.NewFileSet()
	syntax, err := parser.ParseFile(fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
	require.NoError(t, err)
	rel, err := filepath.Rel(root, name)
	require.NoError(t, err)
	s := &source{
		path: filepath.ToSlash(rel), lines: strings.Count(string(text), "\n"), test: strings.HasSuffix(name, "_test.go"),
		generated: ast.IsGenerated(syntax), syntax: syntax, fset: fset,
	}
	for _, spec := range syntax.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		require.NoError(t, err)
		s.imports = append(s.imports, imported)
	}
	return s
}
