package workflow_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"yardmaster/workflow"
)

// TestAFaultIsFoundInEveryKindOfScalar marks in each file the place of the fault with §,
// which is taken out before.
func TestAFaultIsFoundInEveryKindOfScalar(t *testing.T) {
	t.Parallel()
	for name, src := range map[string]string{
		"plain":              "run: a ${{ §bad }}",
		"plain, two lines":   "run: a b\n          c  ${{ §bad }} d",
		"plain, blank line":  "run: a b  \n\n          ${{ §bad }}\n          d",
		"single quotes":      "run: 'it''s ''${{ §bad }}'''",
		"quotes, two lines":  "run: 'it''s\n\n           x ''${{ §bad }}'''",
		"double quotes":      `run: "a\"\\\x41\u00e9\U0001F600 é\t${{ §bad }}"`,
		"escaped blanks":     `run: "a\n  \n\t ${{ §bad }}"`,
		"escaped line end":   "run: \"a\\\n          b\\\n             ${{ §bad }}\"",
		"escaped within":     `run: "\x24{{ §b\x61d }}"`,
		"literal":            "run: |\n          one\n\n            two\n          é ${{ §bad }}",
		"literal, keep":      "run: |+2 # comment\n            ${{ §bad }}\n\n\n",
		"folded":             "run: >-\n          one\n          two\n\n          three ${{\n          §bad }}",
		"anchor":             "run: &anchor |\n          one\n          ${{ §bad }}",
		"anchor of quotes":   "run: &a 'it''s ${{ §bad }}'",
		"several":            "run: ${{ 'x' }} ${{ github.ref }} ${{ §bad }}",
		"key in quotes":      `"run": "a ${{ §bad }}"`,
		"after wide letters": "name: é\n        run: 'ééé ${{ §bad }}'",
		"in a condition":     "run: x\n        if: |\n          github.ref &&\n          §bad",
		"in a flow":          `run: x` + "\n" + `        env: {A: 'é', B: "é ${{ §bad }}", C: x}`,
	} {
		for _, end := range []string{"\n", "\r\n"} {
			marked := strings.ReplaceAll("jobs:\n  a:\n    steps:\n      - "+src+"\n", "\n", end)
			before, after, _ := strings.Cut(marked, "§")
			line := strings.Count(before, "\n") + 1
			column := len([]rune(before[strings.LastIndex(before, "\n")+1:])) + 1
			_, err := workflow.Parse("ci.yml", []byte(before+after), workflow.Submission{})
			var faults workflow.Faults
			require.ErrorAs(t, err, &faults, name)
			require.Len(t, faults, 1, name)
			require.Equal(t, fmt.Sprintf("%d:%d", line, column), fmt.Sprintf("%d:%d", faults[0].Line, faults[0].Column), name)
		}
	}
}

func TestAFaultIsFoundInAnyLiteral(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.StringMatching(`[a-zé'"\\#:]{1,5}( {1,3}[a-zé'"\\]{1,5}){0,3}`), 1, 6).Draw(t, "lines")
		at := rapid.IntRange(0, len(words)-1).Draw(t, "at")
		words[at] += " ${{ bad }}"
		indent := strings.Repeat(" ", rapid.IntRange(1, 5).Draw(t, "indent"))
		head := rapid.SampledFrom([]string{"|", "|-", ">", ">+"}).Draw(t, "head")
		src := "jobs:\n  a:\n    steps:\n      - run: " + head + "\n"
		for _, w := range words {
			src += "        " + indent + w + "\n"
		}
		_, err := workflow.Parse("ci.yml", []byte(src), workflow.Submission{})
		want := fmt.Sprintf("ci.yml:%d:%d: unknown context", 5+at, 8+len(indent)+len([]rune(words[at]))-6+1)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Fatalf("want %q, got %v\n%s", want, err, src)
		}
	})
}

func TestAFaultIsFoundInAnyQuotes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		single := rapid.Bool().Draw(t, "single")
		part := rapid.OneOf(rapid.StringMatching(`[a-zé' ]{1,4}`), rapid.SampledFrom([]string{
			`\\`, `\"`, `\t`, `\x41`, `\u00e9`, `\U0001F600`, `\_`, `\N`, `\ `, `\x20`,
			"\\\n          ", "\n          ", "\n\n          ",
		}))
		quotes := `"`
		if single {
			quotes = "'"
			part = rapid.OneOf(rapid.StringMatching(`[a-zé\\"]{1,4}( {1,2}[a-z]{1,3})?`), rapid.SampledFrom([]string{
				"''", "\n          ", "\n\n          ",
			}))
		}
		before := strings.Join(rapid.SliceOfN(part, 0, 12).Draw(t, "parts"), "")
		src := "jobs:\n  a:\n    steps:\n      - run: " + quotes + "x" + before + "x${{ "
		line := strings.Count(src, "\n") + 1
		column := len([]rune(src[strings.LastIndex(src, "\n")+1:])) + 1
		_, err := workflow.Parse("ci.yml", []byte(src+"bad }}"+quotes+"\n"), workflow.Submission{})
		want := fmt.Sprintf("ci.yml:%d:%d: unknown context", line, column)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Fatalf("want %q, got %v\n%s", want, err, src)
		}
	})
}
