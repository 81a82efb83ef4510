package graph_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"yardmaster/workflow"
	"yardmaster/workflow/graph"
)

func BenchmarkAThousandJobs(b *testing.B) {
	src := []byte(ci(1000, 40))
	plan, err := workflow.Parse("ci.yml", src, workflow.Submission{})
	require.NoError(b, err)
	g := graph.Of(plan)
	b.Run("parse", func(b *testing.B) {
		for b.Loop() {
			_, err := workflow.Parse("ci.yml", src, workflow.Submission{})
			require.NoError(b, err)
		}
	})
	b.Run("of", func(b *testing.B) {
		for b.Loop() {
			graph.Of(plan)
		}
	})
	for name, draw := range map[string]func(graph.Options) string{"text": g.Text, "dot": g.DOT, "svg": g.SVG} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				draw(graph.Options{Expand: true})
			}
		})
	}
}
