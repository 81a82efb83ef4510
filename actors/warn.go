package actors

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"yardmaster/domain/plan"
	"yardmaster/domain/worker"
)

const (
	// mostDemands bounds how many different demands of one plan are looked at.
	mostDemands = 100
	// mostWarnings bounds the sentences about one plan.
	mostWarnings = 10
)

// warnings remembers what was said of the plans that were submitted last, each for
// the workers that there were. Its zero value is ready.
type warnings struct {
	mu   sync.Mutex
	last [16]warned // newest last, by turn
	turn int
}

type warned struct {
	plan   *plan.Workflow
	roster uint64 // its version
	text   []string
}

// Warn returns what will keep jobs of a plan waiting, one sentence each: that no
// worker which is connected now could ever take them.
func (b Backend) Warn(w *plan.Workflow, _ string) []string {
	memory := &b.node.warned
	version := b.node.roster.Version()
	memory.mu.Lock()
	for _, m := range memory.last {
		if m.plan == w && m.roster == version {
			memory.mu.Unlock()
			return m.text
		}
	}
	memory.mu.Unlock()
	text := warn(w, b.node.roster.Members())
	memory.mu.Lock()
	defer memory.mu.Unlock()
	memory.last[memory.turn%len(memory.last)] = warned{w, version, text}
	memory.turn++
	return text
}

// demand is what jobs ask of a worker, and which jobs do.
type demand struct {
	labels []string
	jobs   []string // keys
}

// warn says of each demand of a plan that no member could meet it.
func warn(w *plan.Workflow, members []Member) []string {
	members = slices.DeleteFunc(members, func(m Member) bool {
		return m.State == worker.Draining || m.State == worker.Gone
	})
	if len(members) == 0 {
		return []string{"no worker is connected: its jobs wait until one is"}
	}
	var text []string
	unmet := 0
	for _, d := range demands(w) {
		if slices.ContainsFunc(members, func(m Member) bool { return len(lacks(m, d.labels)) == 0 }) {
			continue
		}
		if unmet++; unmet <= mostWarnings {
			text = append(text, d.unmet(members))
		}
	}
	if unmet > mostWarnings {
		text = append(text, fmt.Sprintf("and so it is with %d more kinds of jobs", unmet-mostWarnings))
	}
	return text
}

// demands returns the different demands of a plan, in the order of its jobs.
func demands(w *plan.Workflow) (all []demand) {
	at := map[string]int{}
	for i := range w.Jobs {
		j := &w.Jobs[i]
		text := strings.Join(j.RunsOn, "\x00")
		n, known := at[text]
		if !known {
			if len(all) == mostDemands {
				continue
			}
			n = len(all)
			at[text] = n
			all = append(all, demand{labels: j.RunsOn})
		}
		all[n].jobs = append(all[n].jobs, j.Key)
	}
	return all
}

// unmet says that none of the members has what d asks for, and what comes nearest.
func (d *demand) unmet(members []Member) string {
	var nowhere []string
	for _, label := range d.labels {
		if !slices.ContainsFunc(members, func(m Member) bool { return slices.Contains(m.Labels, label) }) {
			nowhere = append(nowhere, label)
		}
	}
	jobs := "job " + d.jobs[0]
	if n := len(d.jobs) - 1; n == 1 {
		jobs += " or 1 more"
	} else if n > 1 {
		jobs += fmt.Sprintf(" or %d more", n)
	}
	if len(nowhere) > 0 {
		return fmt.Sprintf("no connected worker could ever take %s: none has %s", jobs, strings.Join(nowhere, ", "))
	}
	nearest := slices.MinFunc(members, func(a, b Member) int { return len(lacks(a, d.labels)) - len(lacks(b, d.labels)) })
	return fmt.Sprintf("no connected worker could ever take %s: none has all of %s; %s lacks %s", jobs,
		strings.Join(d.labels, ", "), nearest.ID, strings.Join(lacks(nearest, d.labels), ", "))
}

// lacks returns the labels that m does not have.
func lacks(m Member, labels []string) (missing []string) {
	for _, label := range labels {
		if !slices.Contains(m.Labels, label) {
			missing = append(missing, label)
		}
	}
	return missing
}
