package actors_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/actors"
	"yardmaster/domain/job"
	"yardmaster/domain/partition"
	"yardmaster/domain/problem"
	"yardmaster/domain/resource"
	"yardmaster/internal/testkit"
	"yardmaster/messages"
)

// Short names of workers' states.
const (
	available  = messages.WorkerState_WORKER_STATE_AVAILABLE
	isRunning  = messages.WorkerState_WORKER_STATE_RUNNING
	unhealthy  = messages.WorkerState_WORKER_STATE_UNHEALTHY
	draining   = messages.WorkerState_WORKER_STATE_DRAINING
	workerGone = messages.WorkerState_WORKER_STATE_GONE
)

// grace is the time after the last heartbeat at which a worker is given up.
const grace = 2 * 22 * time.Second

// theWorker returns a worker as users see it.
func theWorker(t testing.TB, n *testkit.Node, id string) *messages.Worker {
	t.Helper()
	answer, err := n.Backend().GetWorker(t.Context(), id)
	require.NoError(t, err)
	return answer.Worker
}

// history returns what happened to a worker, a line each.
func history(t testing.TB, n *testkit.Node, id string) (lines []string) {
	t.Helper()
	answer, err := n.Backend().GetWorker(t.Context(), id)
	require.NoError(t, err)
	for _, e := range answer.History {
		line := fmt.Sprintf("%s by %s: %s", strings.TrimPrefix(e.Changed.State.String(), "WORKER_STATE_"),
			e.Principal, e.Changed.Reason)
		if e.Changed.Alert {
			line += " (alert)"
		}
		lines = append(lines, line)
	}
	return lines
}

// change changes a worker as the operator ann.
func change(t testing.TB, n *testkit.Node, m *messages.ChangeWorkerRequest) (*messages.Worker, error) {
	t.Helper()
	return n.Backend().ChangeWorker(t.Context(), m, "ann")
}

func mustChange(t testing.TB, n *testkit.Node, m *messages.ChangeWorkerRequest) *messages.Worker {
	t.Helper()
	w, err := change(t, n, m)
	require.NoError(t, err)
	return w
}

func holdBack(id string, held bool) *messages.ChangeWorkerRequest {
	return &messages.ChangeWorkerRequest{WorkerId: id, HeldBack: &held, Reason: "its disk is old"}
}

func wants(labels ...string) *messages.ChangeWorkerRequest {
	m := &messages.ChangeWorkerRequest{WorkerId: "w1"}
	for _, l := range labels {
		if name, remove := strings.CutSuffix(l, "-"); remove {
			m.RemoveLabels = append(m.RemoveLabels, name)
		} else {
			m.AddLabels = append(m.AddLabels, l)
		}
	}
	return m
}

// logbook keeps what a node logs.
type logbook struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logbook) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.buf.String(), text)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func slogTo(l *logbook) *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

func logging(l *logbook) func(*actors.Config) {
	return func(c *actors.Config) { c.Log = slogTo(l) }
}

func TestAWorkerIsShownWithWhatItHas(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n, hands := y.StartNode(func(c *actors.Config) { c.Projects.Others.Pool = "trusted" }), testkit.NewHands()
		room := resource.Amount{CPU: 4000, Memory: 8 << 30}
		y.StartWorker("w1", testkit.NewExecutor(hands.Script), func(c *workerConfig) {
			c.Found, c.Resources, c.Pool = []string{"go=1.26", "Linux"}, room, "trusted"
		})
		elapse(time.Second)
		w := theWorker(t, n, "w1")
		require.Equal(t, available, w.State)
		require.Equal(t, []string{"go=1.26", "linux"}, w.Labels)
		require.Equal(t, []string{"go=1.26", "linux"}, w.Found)
		require.Equal(t, "trusted", w.Pool)
		require.Equal(t, messages.ResourcesToProto(room).String(), w.Resources.String())
		require.Equal(t, []string{"AVAILABLE by w1: it registered"}, history(t, n, "w1"))
		require.Equal(t, "it registered", w.Reason)

		big := aJob("a")
		big.Resources = resource.Amount{CPU: 1500, Memory: 1 << 30}
		id := submit(t, n, workflow(big, aJob("b")))
		elapse(time.Millisecond) // long before its next heartbeat
		w = theWorker(t, n, "w1")
		require.Equal(t, isRunning, w.State)
		require.Equal(t, []string{id + ".0", id + ".1"}, w.Jobs)
		require.Equal(t, messages.ResourcesToProto(big.Resources).String(), w.HeldResources.String())
		require.Equal(t, map[string]int{"RUNNING": 1}, statesOf(n))
		hands.End(id+".0.1", result{Outcome: job.OutcomeSucceeded})
		hands.End(id+".1.1", result{Outcome: job.OutcomeSucceeded})
		await(t, n, id)
		require.Equal(t, available, theWorker(t, n, "w1").State)
		require.Equal(t, map[string]int{"AVAILABLE": 1}, statesOf(n))
		elapse(10 * time.Second)
		require.Len(t, history(t, n, "w1"), 1, "that it was busy follows from what is stored of its attempts")
	})
}

