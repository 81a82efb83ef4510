package actors_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"yardmaster/actors"
	"yardmaster/domain/attempt"
	"yardmaster/domain/job"
	"yardmaster/internal/testkit"
	"yardmaster/messages"
)

// two is a yard with a node and a worker w1 that holds the only attempt of a run.
type two struct {
	n     *testkit.Node
	hands *testkit.Hands
	e     *testkit.Executor
	w     *testkit.Worker
	id    string
}

func startTwo(t testing.TB, y *testkit.Yard, changes ...func(*actors.Config)) two {
	t.Helper()
	s := two{n: y.StartNode(changes...), hands: testkit.NewHands()}
	s.e = testkit.NewExecutor(s.hands.Script)
	s.w = y.StartWorker("w1", s.e)
	elapse(time.Second)
	s.id = submit(t, s.n, workflow(aJob("a")))
	elapse(time.Millisecond)
	require.Equal(t, []string{s.id + ".0.1"}, s.e.Running())
	return s
}

// A worker falls silent. It stops its attempts 18 s after the last heartbeat that
// was answered; the owner gives them away 22 s after the last that it heard, under
// the next token. When the worker comes back, its late report is refused.
func TestASilentWorkerLosesItsAttempts(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		s := startTwo(t, y)
		elapse(4*time.Second - time.Millisecond) // its heartbeats are at 0, 5, 10 …
		s.w.Cut()                                // at 5 s
		spare := testkit.NewExecutor(testkit.Take(time.Hour))
		y.StartWorker("w2", spare)

		elapse(18*time.Second - time.Millisecond)
		require.Len(t, s.e.Running(), 1)
		elapse(2 * time.Millisecond)
		require.Empty(t, s.e.Running(), "killed on its own clock")
		require.Empty(t, spare.Begun())

		elapse(4*time.Second - 2*time.Millisecond)
		require.Empty(t, spare.Begun(), "not before lease and margin are over")
		elapse(2 * time.Millisecond)
		require.Equal(t, []string{s.id + ".0.2"}, spare.Begun())
		r := get(t, s.n, s.id)
		require.Equal(t, running, r.State)
		require.Equal(t, "worker w1 was not heard of for 22s", r.Jobs[0].Attempts[0].Reason)
		require.Equal(t, messages.Fault_FAULT_INFRASTRUCTURE, r.Jobs[0].Attempts[0].Fault)

		require.Zero(t, s.n.Metrics.Refused())
		lose(y, 1_000, "yardmaster.v1.SayHello") // else it is told before it reports
		s.w.Mend()
		elapse(15 * time.Second)
		require.Positive(t, s.n.Metrics.Refused(), "its report of the lost lease comes too late")
		require.Len(t, spare.Running(), 1)
	})
}

func TestAWorkerThatComesBackInTimeKeepsItsAttempts(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		s := startTwo(t, y)
		s.w.Cut()
		elapse(9 * time.Second)
		s.w.Mend()
		s.w.Reconnected()
		elapse(time.Minute)
		s.hands.End(s.id+".0.1", job.Result{Outcome: job.OutcomeSucceeded})
		require.Equal(t, success, await(t, s.n, s.id).State)
		require.Len(t, s.e.Begun(), 1)
		require.Zero(t, s.n.Metrics.Refused())
	})
}

// A worker is killed and started anew: what it held is lost at once.
func TestANewIncarnationHasLostTheOldAttempts(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		s := startTwo(t, y)
		s.w.Kill()
		e := testkit.NewExecutor(testkit.Succeed)
		began := time.Now()
		y.StartWorker("w1", e)
		r := await(t, s.n, s.id)
		require.Equal(t, success, r.State)
		require.Less(t, time.Since(began), 5*time.Second)
		require.Equal(t, []string{s.id + ".0.2"}, e.Begun())
		require.Contains(t, r.Jobs[0].Attempts[0].Reason, "was started anew without it")
	})
}

func TestAWorkerThatNeverComesBackIsForgotten(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		s := startTwo(t, y)
		s.w.Kill()
		elapse(25 * time.Second)
		workers, err := s.n.Backend().Workers(t.Context())
		require.NoError(t, err)
		require.Equal(t, messages.WorkerState_WORKER_STATE_UNHEALTHY, workers[0].State)
		elapse(25 * time.Second)
		workers, err = s.n.Backend().Workers(t.Context())
		require.NoError(t, err)
		require.Empty(t, workers)
	})
}

