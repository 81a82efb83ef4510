package actors

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"yardmaster/domain/job"
	"yardmaster/domain/placement"
	"yardmaster/domain/plan"
	"yardmaster/messages"
)

const (
	// mostDemands bounds how many different demands of one plan are looked at.
	mostDemands = 100
	// mostWarnings bounds the sentences about one plan.
	mostWarnings = 10
	// warnTimeout bounds how long the coordinator is waited for: a submission is
	// answered without a warning rather than late.
	warnTimeout = 250 * time.Millisecond
	// warnLife is how long an answer is good for: the roster may be ahead of the
	// coordinator by a message.
	warnLife = 2 * time.Second
)

// warnings remembers what was said of the plans that were submitted last, each for
// the workers that there were. Its zero value is ready.
type warnings struct {
	mu   sync.Mutex
	last [16]warned // newest last, by turn
	turn int
}

type warned struct {
	plan    *plan.Workflow
	project string
	roster  uint64 // its version
	at      time.Time
	text    []string
}

func (w *warnings) of(p *plan.Workflow, project string, roster uint64) ([]string, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range w.last {
		if m.plan == p && m.project == project && m.roster == roster && time.Since(m.at) < warnLife {
			return m.text, true
		}
	}
	return nil, false
}

func (w *warnings) put(m warned) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last[w.turn%len(w.last)] = m
	w.turn++
}

// couldAny asks the coordinator which of several demands some connected worker could
// ever meet. It answers []placement.Could.
type couldAny struct{ demands []*messages.JobQueued }

// Warn returns what will keep jobs of a plan of a project waiting, one sentence
// each: that no worker which is connected now could ever take them.
func (b Backend) Warn(w *plan.Workflow, of string) []string {
	memory, version := &b.node.warned, b.node.roster.Version()
	if text, known := memory.of(w, of, version); known {
		return text
	}
	if b.node.roster.Len() == 0 {
		return []string{"no worker is connected: its jobs wait until one is"}
	}
	ctx, cancel := context.WithTimeout(context.Background(), warnTimeout)
	defer cancel()
	all := demands(w, of)
	asked := couldAny{demands: make([]*messages.JobQueued, len(all))}
	for i, d := range all {
		asked.demands[i] = d.asks
	}
	could, err := ask[[]placement.Could](ctx, b.node, b.node.coordinator, asked)
	if err != nil {
		return nil
	}
	text := warn(all, could)
	memory.put(warned{w, of, version, time.Now(), text})
	return text
}

// demand is what jobs ask of a worker, and which jobs do.
type demand struct {
	asks *messages.JobQueued
	jobs []string // keys
}

// demands returns the different demands of a plan, in the order of its jobs.
func demands(w *plan.Workflow, of string) (all []demand) {
	at := map[string]int{}
	for i := range w.Jobs {
		j := &w.Jobs[i]
		text := fmt.Sprint(strings.Join(j.RunsOn, "\x00"), j.Resources)
		n, known := at[text]
		if !known {
			if len(all) == mostDemands {
				continue
			}
			n = len(all)
			at[text] = n
			all = append(all, demand{asks: &messages.JobQueued{RunsOn: j.RunsOn, Demand: &messages.JobDemand{
				Resources: messages.ResourcesToProto(j.Resources), Project: of,
			}}})
		}
		all[n].jobs = append(all[n].jobs, j.Key)
	}
	return all
}

// warn says of each demand that nobody could meet it.
func warn(all []demand, could []placement.Could) (text []string) {
	unmet := 0
	for i := range could {
		if could[i].Ever {
			continue
		}
		if unmet++; unmet <= mostWarnings {
			text = append(text, all[i].named()+": "+could[i].Reason)
		}
	}
	if unmet > mostWarnings {
		text = append(text, fmt.Sprintf("and so it is with %d more kinds of jobs", unmet-mostWarnings))
	}
	return text
}

// named says which jobs have the demand.
func (d *demand) named() string {
	switch n := len(d.jobs) - 1; n {
	case 0:
		return "job " + d.jobs[0]
	case 1:
		return fmt.Sprintf("job %s and 1 more", d.jobs[0])
	default:
		return fmt.Sprintf("job %s and %d more", d.jobs[0], n)
	}
}

// could answers couldAny.
func (c *Coordinator) could(m couldAny) []placement.Could {
	out := make([]placement.Could, len(m.demands))
	for i, d := range m.demands {
		out[i] = c.yard.Could(c.request(job.ID{}, d.GetRunsOn(), 0, d.GetDemand()))
	}
	return out
}