func statesOf(n *testkit.Node) map[string]int {
	states := map[string]int{}
	for s, count := range n.Roster().States() {
		states[s.String()] = count
	}
	return states
}

// A worker falls silent: it is UNHEALTHY, and called; and when it is heard of it
// must say again what it is before it is back. Its failures are forgotten then: the
// next silence is forgiven for as long as the first.
func TestASilentWorkerIsCalledAndRecovers(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		book := new(logbook)
		s := startTwo(t, y, logging(book))
		s.hands.End(s.id+".0.1", result{Outcome: job.OutcomeSucceeded})
		await(t, s.n, s.id)
		elapse(5 * time.Second)
		for range 2 {
			s.w.Cut()
			elapse(25 * time.Second)
			require.Equal(t, unhealthy, theWorker(t, s.n, "w1").State)
			require.Contains(t, theWorker(t, s.n, "w1").Reason, "worker w1 was not heard of for")
			s.w.Mend()
			elapse(callCap)
			require.Equal(t, available, theWorker(t, s.n, "w1").State)
		}
		elapse(time.Minute)
		require.Equal(t, []string{
			"AVAILABLE by w1: it registered", "UNHEALTHY by yardmaster: worker w1 was not heard of for 22s",
			"AVAILABLE by w1: it was heard of again", "UNHEALTHY by yardmaster: worker w1 was not heard of for 22s",
			"AVAILABLE by w1: it was heard of again",
		}, history(t, s.n, "w1"))
		require.Zero(t, s.n.Metrics.Unreachable())
		require.Zero(t, book.count("level=ERROR"))
		id := submit(t, s.n, workflow(aJob("b")))
		elapse(time.Second)
		require.Equal(t, running, get(t, s.n, id).State, "it is back in the pool")
	})
}

// callCap is the longest pause between two calls.
const callCap = 5 * time.Second

// What a silent worker sends is lost until a call has reached it, and so are the
// first calls.
func TestACallThatIsLostIsRepeated(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		s := startTwo(t, y)
		var mu sync.Mutex
		var calls []time.Time
		y.Net.Suffer(func(from, _ string, frame []byte) (int, time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			if contains(frame, "yardmaster.v1.SayHello") {
				calls = append(calls, time.Now())
			}
			if len(calls) < 4 || strings.HasPrefix(from, "w1") && contains(frame, "yardmaster.v1.SayHello") {
				return 0, 0
			}
			return 1, 0
		})
		elapse(22 * time.Second)
		elapse(2 * callCap)
		mu.Lock()
		defer mu.Unlock()
		require.Len(t, calls, 4, "none follows the one that was heard")
		for i := 1; i < len(calls); i++ {
			pause, most := calls[i].Sub(calls[i-1]), 500*time.Millisecond<<(i-1)
			assert.LessOrEqual(t, pause, most)
			assert.GreaterOrEqual(t, pause, most/2)
		}
		require.Equal(t, isRunning, theWorker(t, s.n, "w1").State, "it was given its lost job again")
	})
}

