package supervisor_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/supervisor"
)

// crashers returns the children a, b, c of a supervisor, which count in lives.
func crashers(lives *[3]atomic.Int32) (children []supervisor.Child) {
	for i := range lives {
		children = append(children, supervisor.Child{
			Name: string(rune('a' + i)), Start: func() actor.Actor { return &crasher{&lives[i]} },
		})
	}
	return children
}

func TestStrategies(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		strategy supervisor.Strategy
		crashes  int
		every    time.Duration
		want     [3]int32 // lives of children a, b, c after b crashed
	}{
		{"one_for_one restarts the child alone", supervisor.OneForOne, 1, 0, [3]int32{1, 2, 1}},
		{"rest_for_one restarts what is listed after it", supervisor.RestForOne, 1, 0, [3]int32{1, 2, 2}},
		{"one_for_all restarts everyone", supervisor.OneForAll, 1, 0, [3]int32{2, 2, 2}},
		{"slow crashes never pass the limit", supervisor.OneForOne, 9, 31 * time.Second, [3]int32{1, 10, 1}},
		{"fast crashes pass the limit and escalate", supervisor.OneForOne, 4, 6 * time.Second, [3]int32{2, 5, 2}},
		{"a group waits for its delay together", supervisor.OneForAll, 2, 6 * time.Second, [3]int32{3, 3, 3}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				var lives [3]atomic.Int32
				sys := system()
				backoff := supervisor.Backoff{Cap: 5 * time.Second, Jitter: supervisor.NoJitter}
				tree := start(t, sys, supervisor.Spec{
					Name: "root", Intensity: limit(1, time.Minute),
					Children: []supervisor.Child{{Supervisor: &supervisor.Spec{
						Name: "mid", Strategy: tt.strategy, Intensity: limit(3, 30*time.Second), Backoff: backoff,
						Children: crashers(&lives),
					}}},
				})
				synctest.Wait()
				for range tt.crashes {
					sys.Root.Send(tree.PID("mid/b"), boom{})
					synctest.Wait()
					time.Sleep(tt.every)
					synctest.Wait()
				}
				for i := range lives {
					assert.Equal(t, tt.want[i], lives[i].Load(), "lives of %c", 'a'+i)
				}
				stop(t, tree)
			})
		})
	}
}

// TestRestartsWaitLonger shows the delays of a child that keeps crashing: none,
// then 1 s, 5 s, 25 s; and that its messages wait with it.
func TestRestartsWaitLonger(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		var lives [3]atomic.Int32
		sys := system()
		tree := start(t, sys, supervisor.Spec{
			Name: "root", Intensity: limit(10, time.Hour), Backoff: noJitter(), Children: crashers(&lives),
		})
		synctest.Wait()
		for i, delay := range []time.Duration{0, time.Second, 5 * time.Second, 25 * time.Second} {
			life := int32(i + 2)
			sys.Root.Send(tree.PID("b"), boom{})
			synctest.Wait()
			answer := sys.Root.RequestFuture(tree.PID("b"), ask{}, time.Hour)
			if delay > 0 {
				time.Sleep(delay - 1)
				synctest.Wait()
				require.Equal(t, life-1, lives[1].Load(), "too early")
				time.Sleep(1)
				synctest.Wait()
			}
			require.Equal(t, life, lives[1].Load(), "too late")
			_, err := answer.Result()
			require.NoError(t, err, "the mailbox was kept")
		}
		stop(t, tree)
	})
}

func TestAChildThatWasWellStartsItsDelaysAnew(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		var lives [3]atomic.Int32
		sys := system()
		var delays []time.Duration
		hooks := supervisor.Hooks{Restarted: func(f supervisor.Failure) { delays = append(delays, f.Delay) }}
		tree := start(t, sys, supervisor.Spec{
			Name: "root", Intensity: limit(10, time.Minute), Backoff: noJitter(), Children: crashers(&lives),
		}, supervisor.WithHooks(hooks))
		synctest.Wait()
		for _, pause := range []time.Duration{10 * time.Second, 2 * time.Minute, 0} {
			sys.Root.Send(tree.PID("a"), boom{})
			synctest.Wait()
			time.Sleep(pause)
		}
		assert.Equal(t, []time.Duration{0, time.Second, 0}, delays)
		stop(t, tree)
	})
}

// TestEscalationReachesMain lets a child crash until each level has passed its
// limit, and expects one report, with the crash at its end.
func TestEscalationReachesMain(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		var lives [3]atomic.Int32
		sys := system()
		var reasons []error
		var escalated []string
		hooks := supervisor.Hooks{Escalated: func(f supervisor.Failure) { escalated = append(escalated, f.ID) }}
		tree, err := supervisor.Start(sys, supervisor.Spec{
			Name: "root", Intensity: limit(1, time.Minute),
			Children: []supervisor.Child{{Supervisor: &supervisor.Spec{
				Name: "mid", Intensity: limit(1, time.Minute), Children: crashers(&lives),
			}}},
		}, func(reason error) { reasons = append(reasons, reason); panic("main is careless") },
			supervisor.WithHooks(hooks))
		require.NoError(t, err)
		synctest.Wait()
		for range 4 {
			sys.Root.Send(tree.PID("mid/a"), boom{})
			synctest.Wait()
		}
		received(t, tree.Done())
		require.Len(t, reasons, 1)
		var crash *supervisor.Crash
		require.ErrorAs(t, reasons[0], &crash)
		require.ErrorIs(t, reasons[0], supervisor.ErrIntensity)
		assert.Contains(t, crash.MessageType, "boom")
		assert.Contains(t, string(crash.Stack), "(*crasher).Receive")
		assert.Equal(t, []string{"root/mid", "root/mid", "root"}, escalated)
		assert.EqualValues(t, 4, lives[0].Load())
		stop(t, tree)
		assert.Len(t, reasons, 1, "told once")
	})
}