// A node is restarted, and the worker with it never comes back: the new node
// knows of it from its journal alone.
func TestAnAttemptOfAWorkerThatANewNodeNeverSawIsLost(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		s := startTwo(t, y)
		s.n.Kill()
		s.w.Kill()
		n := y.StartNode()
		elapse(21 * time.Second)
		require.Empty(t, get(t, n, s.id).Jobs[0].Attempts[0].Reason)
		elapse(2 * time.Second)
		require.Contains(t, get(t, n, s.id).Jobs[0].Attempts[0].Reason, "was not heard of")
		y.StartWorker("w2", testkit.NewExecutor(testkit.Succeed))
		require.Equal(t, success, await(t, n, s.id).State)
	})
}

// lose loses the next n frames that hold a text.
func lose(y *testkit.Yard, n int, text string) {
	y.Net.Suffer(func(_, _ string, frame []byte) (int, time.Duration) {
		if n > 0 && contains(frame, text) {
			n--
			return 0, 0
		}
		return 1, 0
	})
}

func TestALostFrameIsRepaired(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"that spawns an attempt": "yardmaster.v1.SpawnAttempt", "with a report": "yardmaster.v1.ReportResult",
		"that says a report is stored": "yardmaster.v1.ResultStored", "that greets": "yardmaster.v1.Hello",
		"that welcomes": "yardmaster.v1.Welcome", "with a heartbeat": "yardmaster.v1.Heartbeat",
		"with a log": "yardmaster.v1.LogChunk", "that says a chunk is stored": "yardmaster.v1.ChunkStored",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inYard(t, func(t *testing.T, y *testkit.Yard) {
				lose(y, 2, text)
				n, e := y.StartNode(), testkit.NewExecutor(writing("hello\n", "world\n"))
				y.StartWorker("w1", e)
				id := submit(t, n, workflow(aJob("a")))
				require.Equal(t, success, await(t, n, id).State)
				require.Len(t, e.Begun(), 1)
				elapse(time.Minute)
				lines, end := readLog(t, n, id, false)
				require.Equal(t, "hello\nworld\n", lines)
				require.True(t, end.GetComplete())
			})
		})
	}
}

func TestFramesThatComeTwiceDoNoHarm(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		y.Net.Suffer(func(string, string, []byte) (int, time.Duration) { return 2, time.Millisecond })
		n, e := y.StartNode(), testkit.NewExecutor(writing("a", "b", "c"))
		y.StartWorker("w1", e)
		id := submit(t, n, workflow(aJob("a"), aJob("b", 0), aJob("c", 0)))
		r := await(t, n, id)
		require.Equal(t, success, r.State)
		require.Len(t, e.Begun(), 3)
		text, end := readLog(t, n, id, false)
		require.Equal(t, "abc", text)
		require.True(t, end.Complete)
	})
}

func TestAReportFromAnotherWorkersNodeIsRefused(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		s := startTwo(t, y)
		thief := y.StartWorker("w2", testkit.NewExecutor(testkit.Succeed))
		elapse(time.Second)
		p, err := testkit.NewProbe(thief.System, "thief")
		require.NoError(t, err)
		thief.System.Root.RequestWithCustomSender(jobPID(s.n, s.id, 0), &messages.ReportResult{
			Token: 1, Result: messages.ResultToProto(job.Result{Outcome: job.OutcomeSucceeded}),
		}, p.PID)
		elapse(time.Second)
		require.Len(t, testkit.Of[*messages.ReportRefused](p.Take()), 1)
		require.Equal(t, running, get(t, s.n, s.id).State)
		require.Len(t, s.e.Running(), 1)
		require.Equal(t, int64(1), s.n.Metrics.Refused())
	})
}

func TestADrainingWorkerEndsWhatItHasAndTakesNoMore(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		s := startTwo(t, y)
		drained := make(chan error, 1)
		ctx, stop := withTimeout(t, time.Hour)
		defer stop()
		go func() { drained <- s.w.Drain(ctx) }()
		elapse(time.Second)
		next := submit(t, s.n, workflow(aJob("b")))
		elapse(time.Minute)
		require.Equal(t, pending, get(t, s.n, next).State)
		require.Empty(t, drained)
		workers, err := s.n.Backend().Workers(t.Context())
		require.NoError(t, err)
		require.Equal(t, messages.WorkerState_WORKER_STATE_DRAINING, workers[0].State)

		s.hands.End(s.id+".0.1", job.Result{Outcome: job.OutcomeSucceeded})
		elapse(time.Second)
		require.NoError(t, <-drained)
		require.Equal(t, success, get(t, s.n, s.id).State)
		workers, err = s.n.Backend().Workers(t.Context())
		require.NoError(t, err)
		require.Empty(t, workers, "it said goodbye")
	})
}