func TestAnAlertIsRaisedOnceForAnOutage(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		book := new(logbook)
		s := startTwo(t, y, logging(book))
		elapse(5 * time.Second)
		s.w.Kill()
		elapse(grace - 5*time.Second)
		require.Zero(t, s.n.Metrics.Unreachable(), "not before all calls were in vain")
		elapse(time.Hour)
		require.Equal(t, int64(1), s.n.Metrics.Unreachable())
		require.Equal(t, 1, book.count("level=ERROR msg=\"worker unreachable\" worker_id=w1 attempts=1"))
		require.Equal(t, []string{
			"AVAILABLE by w1: it registered", "UNHEALTHY by yardmaster: worker w1 was not heard of for 22s",
			"GONE by yardmaster: worker w1 was not heard of for 44s (alert)",
		}, history(t, s.n, "w1"))
		require.Equal(t, workerGone, theWorker(t, s.n, "w1").State, "it is remembered")
		require.Empty(t, statesOf(s.n), "and not counted")

		y.StartWorker("w1", testkit.NewExecutor(testkit.Succeed))
		elapse(time.Second)
		require.Equal(t, available, theWorker(t, s.n, "w1").State)
		require.Equal(t, "AVAILABLE by w1: it registered", history(t, s.n, "w1")[3])
		require.Equal(t, int64(1), s.n.Metrics.Unreachable())
	})
}

// A worker that was stopped says goodbye, and that is lost: nobody is alarmed.
func TestALostGoodbyeIsNoAlert(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		s := startTwo(t, y)
		lose(y, 1_000, "yardmaster.v1.Goodbye")
		drained := make(chan error, 1)
		ctx, stop := withTimeout(t, time.Hour)
		defer stop()
		go func() { drained <- s.w.Drain(ctx) }()
		elapse(time.Second)
		s.hands.End(s.id+".0.1", result{Outcome: job.OutcomeSucceeded})
		elapse(10 * time.Second)
		require.NoError(t, <-drained)
		s.w.Kill()
		elapse(time.Hour)
		require.Zero(t, s.n.Metrics.Unreachable())
		require.Equal(t, []string{
			"AVAILABLE by w1: it registered", "DRAINING by w1: it is being stopped",
			"DRAINING by w1: it runs nothing any more",
			"UNHEALTHY by yardmaster: worker w1 was not heard of for 22s",
			"GONE by yardmaster: worker w1 was not heard of for 44s",
		}, history(t, s.n, "w1"))
	})
}

// A node is started anew, and a worker that idled beside the old one has died
// meanwhile: the new node finds out, although it never heard of it.
func TestANewNodeMissesWorkersThatDiedMeanwhile(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n := y.StartNode()
		w1 := y.StartWorker("w1", testkit.NewExecutor(testkit.Succeed))
		y.StartWorker("w2", testkit.NewExecutor(testkit.Succeed))
		elapse(time.Second)
		n.Kill()
		w1.Kill()
		n = y.StartNode()
		elapse(15 * time.Second)
		require.Equal(t, unhealthy, theWorker(t, n, "w1").State)
		require.Equal(t, available, theWorker(t, n, "w2").State)
		elapse(10 * time.Second)
		require.Equal(t, int64(1), n.Metrics.Unreachable())
		require.Equal(t, workerGone, theWorker(t, n, "w1").State)
		require.Equal(t, []string{"AVAILABLE by w2: it registered"}, history(t, n, "w2"), "nothing happened to it")
	})
}

// An operator drains a worker: what runs ends there, what waits goes elsewhere.
func TestAnOperatorHoldsAWorkerBack(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		s := startTwo(t, y)
		w := mustChange(t, s.n, holdBack("w1", true))
		require.Equal(t, draining, w.State)
		require.True(t, w.HeldBack)
		require.Equal(t, "held back: its disk is old", w.Reason)
		next := submit(t, s.n, workflow(aJob("b")))
		elapse(time.Minute)
		require.Equal(t, pending, get(t, s.n, next).State)
		require.Equal(t, running, get(t, s.n, s.id).State, "what runs goes on")
		require.Equal(t, []string{s.id + ".0"}, theWorker(t, s.n, "w1").Jobs)

		spare := testkit.NewExecutor(testkit.Succeed)
		y.StartWorker("w2", spare)
		require.Equal(t, success, await(t, s.n, next).State)
		require.Equal(t, []string{next + ".0.1"}, spare.Begun())
		s.hands.End(s.id+".0.1", result{Outcome: job.OutcomeSucceeded})
		require.Equal(t, success, await(t, s.n, s.id).State)
		elapse(10 * time.Second)
		require.Equal(t, []string{
			"AVAILABLE by w1: it registered", "DRAINING by ann: held back: its disk is old",
			"DRAINING by w1: it runs nothing any more",
		}, history(t, s.n, "w1"))

		mustChange(t, s.n, holdBack("w1", false))
		mustChange(t, s.n, holdBack("w1", false))
		require.Len(t, history(t, s.n, "w1"), 4, "a wish that is granted already is no change")
		require.Equal(t, "AVAILABLE by ann: resumed: its disk is old", history(t, s.n, "w1")[3])
		mustChange(t, s.n, holdBack("w2", true))
		again := submit(t, s.n, workflow(aJob("c")))
		elapse(time.Second)
		require.Equal(t, []string{again + ".0"}, theWorker(t, s.n, "w1").Jobs)
	})
}