func TestAChildThatStopsByItselfIsStartedAgain(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		var lives [3]atomic.Int32
		sys := system()
		tree := start(t, sys, supervisor.Spec{
			Name: "root", Intensity: limit(2, time.Minute), Backoff: noJitter(), Children: crashers(&lives),
		})
		synctest.Wait()
		sys.Root.Stop(tree.PID("b"))
		synctest.Wait()
		require.EqualValues(t, 2, lives[1].Load())
		sys.Root.Stop(tree.PID("b"))
		time.Sleep(time.Second)
		synctest.Wait()
		require.EqualValues(t, 3, lives[1].Load())
		sys.Root.Stop(tree.PID("b"))
		received(t, tree.Done())
	})
}

func TestARootThatEndsUnaskedIsReported(t *testing.T) {
	t.Parallel()
	sys := system()
	told := make(chan error, 2)
	tree, err := supervisor.Start(sys, supervisor.Spec{Name: "root", Intensity: limit(0, time.Second)},
		func(reason error) { told <- reason })
	require.NoError(t, err)
	sys.Root.Stop(tree.PID(""))
	require.ErrorIs(t, received(t, told), supervisor.ErrStopped)
	received(t, tree.Done())
	assert.Empty(t, told)
}

// witness notes its start and its stop.
func witness(j *journal, name string) supervisor.Child {
	return supervisor.Child{Name: name, Start: receive(func(ctx actor.Context) {
		switch ctx.Message().(type) {
		case *actor.Started:
			j.add("+" + name)
		case *actor.Stopping:
			time.Sleep(time.Second) // each takes its time, on the virtual clock
			j.add("-" + name)
		}
	})}
}

// TestAGroupRestartsInOrder lets a child of the first sibling take its time to
// end. The others must not begin before it has: what they start in their new life
// would meet what is left of the old one.
func TestAGroupRestartsInOrder(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		var lives [3]atomic.Int32
		sys, gate := system(), make(chan struct{})
		pool := supervisor.Spec{
			Name: "pool", Intensity: limit(1, time.Minute),
			Children: []supervisor.Child{{Name: "busy", Start: func() actor.Actor { return &crasher{new(atomic.Int32)} }}},
		}
		tree := start(t, sys, supervisor.Spec{
			Name: "root", Strategy: supervisor.OneForAll, Intensity: limit(5, time.Minute), Backoff: noJitter(),
			Children: append([]supervisor.Child{{Supervisor: &pool}}, crashers(&lives)...),
		})
		synctest.Wait()
		sys.Root.Send(tree.PID("pool/busy"), block{gate})
		sys.Root.Send(tree.PID("c"), boom{})
		synctest.Wait()
		for i := range lives {
			assert.EqualValues(t, 1, lives[i].Load(), "child %c begins before pool has ended", 'a'+i)
		}
		close(gate)
		synctest.Wait()
		for i := range lives {
			assert.EqualValues(t, 2, lives[i].Load(), "child %c", 'a'+i)
		}
		stop(t, tree)
	})
}

func TestChildrenStopInReverseOrder(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		sys, j := system(), new(journal)
		tree := start(t, sys, supervisor.Spec{
			Name: "root", Intensity: limit(1, time.Minute),
			Children: []supervisor.Child{
				witness(j, "a"),
				{Supervisor: &supervisor.Spec{
					Name: "mid", Intensity: limit(1, time.Minute),
					Children: []supervisor.Child{witness(j, "b1"), witness(j, "b2")},
				}},
				witness(j, "c"),
			},
		})
		synctest.Wait()
		assert.ElementsMatch(t, []string{"+a", "+b1", "+b2", "+c"}, j.take())
		stop(t, tree)
		assert.Equal(t, []string{"-c", "-b2", "-b1", "-a"}, j.take())
		stop(t, tree) // again, to no harm
	})
}

func TestStopGivesUpAtItsDeadline(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		sys, gate := system(), make(chan struct{})
		var lives [3]atomic.Int32
		tree := start(t, sys, supervisor.Spec{
			Name: "root", Intensity: limit(1, time.Minute), Children: crashers(&lives),
		})
		synctest.Wait()
		sys.Root.Send(tree.PID("c"), block{gate})
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		begun := time.Now()
		require.ErrorIs(t, supervisor.Stop(ctx, tree), context.DeadlineExceeded)
		assert.Equal(t, 5*time.Second, time.Since(begun))
		close(gate)
		received(t, tree.Done())
	})
}

