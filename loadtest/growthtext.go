package loadtest

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
)

const plotColumns = 60

// seriesText shows how each series went, and how it is judged.
func (r *Report) seriesText(b *strings.Builder) {
	if len(r.Series) == 0 {
		return
	}
	b.WriteString("\n")
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\tmean\tan hour\tfrom\tto\tmay be\t\t")
	for _, s := range r.Series {
		if g := s.Growth; g != nil {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", s.Name, s.text(g.Mean), s.change(g.Slope), s.change(g.Low),
				s.change(g.High), s.change(g.Bound), g.Verdict)
		} else {
			fmt.Fprintf(w, "%s\t\t\t\t\t\ttoo few points\t\n", s.Name)
		}
	}
	_ = w.Flush()
	b.WriteString("\n")
	w = tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	for _, s := range r.Series {
		if len(s.Values) > 0 {
			fmt.Fprintf(w, "%s\t%s\t%s to %s\n", s.Name, plot(s.Values, plotColumns), s.text(slices.Min(s.Values)),
				s.text(slices.Max(s.Values)))
		}
	}
	_ = w.Flush()
}

func (s *Series) text(v float64) string {
	if s.Unit == "bytes" {
		return fmt.Sprintf("%.1f MiB", v/(1<<20))
	}
	return fmt.Sprintf("%.1f", v)
}

func (s *Series) change(v float64) string {
	if s.Unit == "bytes" {
		return fmt.Sprintf("%+.2f MiB", v/(1<<20))
	}
	return fmt.Sprintf("%+.2f", v)
}

// plot draws values as a line of blocks, from the least to the most, each column
// the mean of its share.
func plot(values []float64, columns int) string {
	blocks := []rune("▁▂▃▄▅▆▇█")
	columns = min(columns, len(values))
	least, most := slices.Min(values), slices.Max(values)
	var b strings.Builder
	for c := range columns {
		part := values[c*len(values)/columns : (c+1)*len(values)/columns]
		var sum float64
		for _, v := range part {
			sum += v
		}
		level := 0.0
		if most > least {
			level = (sum/float64(len(part)) - least) / (most - least)
		}
		b.WriteRune(blocks[min(int(math.Floor(level*float64(len(blocks)))), len(blocks)-1)])
	}
	return b.String()
}
