package worker_test

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"yardmaster/domain/worker"
)

func anyCommand() *rapid.Generator[worker.Command] {
	return rapid.Custom(func(t *rapid.T) worker.Command {
		life := worker.Incarnation(rapid.SampledFrom([]string{"", "a", "b", "c", "d", "e", "f"}).Draw(t, "incarnation"))
		held := rapid.IntRange(-1, 4).Draw(t, "held")
		return rapid.SampledFrom([]worker.Command{
			worker.Register{
				ID: "w1", Incarnation: life, Held: held, Slots: rapid.IntRange(0, 3).Draw(t, "slots"),
				Labels: rapid.SliceOfN(rapid.SampledFrom([]string{"gpu", "GPU", "linux"}), 0, 3).Draw(t, "labels"),
			},
			worker.Heartbeat{Incarnation: life, Held: held},
			worker.Resize{Incarnation: life, Slots: rapid.IntRange(0, 3).Draw(t, "resized")},
			worker.MissHeartbeat{Incarnation: life},
			worker.Drain{},
			worker.Resume{},
			worker.Leave{Incarnation: life},
			worker.Forget{},
			worker.Take{},
			worker.Take{},
			worker.Release{},
		}).Draw(t, "command")
	})
}

// TestWorkerInvariants drives one worker with any commands, and checks after each
// what must always hold.
func TestWorkerInvariants(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		var w worker.Worker
		superseded := map[worker.Incarnation]bool{}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			before, c := w, anyCommand().Draw(t, "command")
			events, err := worker.Decide(w, c)
			if err != nil && len(events) > 0 {
				t.Fatalf("%T is refused and causes %v", c, events)
			}
			if is := new(worker.InvalidStateTransition); errors.As(err, &is) && is.From != w.State() {
				t.Fatalf("refused from %s in state %s", is.From, w.State())
			}
			for _, e := range events {
				w = worker.Evolve(w, e)
				if s, ok := e.(worker.Superseded); ok {
					superseded[s.Old] = true
				}
			}
			if from, to := before.State(), w.State(); from != to && !from.May(to) {
				t.Fatalf("%T moved the worker from %s to %s", c, from, to)
			}
			if _, taken := c.(worker.Take); taken && w.Held > w.Slots && len(events) > 0 {
				t.Fatalf("%d attempts taken on %d slots", w.Held, w.Slots)
			}
			if w.Held < 0 || w.Free() < 0 || w.Free() > 0 && !w.State().Takes() {
				t.Fatalf("held %d, free %d in %s", w.Held, w.Free(), w.State())
			}
			if superseded[w.Incarnation] && slices.Contains(w.Former, w.Incarnation) {
				t.Fatalf("incarnation %q came back", w.Incarnation)
			}
			if !slices.IsSorted(w.Labels) || len(slices.Compact(slices.Clone(w.Labels))) != len(w.Labels) {
				t.Fatalf("labels %q are not canonical", w.Labels)
			}
		}
	})
}

// TestRepeatingAWishChangesNothing holds for every wish that names a state rather
// than a step: messages come twice.
func TestRepeatingAWishChangesNothing(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		var w worker.Worker
		do := func(c worker.Command) int {
			events, _ := worker.Decide(w, c)
			for _, e := range events {
				w = worker.Evolve(w, e)
			}
			return len(events)
		}
		for range rapid.IntRange(0, 20).Draw(t, "steps") {
			do(anyCommand().Draw(t, "command"))
		}
		c := anyCommand().Draw(t, "twice")
		switch c.(type) {
		case worker.Take, worker.Release, worker.MissHeartbeat:
			return
		}
		do(c)
		if do(c) > 0 {
			t.Fatalf("%#v counted twice", c)
		}
	})
}
