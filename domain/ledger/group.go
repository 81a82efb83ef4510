package ledger

import (
	"cmp"
	"slices"

	"yardmaster/domain/run"
)

// group is a concurrency group of a project.
type group struct{ project, name string }

// groupOf returns the group of a run, if it has one.
func groupOf(r *run.Run) (group, bool) {
	name := r.Plan.Concurrency.Group
	return group{r.Project, name}, name != ""
}

// enter puts a live run at its place in its group: behind all that came before.
func (l *Ledger) enter(r *run.Run) {
	g, ok := groupOf(r)
	if !ok {
		return
	}
	if r.Turn == 0 { // it is new
		l.turn++
		r.Turn = l.turn
	}
	l.turn = max(l.turn, r.Turn)
	queue := l.groups[g]
	at, _ := slices.BinarySearchFunc(queue, r, func(a, b *run.Run) int { return cmp.Compare(a.Turn, b.Turn) })
	l.groups[g] = slices.Insert(queue, at, r)
}

// leave takes a run that has ended out of its group, and notes who comes next.
func (l *Ledger) leave(r *run.Run) {
	g, ok := groupOf(r)
	if !ok {
		return
	}
	queue := l.groups[g]
	at := slices.IndexFunc(queue, func(other *run.Run) bool { return other.ID == r.ID })
	if at < 0 {
		return
	}
	queue = slices.Delete(queue, at, at+1)
	l.groups[g] = queue
	switch {
	case len(queue) == 0:
		delete(l.groups, g)
	case at == 0:
		l.next = append(l.next, queue[0].ID)
	}
}

// WaitsFor returns the run that the concurrency group of r lets go on, or "" when that
// is r itself.
func (l *Ledger) WaitsFor(r *run.Run) run.ID {
	g, ok := groupOf(r)
	if queue := l.groups[g]; ok && !r.State.Final() && len(queue) > 0 && queue[0].Turn < r.Turn {
		return queue[0].ID
	}
	return ""
}

// Superseded returns the runs that have to end for the newest run of their group,
// oldest first: if r is that, and asks for it.
func (l *Ledger) Superseded(r *run.Run) []run.ID {
	g, ok := groupOf(r)
	queue := l.groups[g]
	if !ok || len(queue) < 2 || queue[len(queue)-1].ID != r.ID {
		return nil
	}
	before := queue[:len(queue)-1]
	switch c := r.Plan.Concurrency; {
	case c.CancelInProgress:
	case c.KeepAll:
		return nil
	default:
		before = before[1:]
	}
	ids := make([]run.ID, len(before))
	for i, other := range before {
		ids[i] = other.ID
	}
	return ids
}

// TakeNext returns the runs that may go on since the last call, for the run before
// them in their group has ended.
func (l *Ledger) TakeNext() []run.ID {
	next := l.next
	l.next = nil
	return next
}
