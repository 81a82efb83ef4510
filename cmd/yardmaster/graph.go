package main

import (
	"io"

	"github.com/spf13/cobra"

	"yardmaster/workflow/graph"
)

// Values of --format, beside text.
const (
	formatDOT = "dot"
	formatSVG = "svg"
)

// graphOptions are the flags of yardmaster graph.
type graphOptions struct {
	format  string
	given   bool
	expand  bool
	trigger triggerOptions
}

func (a *app) graphCommand() *cobra.Command {
	var o graphOptions
	cmd := &cobra.Command{
		Use:   "graph FILE",
		Short: "Show which job of a workflow needs which",
		Long: `Show the plan of a workflow, without a server: its jobs in levels, what each needs,
its condition and its matrix. The cells of a matrix are one job here; those of one
with more than 8 are shown with --expand.

With --format dot, print it in the language of Graphviz, with svg as a picture.`,
		Example: `  yardmaster graph ci.yml
  yardmaster graph ci.yml --format svg > ci.svg
  yardmaster graph ci.yml --format dot | dot -Tpdf > ci.pdf`,
		Args:              exactlyOne("the workflow file (- is standard input)"),
		ValidArgsFunction: completeFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.given = cmd.Flags().Changed("format")
			return a.graph(args[0], o)
		},
	}
	cmd.Flags().StringVar(&o.format, "format", outputText, "how to draw it: text, dot or svg")
	cmd.Flags().BoolVar(&o.expand, "expand", false, "show every cell of each matrix, and every need")
	o.trigger.bind(cmd.Flags())
	complete(cmd, "format", func(*cobra.Command) []string { return []string{outputText, formatDOT, formatSVG} })
	return cmd
}

func (a *app) graph(path string, o graphOptions) error {
	if o.given && a.output == outputJSON {
		return usageError("--output json and --format exclude each other")
	}
	if o.format != outputText && o.format != formatDOT && o.format != formatSVG {
		return usageError("--format is %q; it can be text, dot or svg", o.format)
	}
	name, src, err := a.readWorkflow(path)
	if err != nil {
		return err
	}
	trigger, err := a.trigger(path, &o.trigger)
	if err != nil {
		return err
	}
	wf, err := parseWorkflow(name, src, trigger, true)
	if err != nil {
		return err
	}
	g := graph.Of(wf)
	if a.output == outputJSON {
		return printRaw(a.out, graphAsJSON(g))
	}
	_, err = io.WriteString(a.out, draw(g, o.format, graph.Options{Expand: o.expand, ASCII: a.style().ascii}))
	return err
}

func draw(g *graph.Graph, format string, o graph.Options) string {
	switch format {
	case formatDOT:
		return g.DOT(o)
	case formatSVG:
		return g.SVG(o)
	}
	return clean(g.Text(o))
}

// graphJSON is a graph in JSON. Jobs are named by their IDs in the file.
type graphJSON struct {
	Name   string     `json:"name"`
	Levels [][]string `json:"levels"`
	Jobs   []nodeJSON `json:"jobs"`
}

type nodeJSON struct {
	ID     string   `json:"id"`
	Name   string   `json:"name"`
	Level  int      `json:"level"` // index in the levels
	Needs  []string `json:"needs"`
	If     string   `json:"if"`
	Matrix bool     `json:"matrix"`
	Keys   []string `json:"keys"` // of the jobs in a run
}

func graphAsJSON(g *graph.Graph) graphJSON {
	all := graphJSON{Name: g.Name, Levels: [][]string{}, Jobs: []nodeJSON{}}
	ids := func(jobs []int) []string {
		names := make([]string, len(jobs))
		for k, i := range jobs {
			names[k] = g.Jobs[i].ID
		}
		return names
	}
	for _, level := range g.Levels {
		all.Levels = append(all.Levels, ids(level))
	}
	for i := range g.Jobs {
		j := &g.Jobs[i]
		keys := j.Cells
		if !j.Matrix {
			keys = []string{j.ID}
		}
		all.Jobs = append(all.Jobs, nodeJSON{j.ID, j.Name, j.Level, ids(j.Needs), j.If, j.Matrix, keys})
	}
	return all
}