func TestLabelsThatOperatorsChangeCountAtOnce(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n := y.StartNode()
		y.StartWorker("w1", testkit.NewExecutor(testkit.Succeed))
		gpu, linux := aJob("gpu"), aJob("linux")
		gpu.RunsOn, linux.RunsOn = []string{"gpu"}, []string{"linux"}
		id := submit(t, n, workflow(gpu))
		elapse(time.Minute)
		require.Equal(t, pending, get(t, n, id).State)
		w := mustChange(t, n, wants("GPU", "linux-"))
		require.Equal(t, []string{"gpu"}, w.Labels)
		require.Equal(t, []string{"gpu"}, w.Added)
		require.Equal(t, []string{"linux"}, w.Removed)
		require.Equal(t, success, await(t, n, id).State)
		id = submit(t, n, workflow(linux))
		elapse(time.Minute)
		require.Equal(t, pending, get(t, n, id).State)
		mustChange(t, n, wants("linux", "gpu-"))
		require.Equal(t, success, await(t, n, id).State)
		require.Equal(t, []string{
			"AVAILABLE by w1: it registered", "AVAILABLE by ann: +GPU -linux", "AVAILABLE by ann: +linux -gpu",
		}, history(t, n, "w1"))
		require.Equal(t, map[string]int64{"gpu": 1, "linux": 1}, n.Metrics.Assignments().Used())
	})
}

// What operators want of a worker outlives the worker, the node, both, and a
// snapshot.
func TestWhatOperatorsWantSurvives(t *testing.T) {
	t.Parallel()
	for name, disturb := range map[string]func(*testing.T, *testkit.Yard, two) two{
		"the end of the node": func(_ *testing.T, y *testkit.Yard, s two) two {
			s.n.Kill()
			s.n = y.StartNode()
			return s
		},
		"the end of the node behind a snapshot": func(t *testing.T, y *testkit.Yard, s two) two {
			require.NoError(t, s.n.Compact(t.Context()))
			require.Empty(t, y.Disk.Events(0))
			s.n.Stop()
			s.n = y.StartNode()
			return s
		},
		"a journal that is lost": func(_ *testing.T, y *testkit.Yard, s two) two {
			y.Disk.Judge(func(partition.Number, [][]byte) error { return actors.ErrLostOwnership })
			_, _ = change(t, s.n, wants("x"))
			y.Disk.Judge(nil)
			return s
		},
		"the end of the worker": func(_ *testing.T, y *testkit.Yard, s two) two {
			s.w.Kill()
			s.w = y.StartWorker("w1", s.e)
			return s
		},
		"the end of the worker, long ago": func(_ *testing.T, y *testkit.Yard, s two) two {
			s.w.Kill()
			elapse(time.Hour)
			s.w = y.StartWorker("w1", s.e)
			return s
		},
		"the end of both": func(_ *testing.T, y *testkit.Yard, s two) two {
			s.n.Kill()
			s.w.Kill()
			s.n, s.w = y.StartNode(), y.StartWorker("w1", s.e)
			return s
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inYard(t, func(t *testing.T, y *testkit.Yard) {
				s := startTwo(t, y)
				mustChange(t, s.n, wants("big", "linux-"))
				mustChange(t, s.n, holdBack("w1", true))
				s = disturb(t, y, s)
				elapse(15 * time.Second)
				w := theWorker(t, s.n, "w1")
				require.Equal(t, draining, w.State)
				require.True(t, w.HeldBack)
				require.Equal(t, []string{"big"}, w.Labels)
				require.Contains(t, strings.Join(history(t, s.n, "w1"), "\n"), "DRAINING by ann: held back: its disk is old")
				id := submit(t, s.n, workflow(aJob("b")))
				elapse(time.Minute)
				require.Equal(t, pending, get(t, s.n, id).State)
				mustChange(t, s.n, holdBack("w1", false))
				elapse(time.Second)
				require.Equal(t, running, get(t, s.n, id).State)
			})
		})
	}
}

