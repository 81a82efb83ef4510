package expr_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"yardmaster/workflow/expr"
)

// usual are expressions as they stand in workflow files.
func usual() map[string]string {
	return map[string]string{
		"condition": "github.ref == 'refs/heads/main' && needs.build.result == 'success'",
		"contains":  "contains(github.event.pull_request.labels.*.name, 'deploy')",
		"format":    "format('{0}-{1}-{2}', matrix.os, matrix.node, github.run_number)",
		"json":      "fromJSON(needs.build.outputs.list)[1]",
		"deep":      "github.event.pull_request.head.repo.full_name == 'a/b'",
	}
}

// event returns the contexts of a run for a pull request of a usual size.
func event(tb testing.TB) *expr.Env {
	tb.Helper()
	var labels, extra []string
	for i := range 5 {
		labels = append(labels, fmt.Sprintf(`{"name": "label-%d", "color": "ffffff"}`, i))
	}
	for i := range 400 {
		extra = append(extra, fmt.Sprintf(`"url_%d": "https://api.example/repos/a/b/things/%d"`, i, i))
	}
	fields := strings.Join(extra, ",")
	return env(tb, `{"github": {"ref": "refs/heads/main", "run_number": "7", "event": {`+fields+`,
		"pull_request": {`+fields+`, "labels": [`+strings.Join(labels, ",")+`],
		"head": {"repo": {`+fields+`, "full_name": "a/b"}}}}},
		"needs": {"build": {"result": "success", "outputs": {"list": "[\"a\", \"b\"]"}}},
		"matrix": {"os": "linux", "node": 20}}`)
}

func BenchmarkEvaluate(b *testing.B) {
	e := event(b)
	for name, text := range usual() {
		b.Run(name, func(b *testing.B) {
			parsed, err := expr.Parse(text)
			require.NoError(b, err)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := parsed.Evaluate(e); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkParse(b *testing.B) {
	longest := strings.Repeat("github.event.x[0] == 'y' && ", expr.MaxLength/28-1) + "true"
	texts := usual()
	texts["longest"] = longest
	for name, text := range texts {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if _, err := expr.Parse(text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkTemplate(b *testing.B) {
	e := event(b)
	template, err := expr.ParseTemplate("Run ${{ github.run_number }} of ${{ github.ref }} on ${{ matrix.os }}!")
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := template.Evaluate(e); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	scope := step()
	parsed, err := expr.Parse(usual()["condition"])
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		if faults := parsed.Check(scope); len(faults) > 0 {
			b.Fatal(faults)
		}
	}
}

// BenchmarkRefuse measures what it costs to refuse each hostile expression.
func BenchmarkRefuse(b *testing.B) {
	e := &expr.Env{Functions: map[string]expr.Function{}}
	for name, text := range bombs() {
		b.Run(strings.ReplaceAll(name, " ", "-"), func(b *testing.B) {
			parsed, err := expr.Parse(text)
			require.NoError(b, err)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := parsed.Evaluate(e); err == nil {
					b.Fatal("it was accepted")
				}
			}
		})
	}
}
