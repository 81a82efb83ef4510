package fleet_test

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"yardmaster/domain/fleet"
	"yardmaster/domain/worker"
)

// event is an argument of Apply.
type event struct {
	id     worker.ID
	says   fleet.Says
	change fleet.Change
}

// anyEvent returns a change of one of a few workers. The wall clock mostly goes
// forward, sometimes far.
func anyEvent(now *time.Time) *rapid.Generator[event] {
	return rapid.Custom(func(t *rapid.T) event {
		days := rapid.SampledFrom([]int{0, 0, 0, 1, 5, 40, -3}).Draw(t, "days")
		*now = now.Add(time.Duration(days)*24*time.Hour + time.Second)
		return event{
			id:   worker.ID(rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}).Draw(t, "worker")),
			says: fleet.Says{Slots: rapid.IntRange(1, 3).Draw(t, "slots"), Labels: []string{"linux"}},
			change: fleet.Change{
				At: *now, Principal: "ann", Incarnation: worker.Incarnation(rapid.SampledFrom([]string{"i", "j"}).Draw(t, "life")),
				State:    worker.State(rapid.IntRange(int(worker.Available), int(worker.Gone)).Draw(t, "state")),
				Settings: worker.Settings{HeldBack: rapid.Bool().Draw(t, "held back")},
				Alert:    rapid.Bool().Draw(t, "alert"),
			},
		}
	})
}

func restored(f *fleet.Fleet) *fleet.Fleet {
	next := fleet.New()
	for r := range f.All() {
		next.Restore(r)
	}
	return next
}

// TestAFleetIsTheSameWhereverItWasCut folds changes in two ways that must agree:
// all of them, and the rest of them upon what was restored from any point.
func TestAFleetIsTheSameWhereverItWasCut(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		now := epoch
		events := rapid.SliceOfN(anyEvent(&now), 1, 80).Draw(t, "events")
		whole, chained := fleet.New(), fleet.New()
		cut, at := fleet.New(), rapid.IntRange(0, len(events)).Draw(t, "cut")
		for i, e := range events {
			if i == at {
				cut = restored(whole)
			}
			for _, f := range []*fleet.Fleet{whole, chained, cut} {
				f.Apply(e.id, e.says, e.change)
			}
			chained = restored(chained)
		}
		want := slices.Collect(whole.All())
		for name, f := range map[string]*fleet.Fleet{"restored after every event": chained, "cut once": cut} {
			if name == "cut once" && at == len(events) {
				continue
			}
			if got := slices.Collect(f.All()); !reflect.DeepEqual(want, got) {
				t.Fatalf("%s: want\n%+v, got\n%+v", name, want, got)
			}
		}
	})
}

// TestWhatOperatorsWantIsNotForgotten compares the settings of workers that are
// there with a plain model.
func TestWhatOperatorsWantIsNotForgotten(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		now := epoch
		f, model := fleet.New(), map[worker.ID]event{}
		for _, e := range rapid.SliceOfN(anyEvent(&now), 1, 80).Draw(t, "events") {
			f.Apply(e.id, e.says, e.change)
			model[e.id] = e
			for id, last := range model {
				r, known := f.Worker(id)
				if !known && last.change.State != worker.Gone {
					t.Fatalf("%s is %s and not known", id, last.change.State)
				}
				if known && (!reflect.DeepEqual(r.Last(), last.change) || !reflect.DeepEqual(r.Says, last.says)) {
					t.Fatalf("%s: want %+v, got %+v", id, last, r)
				}
			}
		}
	})
}