// lateFleet opens the journal of workers later than the others.
type lateFleet struct{ *testkit.Disk }

// Open implements actors.Opener.
func (l lateFleet) Open(c context.Context, p partition.Number, snapshot, event func([]byte) error,
) (actors.Journal, error) {
	if p == 0 {
		time.Sleep(time.Second)
	}
	return l.Disk.Open(c, p, snapshot, event)
}

// The attempt of a worker is found before what is stored of the worker itself.
func TestWhatOperatorsWantIsFoundHoweverLate(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		s := startTwo(t, y)
		for partition.Of(s.id, 2) == 0 { // until one stands in the other partition
			s.hands.End(s.id+".0.1", result{Outcome: job.OutcomeSucceeded})
			await(t, s.n, s.id)
			s.id = submit(t, s.n, workflow(aJob("a")))
			elapse(time.Millisecond)
		}
		mustChange(t, s.n, wants("big", "linux-"))
		mustChange(t, s.n, holdBack("w1", true))
		before := history(t, s.n, "w1")
		s.n.Kill()
		n := y.StartNode(func(c *actors.Config) { c.Opener = lateFleet{y.Disk} })
		elapse(time.Millisecond)
		require.Equal(t, []string{"big"}, theWorker(t, n, "w1").Labels)
		elapse(15 * time.Second)
		require.Equal(t, draining, theWorker(t, n, "w1").State)
		require.Equal(t, []string{"big"}, theWorker(t, n, "w1").Labels)
		require.Equal(t, before, history(t, n, "w1"))
		require.Equal(t, []string{s.id + ".0"}, theWorker(t, n, "w1").Jobs)
	})
}

func TestAWorkerThatIsGoneCanBeChanged(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n := y.StartNode()
		w := y.StartWorker("w1", testkit.NewExecutor(testkit.Succeed))
		elapse(time.Second)
		ctx, stop := withTimeout(t, time.Minute)
		defer stop()
		require.NoError(t, w.Drain(ctx))
		w.Stop()
		elapse(time.Second)
		require.Equal(t, workerGone, theWorker(t, n, "w1").State)
		seen := mustChange(t, n, wants("big"))
		require.Equal(t, workerGone, seen.State)
		require.Equal(t, []string{"big", "linux"}, seen.Labels)
		seen = mustChange(t, n, holdBack("w1", true))
		require.True(t, seen.HeldBack)
		elapse(time.Hour)
		require.Empty(t, statesOf(n), "nobody is expected")
		y.StartWorker("w1", testkit.NewExecutor(testkit.Succeed))
		elapse(time.Second)
		require.Equal(t, draining, theWorker(t, n, "w1").State)
		require.Equal(t, []string{"big", "linux"}, theWorker(t, n, "w1").Labels)
	})
}

func TestAChangeThatCannotBeIsRefused(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n := y.StartNode()
		y.StartWorker("build-1", testkit.NewExecutor(testkit.Succeed))
		elapse(time.Second)
		_, err := change(t, n, holdBack("biuld-1", true))
		requireProblem(t, err, problem.NotFound)
		require.ErrorContains(t, err, "there is no worker biuld-1: did you mean build-1?")
		_, err = n.Backend().GetWorker(t.Context(), "nobody")
		requireProblem(t, err, problem.NotFound)
		require.Equal(t, "there is no worker nobody", err.Error())
		_, err = change(t, n, &messages.ChangeWorkerRequest{WorkerId: "build-1", AddLabels: []string{"a b"}})
		requireProblem(t, err, problem.Invalid)
		require.ErrorContains(t, err, `label "a b" is not`)
		require.Len(t, history(t, n, "build-1"), 1)
	})
}

