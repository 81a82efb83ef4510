package placement

import (
	"slices"

	"yardmaster/domain/queue"
	"yardmaster/domain/worker"
)

// choose returns the best worker for a job that waits, or absent.
func (y *Yard) choose(demand int32, e queue.Entry) int32 {
	w := wish{demand: y.demands.all[demand], place: placeOf(e), avoid: y.binding(demand, e)}
	for level := range levels {
		c := columnOf(demand, level)
		m := y.fleet.tree.first(c)
		if m != absent && !y.allows(&w, m) {
			m = y.fleet.tree.find(c, func(m int32) bool { return y.allows(&w, m) })
		}
		if m != absent {
			return y.local(&w, c, m, noteOf(e.Note).affinity)
		}
	}
	return absent
}

// wish is a job as far as the choice of its worker goes.
type wish struct {
	demand *demand
	place  place
	avoid  []worker.ID // that it must pass over
}

// allows reports whether a worker that has room for a job may also be given it.
func (y *Yard) allows(w *wish, m int32) bool {
	of := &y.fleet.members[m]
	if slices.Contains(w.avoid, of.id) {
		return false
	}
	return of.reserved == absent || y.spares(of, w.demand.need, w.place)
}

// binding returns the workers that a job must pass over: those that it would rather
// not go to, if another could ever take it.
func (y *Yard) binding(demand int32, e queue.Entry) []worker.ID {
	if len(y.avoid) == 0 {
		return nil
	}
	avoid := y.avoid[e.Job]
	others := y.demands.all[demand].possible
	for i, id := range avoid {
		m, known := y.fleet.of[id]
		if known && y.fleet.tree.has(m, columnOf(demand, levels)) && !slices.Contains(avoid[:i], id) {
			others--
		}
	}
	if others == 0 {
		return nil
	}
	return avoid
}

// local returns, of the workers that are as good as the one chosen and have the
// same load, the one that ran a job of the same affinity last.
func (y *Yard) local(w *wish, c column, chosen int32, affinity uint32) int32 {
	t := &y.fleet.tree
	for _, id := range y.known.recent(affinity) {
		m, connected := y.fleet.of[id]
		if connected && t.has(m, c) && t.nodes[m].rank.load == t.nodes[chosen].rank.load && y.allows(w, m) {
			return m
		}
	}
	return chosen
}