func TestADrainThatTakesTooLongSaysSo(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		s := startTwo(t, y)
		ctx, stop := withTimeout(t, time.Minute)
		defer stop()
		require.Error(t, s.w.Drain(ctx))
		require.Len(t, s.e.Running(), 1)
	})
}

func TestAFullOrDrainingWorkerRefusesASpawn(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n := y.StartNode()
		e := testkit.NewExecutor(testkit.Take(time.Hour))
		w := y.StartWorker("w1", e, oneSlot)
		p, err := testkit.NewProbe(w.System, "owner")
		require.NoError(t, err)
		elapse(time.Millisecond)
		submit(t, n, workflow(aJob("a")))
		elapse(time.Second)
		spawnOn(w, p, "01B", 1)
		elapse(time.Second)
		refused := testkit.Of[*messages.SpawnRefused](p.Take())[0]
		require.Contains(t, refused.Reason, "no free slot")
		require.True(t, refused.Untouched)
		require.Len(t, e.Begun(), 1)

		ctx, stop := withTimeout(t, time.Second)
		defer stop()
		require.Error(t, w.Drain(ctx))
		spawnOn(w, p, "01C", 1)
		elapse(time.Second)
		require.Contains(t, testkit.Of[*messages.SpawnRefused](p.Take())[0].Reason, "draining")
	})
}

// The first answers after a welcome are lost: the worker has a lease all the same.
func TestALeaseBeginsWithTheWelcome(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		lose(y, 1_000_000, "yardmaster.v1.HeartbeatAck")
		n, e := y.StartNode(), testkit.NewExecutor(testkit.Take(time.Hour))
		w := y.StartWorker("w1", e)
		elapse(time.Second)
		submit(t, n, workflow(aJob("a")))
		elapse(time.Second)
		require.Len(t, e.Running(), 1)
		w.Cut()
		elapse(20 * time.Second)
		require.Empty(t, e.Running())
	})
}

func TestARefusedWorkerEnds(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		y.StartNode()
		w := y.StartWorker("w1", testkit.NewExecutor(testkit.Succeed), func(c *actors.WorkerConfig) { c.Slots = 0 })
		elapse(time.Second)
		require.ErrorContains(t, <-w.Failed(), "0 slots")
	})
}

func TestAWorkerWaitsForANode(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		joined := 0
		y.StartWorker("w1", testkit.NewExecutor(testkit.Succeed), func(c *actors.WorkerConfig) {
			c.Joined = func() { joined++ }
		})
		elapse(time.Minute)
		require.Zero(t, joined)
		n := y.StartNode()
		require.Equal(t, success, await(t, n, submit(t, n, workflow(aJob("a")))).State)
		require.Equal(t, 1, joined)
	})
}

func TestADisconnectedWorkerGetsNothingNew(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		s := startTwo(t, y)
		s.n.WorkerDisconnected("w1")
		s.n.WorkerDisconnected("nobody")
		elapse(time.Millisecond)
		id := submit(t, s.n, workflow(aJob("b")))
		elapse(time.Second)
		require.Equal(t, pending, get(t, s.n, id).State)
		elapse(10 * time.Second)
		require.Equal(t, running, get(t, s.n, id).State, "it was heard of again")
		require.Len(t, s.e.Running(), 2)
	})
}

// An attempt that was cancelled may tidy up; that ends with its lease, too.
func TestAnAttemptThatTidiesUpHearsThatItsLeaseIsLost(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n, lost := y.StartNode(), make(chan time.Time, 1)
		e := testkit.NewExecutor(func(ctx context.Context, _ attempt.Task, out attempt.Observer) job.Result {
			<-ctx.Done()
			<-out.(attempt.Leased).LeaseLost()
			lost <- time.Now()
			return job.Result{Outcome: job.OutcomeCancelled}
		})
		y.StartWorker("w1", e)
		id := submit(t, n, workflow(aJob("a")))
		elapse(time.Second)
		require.NoError(t, cancel(t, n, id, ""))
		elapse(time.Minute)
		require.Empty(t, lost, "it has 5 minutes")
		n.Kill()
		elapse(time.Minute)
		require.Len(t, lost, 1)
	})
}
