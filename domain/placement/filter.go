package placement

import (
	"slices"

	"yardmaster/domain/worker"
)

// filter says whether a worker can take a job at all, and in words why some
// cannot. A worker that one filter excludes is not shown to the next. To add one,
// add it here, and have columnsFor or matchKind ask the same question.
type filter struct {
	name   string
	admits func(y *Yard, w *wish, m *member) bool
	// reason says why n of the workers that the filters before left were excluded,
	// the facts being in e.
	reason func(e *Explanation, n, left int) string
}

// filters are asked in this order.
var filters = [...]filter{
	{"labels", admitsLabels, lackLabels},
	{"pool", admitsPool, areElsewhere},
	{"resources", admitsEver, areTooSmall},
	{"state", admitsState, takeNothing},
	{"avoid", admitsAvoid, arePassedOver},
	{"room", admitsRoom, areBusy},
	{"reservation", admitsReservation, areKept},
}

// lasting is how many of them ask for what a worker is, not what it does: one that
// they exclude could never take the job.
const lasting = 3

func admitsLabels(y *Yard, w *wish, m *member) bool {
	return hasLabels(w.demand.labels, y.fleet.kinds[m.kind].labels)
}

func admitsPool(y *Yard, w *wish, m *member) bool { return y.fleet.kinds[m.kind].pool == w.demand.pool }

func admitsEver(_ *Yard, w *wish, m *member) bool { return m.fitsEver(w.demand.need) }

func admitsState(_ *Yard, _ *wish, m *member) bool { return m.state.Takes() }

func admitsAvoid(_ *Yard, w *wish, m *member) bool { return !slices.Contains(w.avoid, m.id) }

func admitsRoom(_ *Yard, w *wish, m *member) bool { return m.fits(w.demand.need) }

func admitsReservation(y *Yard, w *wish, m *member) bool {
	return m.reserved == absent || y.spares(m, w.demand.need, w.place)
}

// hasLabels reports whether labels hold every one demanded. Both are sorted.
func hasLabels(demand, labels []string) bool { return len(lacking(demand, labels)) == 0 }

// lacking returns what is demanded and not among labels. Both are sorted.
func lacking(demand, labels []string) (lack []string) {
	for _, label := range demand {
		if _, found := slices.BinarySearch(labels, label); !found {
			lack = append(lack, label)
		}
	}
	return lack
}

// StateCount is how many workers are in a state.
type StateCount struct {
	State   worker.State
	Workers int
}
