package workflow_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"yardmaster/workflow/action"
)

// TestEveryKeyIsDocumented asks the faults which keys there are.
func TestEveryKeyIsDocumented(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../docs/workflow-syntax.md")
	require.NoError(t, err)
	sections := map[string]string{}
	for _, section := range strings.Split(string(doc), "\n## ")[1:] {
		title, text, _ := strings.Cut(section, "\n")
		sections[title] = text
	}
	for title, src := range map[string]string{
		"The workflow": "jobs: {a: {steps: [{run: x}]}}\nqqqqqqqq: x\n", "A job": job("qqqqqqqq: x"),
		"A step": step("qqqqqqqq: x"), "Inputs": "on: {workflow_dispatch: {inputs: {a: {qqqqqqqq: x}}}}\n" + job(),
		"`yardmaster`: our own key": job("yardmaster: {qqqqqqqq: x}"),
	} {
		found := regexp.MustCompile(`possible here: ([^)]*)\)`).FindStringSubmatch(refuse(t, src))
		require.Len(t, found, 2, title)
		for _, key := range strings.Split(found[1], ", ") {
			require.Regexp(t, "`[^`]*\\b"+key+"\\b[^`]*`", sections[title], "%s in %s", key, title)
		}
	}
}

func TestEveryInputOfAnActionIsDocumented(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../docs/workflow-syntax.md")
	require.NoError(t, err)
	_, section, found := strings.Cut(string(doc), "\n### Actions\n")
	require.True(t, found)
	section, _, _ = strings.Cut(section, "\n## ")
	for _, name := range action.Names() {
		require.Contains(t, section, strings.TrimPrefix(name, "actions/")+"`", name)
		a, _ := action.Find(name + "@v1")
		for _, input := range a.InputNames() {
			if plain, ok := strings.CutSuffix(input, "-version-file"); ok {
				input = plain + "-version" // "the same with -file"
			}
			require.Contains(t, section, "`"+input+"`", "%s of %s", input, name)
		}
	}
}
