package expr_test

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/workflow/expr"
)

// a line of a file of cases.
type line struct {
	file, section string
	number        int
	text, want    string
}

// cases reads the files of cases, each line an expression and its value.
func cases(tb testing.TB) (all []line) {
	tb.Helper()
	for _, name := range []string{"literals", "operators", "access", "functions", "json", "refused", "workflows"} {
		path := filepath.Join("testdata", name+".txt")
		file, err := os.Open(path)
		require.NoError(tb, err)
		defer file.Close()
		section, number := "", 0
		for in := bufio.NewScanner(file); in.Scan(); {
			text := in.Text()
			number++
			if heading, ok := strings.CutPrefix(text, "## "); ok {
				section = heading
				continue
			}
			if text == "" || section == "" {
				continue
			}
			source, want, ok := strings.Cut(text, " => ")
			if !ok {
				source, want, ok = strings.Cut(text, " ~> ")
			}
			require.True(tb, ok, "%s:%d", path, number)
			all = append(all, line{path, section, number, source, want})
		}
	}
	return all
}

// outcome says what becomes of an expression: its value, or where and why it has none.
func outcome(text string, e *expr.Env) string {
	parsed, err := expr.Parse(text)
	if f, ok := err.(expr.Fault); ok { //nolint:errorlint // it is what Parse promises
		return fmt.Sprintf("refused at %d: %s", f.Offset, f.Message)
	}
	scope := &expr.Scope{}
	for name := range e.Contexts {
		scope.Contexts = append(scope.Contexts, expr.Property{Name: name})
	}
	for _, f := range parsed.Check(scope) {
		return fmt.Sprintf("refused at %d: %s", f.Offset, f.Message)
	}
	v, err := parsed.Evaluate(e)
	if f, ok := err.(expr.Fault); ok { //nolint:errorlint // as above
		return fmt.Sprintf("fails at %d: %s", f.Offset, f.Message)
	}
	return show(v)
}

func TestEveryCaseHasItsValue(t *testing.T) {
	t.Parallel()
	all := cases(t)
	require.Greater(t, len(all), 800, "where have the cases gone?")
	e := contexts(t)
	for _, c := range all {
		assert.Equal(t, c.want, outcome(c.text, e), "%s:%d: %s: %s", c.file, c.number, c.section, c.text)
	}
}

// TestEachOperandComparesWithEachAsItShould takes all six operators to what the
// table says of the three.
func TestEachOperandComparesWithEachAsItShould(t *testing.T) {
	t.Parallel()
	operands, rows := comparisons(t)
	require.Len(t, operands, 27)
	e := contexts(t)
	for i, a := range operands {
		for j, b := range operands {
			is := rows[i][j]
			for op, want := range map[string]bool{
				"==": is == '=', "!=": is != '=',
				"<": is == '<', "<=": is == '<' || is == '=',
				">": is == '>', ">=": is == '>' || is == '=',
			} {
				text := a + op + b
				assert.Equal(t, want, value(t, text, e).Truthy(), text)
			}
		}
	}
}

func comparisons(t *testing.T) (operands, rows []string) {
	t.Helper()
	text, err := os.ReadFile("testdata/comparisons.txt")
	require.NoError(t, err)
	for row := range strings.Lines(string(text)) {
		if operand, signs, ok := strings.Cut(row, " | "); ok {
			operands = append(operands, strings.TrimRight(operand, " "))
			rows = append(rows, strings.TrimSpace(signs))
		}
	}
	return operands, rows
}