// TestStoppingWhileARestartWaits stops a tree whose child, and whose whole
// supervisor, wait for a delay that would last for hours.
func TestStoppingWhileARestartWaits(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		var lives [3]atomic.Int32
		sys := system()
		slow := supervisor.Backoff{Base: time.Hour, Cap: time.Hour, Jitter: supervisor.NoJitter}
		tree := start(t, sys, supervisor.Spec{
			Name: "root", Strategy: supervisor.OneForAll, Intensity: limit(5, time.Minute), Backoff: slow,
			Children: append(crashers(&lives), supervisor.Child{Supervisor: &supervisor.Spec{
				Name: "mid", Intensity: limit(0, time.Minute), Children: crashers(new([3]atomic.Int32)),
			}}),
		})
		for range 2 {
			synctest.Wait()
			sys.Root.Send(tree.PID("mid/a"), boom{})
		}
		synctest.Wait()
		begun := time.Now()
		stop(t, tree)
		assert.Zero(t, time.Since(begun))
		assert.EqualValues(t, 2, lives[0].Load())
	})
}

func TestAPanicAtTheEndHangsNobody(t *testing.T) {
	t.Parallel()
	for _, at := range []any{&actor.Stopping{}, &actor.Stopped{}, &actor.Restarting{}} {
		bubble(t, func(t *testing.T) {
			sys := system()
			lives := 0
			tree := start(t, sys, supervisor.Spec{
				Name: "root", Intensity: limit(1, time.Minute),
				Children: []supervisor.Child{{Name: "a", Start: receive(func(ctx actor.Context) {
					m := ctx.Message()
					if _, ok := m.(*actor.Started); ok {
						lives++
					}
					if _, ok := m.(boom); ok || sameType(m, at) {
						panic("boom")
					}
				})}},
			})
			synctest.Wait()
			sys.Root.Send(tree.PID("a"), boom{})
			synctest.Wait()
			stop(t, tree)
			assert.Equal(t, 2, lives)
		})
	}
}

func sameType(a, b any) bool {
	switch a.(type) {
	case *actor.Stopping:
		_, ok := b.(*actor.Stopping)
		return ok
	case *actor.Stopped:
		_, ok := b.(*actor.Stopped)
		return ok
	case *actor.Restarting:
		_, ok := b.(*actor.Restarting)
		return ok
	}
	return false
}

// TestAStartThatPanicsIsACrash shows that neither the constructor nor Started
// can harm the supervisor, or restart without a pause.
func TestAStartThatPanicsIsACrash(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		sys := system()
		made := 0
		tree := start(t, sys, supervisor.Spec{
			Name: "root", Intensity: limit(5, time.Hour), Backoff: noJitter(),
			Children: []supervisor.Child{{Name: "a", Start: func() actor.Actor {
				if made++; made < 4 {
					panic(errors.New("no database"))
				}
				return &crasher{new(atomic.Int32)}
			}}},
		})
		synctest.Wait()
		_, err := sys.Root.RequestFuture(tree.PID("a"), ask{}, time.Minute).Result()
		require.NoError(t, err)
		assert.Equal(t, 4, made)
		stop(t, tree)
	})
}

// TestAChildOfAPlainActorTakesItAlong shows what an unsupervised child means.
func TestAChildOfAPlainActorTakesItAlong(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		sys := system()
		var lives, parents atomic.Int32
		child := supervisor.Props(nil, func() actor.Actor { return &crasher{&lives} })
		tree := start(t, sys, supervisor.Spec{
			Name: "root", Intensity: limit(1, time.Minute),
			Children: []supervisor.Child{{Name: "a", Start: receive(func(ctx actor.Context) {
				if _, ok := ctx.Message().(*actor.Started); ok {
					parents.Add(1)
					_, err := ctx.SpawnNamed(child, "own")
					assert.NoError(t, err)
				}
			})}},
		})
		synctest.Wait()
		sys.Root.Send(tree.PID("a/own"), boom{})
		synctest.Wait()
		assert.EqualValues(t, 2, parents.Load())
		assert.EqualValues(t, 2, lives.Load())
		stop(t, tree)
	})
}

// TestOneCauseCountsOnce lets a sibling crash while the group waits for its
// restart. One more failure would pass the limit.
func TestOneCauseCountsOnce(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		var lives [3]atomic.Int32
		sys, gate := system(), make(chan struct{})
		tree := start(t, sys, supervisor.Spec{
			Name: "root", Strategy: supervisor.OneForAll, Intensity: limit(2, time.Hour), Backoff: noJitter(),
			Children: crashers(&lives),
		})
		synctest.Wait()
		sys.Root.Send(tree.PID("a"), boom{})
		synctest.Wait()
		sys.Root.Send(tree.PID("b"), late{gate})
		synctest.Wait()
		sys.Root.Send(tree.PID("a"), boom{})
		synctest.Wait()
		close(gate)
		time.Sleep(time.Second)
		synctest.Wait()
		for i := range lives {
			assert.EqualValues(t, 3, lives[i].Load())
		}
		stop(t, tree)
	})
}
