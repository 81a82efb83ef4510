package placement

import (
	"fmt"
	"slices"
	"strings"

	"yardmaster/domain/job"
	"yardmaster/domain/queue"
	"yardmaster/domain/worker"
)

// Explanation says why a job waits.
type Explanation struct {
	Job job.ID
	// Worker is where the job holds a slot; when it is set, all below is zero.
	Worker worker.ID
	// Waiting is false when the job is not known here; then all below is zero.
	Waiting  bool
	Priority int
	// Ahead is how many jobs are due before it, of those that some worker could
	// take as well as it. Competing counts all of these, and the job itself.
	Ahead, Competing int
	Demand           []string // the labels it demands, sorted
	Workers          int      // connected
	Labels           []LabelCount
	Matching         int          // workers that have every label
	States           []StateCount // of those that match and take nothing
	Ready            int          // workers that match and take jobs
	Used, Slots      int          // of the ready workers
	Free             int          // ready workers with a free slot
	Excluded         []Exclusion  // by filter, in their order; only where it is not 0
	Avoid            worker.ID    // the worker it would rather not go to, or ""
}

// LabelCount is how common a demanded label is.
type LabelCount struct {
	Label    string
	Workers  int // that have it
	OnlyLack int // that have every other demanded label
}

// Exclusion is what one filter did.
type Exclusion struct {
	Filter  string // "labels", "state" or "room"
	Workers int    // excluded by it, having passed the filters before
	Reason  string
}

// Why explains why a job waits. It looks at every worker.
func (y *Yard) Why(id job.ID) Explanation {
	e := Explanation{Job: id}
	if t, holds := y.taken[id]; holds {
		e.Worker = y.members[t.member].id
		return e
	}
	entry, waits := y.queue.Get(id)
	if !waits {
		return e
	}
	e.Waiting, e.Priority, e.Avoid = true, entry.Priority, y.avoid[id]
	e.Demand = slices.Clone(y.classes[entry.Class].labels)
	y.explainPlace(&e, entry.Class)
	y.explainWorkers(&e)
	return e
}

func (y *Yard) explainPlace(e *Explanation, own queue.ClassID) {
	rival := make([]bool, len(y.classes))
	for id, c := range y.classes {
		rival[id] = c != nil && (len(y.known) == 0 || queue.ClassID(id) == own || y.compete(c, y.classes[own]))
		if rival[id] {
			e.Competing += y.queue.LenOf(queue.ClassID(id))
		}
	}
	e.Ahead, _ = y.queue.Ahead(e.Job, func(id queue.ClassID) bool { return rival[id] })
}

// compete reports whether some connected worker meets both demands.
func (y *Yard) compete(a, b *class) bool {
	for k := range y.kinds {
		labels := y.kinds[k].labels
		if y.kinds[k].members > 0 && admitsLabels(a.labels, labels) && admitsLabels(b.labels, labels) {
			return true
		}
	}
	return false
}

func (y *Yard) explainWorkers(e *Explanation) {
	var excluded [len(filters)]int
	states := map[worker.State]int{}
	lacks := map[string]int{}
	only := map[string]int{}
	for _, m := range y.known {
		w, labels := &y.members[m], y.kinds[y.members[m].kind].labels
		e.Workers++
		lack := lacking(e.Demand, labels)
		for _, label := range lack {
			lacks[label]++
		}
		if len(lack) == 1 {
			only[lack[0]]++
		}
		out := slices.IndexFunc(filters[:], func(f filter) bool { return !f.admits(e.Demand, w, labels) })
		if out >= 0 {
			excluded[out]++
		}
		e.count(w, len(lack) == 0, states)
	}
	for _, label := range e.Demand {
		e.Labels = append(e.Labels, LabelCount{label, e.Workers - lacks[label], only[label]})
	}
	for s := worker.Unknown; s <= worker.Gone; s++ {
		if states[s] > 0 {
			e.States = append(e.States, StateCount{s, states[s]})
		}
	}
	for i, n := range excluded {
		if n > 0 {
			e.Excluded = append(e.Excluded, Exclusion{filters[i].name, n, filters[i].reason(e, n)})
		}
	}
}

func (e *Explanation) count(w *member, matches bool, states map[worker.State]int) {
	if !matches {
		return
	}
	e.Matching++
	if !admitsState(w) {
		states[w.state]++
		return
	}
	e.Ready++
	e.Used += len(w.held)
	e.Slots += w.slots
	if admitsRoom(w) {
		e.Free++
	}
}

// Lines returns the explanation as sentences for people, the most important first.
func (e Explanation) Lines() []string {
	switch {
	case e.Worker != "":
		return []string{fmt.Sprintf("job %s holds a slot of worker %s", e.Job, e.Worker)}
	case !e.Waiting:
		return []string{fmt.Sprintf("job %s does not wait for a worker", e.Job)}
	}
	lines := []string{e.place()}
	switch {
	case e.Workers == 0:
		lines = append(lines, "no worker is connected")
	case len(e.Demand) == 0:
		lines = append(lines, "it demands no label: any worker matches")
	case e.Matching == e.Workers:
		lines = append(lines, lackLabels(&e, 0))
	}
	for _, x := range e.Excluded {
		lines = append(lines, x.Reason)
	}
	if e.Free > 0 {
		lines = append(lines, fmt.Sprintf("%s %s a free slot: it is placed when its turn comes",
			count(e.Free, "worker"), plural(e.Free, "has", "have")))
	}
	if e.Avoid != "" {
		lines = append(lines, fmt.Sprintf("it goes to worker %s only if no other has a free slot", e.Avoid))
	}
	return lines
}

func (e Explanation) place() string {
	if e.Competing == 1 {
		return fmt.Sprintf("job %s waits at priority %d: no other competes for the same workers", e.Job, e.Priority)
	}
	if e.Ahead == 0 {
		return fmt.Sprintf("job %s waits at priority %d: it is the next of %d that compete for the same workers",
			e.Job, e.Priority, e.Competing)
	}
	return fmt.Sprintf("job %s waits at priority %d: %s before it, of %d that compete for the same workers",
		e.Job, e.Priority, plural(e.Ahead, "1 job goes", fmt.Sprint(e.Ahead)+" jobs go"), e.Competing)
}

// String returns the lines as one text.
func (e Explanation) String() string { return strings.Join(e.Lines(), "\n") }
