package loadtest

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"
)

// Text renders the report for people.
func (r *Report) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", r.Scenario, r.Question)
	for _, p := range r.Params {
		fmt.Fprintf(&b, " %s=%s", p.Name, p.Value)
	}
	b.WriteString("\n\n")
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	r.loadText(w)
	r.countsText(w)
	r.memoryText(w)
	_ = w.Flush()
	r.latencyText(&b)
	r.ratesText(&b)
	r.sizesText(&b)
	r.seriesText(&b)
	r.processText(&b)
	r.Machine.text(&b)
	for _, n := range r.Notes {
		fmt.Fprintf(&b, "note: %s\n", n)
	}
	for _, f := range r.Faults {
		fmt.Fprintf(&b, "FAULT: %s\n", f)
	}
	return b.String()
}

func (r *Report) loadText(w *tabwriter.Writer) {
	if r.Load == nil {
		return
	}
	offered := "as fast as accepted"
	if r.Load.Offered > 0 {
		offered = fmt.Sprintf("%.0f/s", r.Load.Offered)
	}
	fmt.Fprintf(w, "offered\t%s\n", offered)
	fmt.Fprintf(w, "acknowledged\t%.0f/s\n", r.Load.Acknowledged)
	if r.Load.Finished > 0 {
		fmt.Fprintf(w, "finished\t%.0f/s\n", r.Load.Finished)
	}
	fmt.Fprintf(w, "took\t%s\n", time.Duration(r.Load.Seconds*float64(time.Second)).Round(time.Millisecond))
}

func (r *Report) countsText(w *tabwriter.Writer) {
	c := r.Counts
	if c == nil {
		return
	}
	fmt.Fprintf(w, "runs\t%d acknowledged of %d, %d finished, %d succeeded\n",
		c.Acknowledged, c.Planned, c.Finished, c.Succeeded)
	fmt.Fprintf(w, "wrong\t%d lost, %d duplicated, %d errors\n", c.Lost, c.Duplicated, c.Errors)
	fmt.Fprintf(w, "besides\t%d restarted, %d calls put off, %d resyncs (%d ends listed), %d strangers\n",
		c.Restarted, c.Refused, c.Resyncs, c.Listed, c.Strangers)
	if c.FirstError != "" {
		fmt.Fprintf(w, "first error\t%s\n", c.FirstError)
	}
}

func (r *Report) memoryText(w *tabwriter.Writer) {
	m := r.Memory
	if m == nil {
		return
	}
	if m.Workers > 0 {
		fmt.Fprintf(w, "workers\t%d idle: %.0f B of heap each, %.0f B resident\n", m.Workers, m.HeapPerWorker, m.RSSPerWorker)
	}
	fmt.Fprintf(w, "resident\t%s to %s: %.0f B a job\n", mebibytes(m.RSSBefore), mebibytes(m.RSSAfter), m.RSSPerJob)
	fmt.Fprintf(w, "heap\t%s to %s: %.0f B a job, after %d collections\n",
		mebibytes(m.HeapBefore), mebibytes(m.HeapAfter), m.HeapPerJob, m.Collections)
}

func mebibytes(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

func (r *Report) latencyText(b *strings.Builder) {
	if len(r.Latencies) == 0 {
		return
	}
	b.WriteString("\n")
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "ms\tp50\tp90\tp95\tp99\tp99.9\tmax\tof\t")
	for _, l := range r.Latencies {
		fmt.Fprintf(w, "%s\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%d\t\n",
			l.Name, l.P50, l.P90, l.P95, l.P99, l.P999, l.Max, l.Count)
	}
	_ = w.Flush()
}

func (r *Report) ratesText(b *strings.Builder) {
	if len(r.Rates) == 0 {
		return
	}
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\tmedian\tleast\tmost\t\t")
	for _, x := range r.Rates {
		fmt.Fprintf(w, "%s\t%.0f\t%.0f\t%.0f\t%s\t\n", x.Name, x.Median, x.Least, x.Most, x.Unit)
	}
	_ = w.Flush()
}

func (r *Report) processText(b *strings.Builder) {
	if len(r.Processes) == 0 {
		return
	}
	b.WriteString("\n")
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "process\tCPU s\tµs a run\tresident\tpeak\t")
	for _, p := range r.Processes {
		fmt.Fprintf(w, "%s\t%.2f\t%.1f\t%s\t%s\t\n",
			p.Name, p.CPUSeconds, p.CPUPerRun, mebibytes(p.RSS), mebibytes(p.PeakRSS))
	}
	_ = w.Flush()
}

func (m *Machine) text(b *strings.Builder) {
	commit := m.Commit
	if commit == "" {
		commit = "of an unknown commit"
	} else if m.Modified {
		commit += " (modified)"
	}
	fmt.Fprintf(b, "\nmachine: %d cores, %s, %s, %s, load %s\n", m.Cores, m.CPU, m.Memory, m.OS, m.Load)
	fmt.Fprintf(b, "build: %s %s, %s\n", m.Version, commit, m.Go)
	fmt.Fprintf(b, "fsync: %s\n", m.Fsync)
}
