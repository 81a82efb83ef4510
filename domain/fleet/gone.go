package fleet

import (
	"iter"
	"time"

	"yardmaster/domain/worker"
)

// line is workers that are gone, the next to be let go of first. Places of workers
// that came back, or stand further behind, stay until they are met.
type line struct {
	places []place
	turn   uint64               // of the newest place
	turns  map[worker.ID]uint64 // of the valid place of each worker
}

type place struct {
	id   worker.ID
	turn uint64
}

// spare is how many invalid places a line may have before it is cleared of them.
const spare = 64

// lineOf returns the line that a record stands in, or nil: the worker is there.
func (f *Fleet) lineOf(r *Record) *line {
	last := r.Last()
	switch {
	case last.State != worker.Gone:
		return nil
	case last.Settings.IsZero():
		return &f.gone[0]
	}
	return &f.gone[1]
}

// enter puts a worker that is gone at the end of its line.
func (f *Fleet) enter(r *Record) {
	l := f.lineOf(r)
	if l == nil {
		return
	}
	if l.turns == nil {
		l.turns = map[worker.ID]uint64{}
	}
	l.turn++
	l.turns[r.ID] = l.turn
	l.places = append(l.places, place{r.ID, l.turn})
}

// leave takes a worker out of its line.
func (f *Fleet) leave(r *Record) {
	l := f.lineOf(r)
	if l == nil {
		return
	}
	delete(l.turns, r.ID)
	if len(l.places) > 2*len(l.turns)+spare {
		kept := make([]place, 0, len(l.turns))
		for _, p := range l.places {
			if l.turns[p.id] == p.turn {
				kept = append(kept, p)
			}
		}
		l.places = kept
	}
}

// forget lets go of workers that are gone for too long by now, which is always the
// time of a change, and of those that are too many.
func (f *Fleet) forget(now time.Time) {
	for i, life := range [...]time.Duration{GoneLife, SettingsLife} {
		l := &f.gone[i]
		for len(l.places) > 0 {
			p := l.places[0]
			if l.turns[p.id] == p.turn {
				r := f.by[p.id]
				if len(l.turns) <= MaxGone && now.Sub(r.Last().At) <= life {
					break
				}
				delete(f.by, p.id)
				delete(l.turns, p.id)
			}
			l.places = l.places[1:]
		}
	}
}

// valid ranges over the workers of a line in their order.
func (l *line) valid() iter.Seq[worker.ID] {
	return func(yield func(worker.ID) bool) {
		for _, p := range l.places {
			if l.turns[p.id] == p.turn && !yield(p.id) {
				return
			}
		}
	}
}
