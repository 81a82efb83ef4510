package graph_test

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/domain/plan"
	"yardmaster/workflow/graph"
)

func TestTheExamplesAreDrawn(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"hello", "matrix", "pipeline", "resources", "retry"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := example(t, name)
			golden(t, name+".txt", g.Text(graph.Options{}))
			golden(t, name+".dot", g.DOT(graph.Options{}))
			golden(t, name+".svg", g.SVG(graph.Options{}))
		})
	}
}

// busy has one of everything.
const busy = `name: Busy
jobs:
  deploy: {name: Deploy, needs: [test, docs, lint], steps: [{run: x}]}
  lint: {steps: [{run: x}]}
  build: {name: Build everything, steps: [{run: x}]}
  generate: {steps: [{run: x}]}
  test:
    name: Test
    needs: [build, generate]
    strategy: {matrix: {os: [linux, macos, windows], go: [1.24, 1.25, 1.26, tip]}}
    steps: [{run: x}]
  docs:
    needs: generate
    strategy: {matrix: {lang: [en, de]}}
    steps: [{run: x}]
  report: {needs: [test, build], steps: [{run: x}]}
  announce: {needs: [deploy, generate, report], steps: [{run: x}]}
`

func TestABusyWorkflowIsDrawn(t *testing.T) {
	t.Parallel()
	g := parse(t, busy)
	g.Jobs[0].If = "github.ref == 'refs/heads/main' && success()"
	for name, o := range map[string]graph.Options{
		"busy": {}, "busy_ascii": {ASCII: true}, "busy_expanded": {Expand: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			golden(t, name+".txt", g.Text(o))
			golden(t, name+".dot", g.DOT(o))
			golden(t, name+".svg", g.SVG(o))
		})
	}
}

func TestJobsThatNeedTheSameShareTheirWires(t *testing.T) {
	t.Parallel()
	same := []int{0, 1, 2, 3}
	g := of(nil, nil, nil, nil, same, []int{3, 2, 1, 0}, same, []int{0, 1, 2}, []int{0, 4, 7}, []int{5, 6, 2})
	golden(t, "joint.svg", g.SVG(graph.Options{}))
}

func TestALargeWorkflowNamesFewNeeds(t *testing.T) {
	t.Parallel()
	g := of(nil, nil, nil, nil, nil, nil, nil, nil, nil, numbers(9))
	assert.Contains(t, g.Text(graph.Options{}), "needs j0, j1, j2, j3, j4, j5, j6 and 2 more\n")
	assert.Contains(t, g.Text(graph.Options{Expand: true}), "j6, j7, j8\n")
}

func TestAGraphHasTheJobsOfTheFile(t *testing.T) {
	t.Parallel()
	g := parse(t, busy)
	assert.Equal(t, [][]int{{1, 2, 3}, {4, 5}, {0, 6}, {7}}, g.Levels)
	test := g.Jobs[4]
	assert.Equal(t, "Test", test.Name)
	assert.Equal(t, []int{2, 3}, test.Needs)
	assert.Equal(t, 1, test.Level)
	assert.Len(t, test.Cells, 12)
	assert.Equal(t, "(linux, 1.24)", test.Values(test.Cells[0]))
	assert.Equal(t, []int{4, 5, 1}, g.Jobs[0].Needs, "a matrix once")
	assert.Empty(t, g.Jobs[1].Cells)
}

func TestACircleIsNoEndlessLoop(t *testing.T) {
	t.Parallel()
	g := of([]int{1}, []int{0}, nil, []int{2})
	assert.Equal(t, [][]int{{0, 1, 2}, {3}}, g.Levels)
	assert.Len(t, g.Layout(graph.Options{}).Wires, 1)
}

func TestAGraphWithoutJobsIsDrawn(t *testing.T) {
	t.Parallel()
	g := of()
	assert.Equal(t, "w: 0 jobs on 0 levels\n\n", g.Text(graph.Options{}))
	assert.Positive(t, g.Layout(graph.Options{}).Width)
}

func TestTextsOfTheFileAreEscaped(t *testing.T) {
	t.Parallel()
	const evil = `a"]; b [x="\` + "</title><script>&\x00\xff\n"
	g := graph.Of(&plan.Workflow{Name: evil, Groups: []plan.Group{{}}, Jobs: []plan.Job{
		{ID: "a", Key: "a", Name: evil, If: evil, Group: plan.NoGroup},
		{ID: "b", Key: "b (" + evil + ")", Name: "b (" + evil + ")", Needs: []int{0}},
	}})
	d := xml.NewDecoder(strings.NewReader(g.SVG(graph.Options{})))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		if start, ok := token.(xml.StartElement); ok {
			assert.NotEqual(t, "script", start.Name.Local)
		}
	}
	golden(t, "evil.dot", g.DOT(graph.Options{}))
}

func TestALongLabelIsCut(t *testing.T) {
	t.Parallel()
	for _, name := range []string{strings.Repeat("x", 300), strings.Repeat("幅", 300)} {
		g := of(nil)
		g.Jobs[0].Name = name
		assert.Contains(t, g.DOT(graph.Options{}), "…")
		assert.Less(t, g.Layout(graph.Options{}).Width, 500)
	}
}