// A change cannot be stored: nobody hears of it, and who asked is told.
func TestAChangeThatIsNotStoredHasNotHappened(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n := y.StartNode()
		y.StartWorker("w1", testkit.NewExecutor(testkit.Succeed))
		elapse(time.Second)
		y.Disk.Judge(func(partition.Number, [][]byte) error { return actors.ErrLostOwnership })
		_, err := change(t, n, holdBack("w1", true))
		requireProblem(t, err, problem.Unavailable)
		y.Disk.Judge(nil)
		elapse(10 * time.Second)
		require.Equal(t, available, theWorker(t, n, "w1").State)
		require.Equal(t, success, await(t, n, submit(t, n, workflow(aJob("a")))).State)
		require.Len(t, history(t, n, "w1"), 1)
	})
}

// The journal fails while a worker registers, and while one is missed: the worker
// says it again, and the session looks again.
func TestAWorkerOutlastsAJournalThatFails(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n := y.StartNode()
		fail := func() {
			y.Disk.Judge(func(_ partition.Number, events [][]byte) error {
				for _, e := range events {
					if h, err := messages.DecodeHistory(e, messages.NewPlans()); err == nil && h.Worker != nil {
						return actors.ErrLostOwnership
					}
				}
				return nil
			})
		}
		fail()
		w := y.StartWorker("w1", testkit.NewExecutor(testkit.Succeed))
		elapse(20 * time.Second)
		_, err := n.Backend().GetWorker(t.Context(), "w1")
		require.Error(t, err)
		require.Empty(t, w.Failed())
		y.Disk.Judge(nil)
		elapse(10 * time.Second)
		require.Equal(t, available, theWorker(t, n, "w1").State)

		w.Kill()
		elapse(10 * time.Second)
		fail()
		elapse(20 * time.Second)
		require.Equal(t, available, theWorker(t, n, "w1").State)
		y.Disk.Judge(nil)
		elapse(10 * time.Second)
		require.Equal(t, unhealthy, theWorker(t, n, "w1").State)
		elapse(time.Minute)
		require.Equal(t, workerGone, theWorker(t, n, "w1").State)
		require.Equal(t, int64(1), n.Metrics.Unreachable())
	})
}

// A worker says after a silence that it can something else than it said before:
// it has not recovered, but is registered as what it is now.
func TestAWorkerThatIsNotTheOneItWasIsRegisteredAnew(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n := y.StartNode()
		said := func(labels ...string) func(*workerConfig) {
			return func(c *workerConfig) { c.Labels, c.Incarnation = labels, "same" }
		}
		w := y.StartWorker("w1", testkit.NewExecutor(testkit.Succeed), said("linux"))
		elapse(time.Second)
		w.Kill()
		elapse(25 * time.Second)
		y.StartWorker("w1", testkit.NewExecutor(testkit.Succeed), said("macos"))
		elapse(time.Second)
		require.Equal(t, []string{"macos"}, theWorker(t, n, "w1").Labels)
		lines := history(t, n, "w1")
		require.Equal(t, "AVAILABLE by w1: it says something else of itself than before", lines[len(lines)-1])
	})
}

func TestAssignmentsAreCountedForSoManyLabels(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n := y.StartNode()
		var labels []string
		for i := range 120 {
			labels = append(labels, fmt.Sprintf("l%03d", i))
		}
		y.StartWorker("w1", testkit.NewExecutor(testkit.Succeed), withLabels(labels...))
		for i := range labels {
			j := aJob("a")
			j.RunsOn = labels[i : i+1]
			await(t, n, submit(t, n, workflow(j)))
		}
		used := n.Metrics.Assignments().Used()
		require.Len(t, used, 101)
		require.Equal(t, int64(20), used["other"])
		require.Equal(t, int64(1), used["l000"])
	})
}

// An open attempt is found again by the next node, and let go of with its end.
func TestAssignmentsAreFoundInTheJournal(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		s := startTwo(t, y)
		s.n.Kill()
		n := y.StartNode()
		held, _ := n.Metrics.Assignments().Of("w1")
		require.Equal(t, []job.ID{{Run: job.RunID(s.id)}}, held)
		elapse(10 * time.Second)
		s.hands.End(s.id+".0.1", result{Outcome: job.OutcomeSucceeded})
		await(t, n, s.id)
		held, _ = n.Metrics.Assignments().Of("w1")
		require.Empty(t, held)
		require.Empty(t, n.Metrics.Assignments().Used())
	})
}
