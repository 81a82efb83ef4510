package placement

import (
	"fmt"
	"slices"
	"strings"

	"yardmaster/domain/worker"
)

// filter says whether a worker can take a job at all, and in words why some
// cannot. A worker that one filter excludes is not shown to the next. To add one,
// add it here, and have touch or kindFor ask the same question.
type filter struct {
	name   string
	admits func(demand []string, w *member, labels []string) bool
	// reason says why n workers were excluded, the facts being in e.
	reason func(e *Explanation, n int) string
}

// filters are asked in this order.
var filters = [...]filter{
	{"labels", func(demand []string, _ *member, labels []string) bool { return admitsLabels(demand, labels) }, lackLabels},
	{"state", func(_ []string, w *member, _ []string) bool { return admitsState(w) }, takeNothing},
	{"room", func(_ []string, w *member, _ []string) bool { return admitsRoom(w) }, areBusy},
}

// admitsLabels reports whether labels hold every one demanded. Both are sorted.
func admitsLabels(demand, labels []string) bool { return len(lacking(demand, labels)) == 0 }

// admitsState reports whether the worker takes jobs while it has a free slot.
func admitsState(w *member) bool { return w.state.Takes() }

// admitsRoom reports whether the worker has a free slot.
func admitsRoom(w *member) bool { return len(w.held) < w.slots }

// lacking returns what is demanded and not among labels. Both are sorted.
func lacking(demand, labels []string) (lack []string) {
	for _, label := range demand {
		if _, found := slices.BinarySearch(labels, label); !found {
			lack = append(lack, label)
		}
	}
	return lack
}

func lackLabels(e *Explanation, _ int) string {
	var says []string
	var nowhere []string
	for _, l := range e.Labels {
		if l.Workers == 0 {
			nowhere = append(nowhere, l.Label)
		}
	}
	switch {
	case len(nowhere) > 0:
		says = append(says, fmt.Sprintf("no worker could ever match: %s %s on no worker",
			plural(len(nowhere), "label", "labels")+" "+strings.Join(nowhere, ", "), plural(len(nowhere), "is", "are")))
	case e.Matching == 0:
		says = append(says, "no worker has all of "+strings.Join(e.Demand, ", ")+" together")
	default:
		says = append(says, fmt.Sprintf("%d of %s %s %s",
			e.Matching, count(e.Workers, "worker"), plural(e.Matching, "has", "have"), strings.Join(e.Demand, ", ")))
	}
	for _, l := range e.Labels {
		if l.OnlyLack > 0 && len(e.Demand) > 1 {
			says = append(says, fmt.Sprintf("%d %s only label %s", l.OnlyLack, plural(l.OnlyLack, "lacks", "lack"), l.Label))
		}
	}
	return strings.Join(says, "; ")
}

func takeNothing(e *Explanation, n int) string {
	states := make([]string, len(e.States))
	for i, s := range e.States {
		states[i] = fmt.Sprintf("%d %s", s.Workers, s.State)
	}
	return fmt.Sprintf("%s %s no jobs: %s",
		some(n, e.Matching, true), plural(n, "takes", "take"), strings.Join(states, ", "))
}

func areBusy(e *Explanation, n int) string {
	return fmt.Sprintf("%s %s busy (%d of %s)",
		some(n, e.Ready, e.Ready == e.Matching), plural(n, "is", "are"), e.Used, count(e.Slots, "slot"))
}

// some names n of the workers that the filters before have left, which are all
// that match if none but the first excluded any.
func some(n, left int, match bool) string {
	switch {
	case left == 1 && match:
		return "the only one that matches"
	case left == 1:
		return "the only one left"
	}
	which := "left"
	if match {
		which = "that match"
	}
	if n == left {
		return fmt.Sprintf("all %d %s", n, which)
	}
	return fmt.Sprintf("%d of the %d %s", n, left, which)
}

func count(n int, noun string) string { return fmt.Sprintf("%d %s", n, plural(n, noun, noun+"s")) }

func plural(n int, one, more string) string {
	if n == 1 {
		return one
	}
	return more
}

// StateCount is how many workers are in a state.
type StateCount struct {
	State   worker.State
	Workers int
}
