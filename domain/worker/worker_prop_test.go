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
		held, back := rapid.IntRange(-1, 4).Draw(t, "held"), rapid.Bool().Draw(t, "back")
		some := func(what string) []string {
			return rapid.SliceOfN(rapid.SampledFrom([]string{"gpu", "GPU", "linux", "big"}), 0, 3).Draw(t, what)
		}
		return rapid.SampledFrom([]worker.Command{
			worker.Register{
				ID: "w1", Incarnation: life, Held: held, Slots: rapid.IntRange(0, 3).Draw(t, "slots"),
				Labels: some("labels"), Found: some("found"), Pool: rapid.SampledFrom([]string{"", "p"}).Draw(t, "pool"),
			},
			worker.Heartbeat{Incarnation: life, Held: held},
			worker.Resize{Incarnation: life, Slots: rapid.IntRange(0, 3).Draw(t, "resized")},
			worker.MissHeartbeat{Incarnation: life},
			worker.Drain{},
			worker.Adjust{HeldBack: &back},
			worker.Adjust{Add: some("add"), Remove: some("remove")},
			worker.Leave{Incarnation: life},
			worker.Forget{},
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
			if w.Held < 0 || w.State().Takes() && (w.Settings.HeldBack || w.Misses > 0) {
				t.Fatalf("held %d in %s, held back: %v", w.Held, w.State(), w.Settings.HeldBack)
			}
			if _, adjusts := c.(worker.Adjust); !adjusts && !w.Settings.Equal(before.Settings) {
				t.Fatalf("%T changed what operators want", c)
			}
			if want := w.Settings.Apply(w.Said); !slices.Equal(want, w.Labels) {
				t.Fatalf("labels %q are not %q", w.Labels, want)
			}
			for _, label := range w.Settings.Added {
				if slices.Contains(w.Settings.Removed, label) {
					t.Fatalf("%q is both added and removed", label)
				}
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
		case worker.MissHeartbeat:
			return
		}
		do(c)
		if do(c) > 0 {
			t.Fatalf("%#v counted twice", c)
		}
	})
}
