package actors_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"yardmaster/actors"
	"yardmaster/domain/attempt"
	"yardmaster/domain/job"
	"yardmaster/domain/partition"
	"yardmaster/internal/testkit"
	"yardmaster/messages"
)

// The log store panics at every chunk of one job: its actor fails three times,
// and the job is ended. Its neighbours notice nothing.
func TestAPoisonedJobIsEnded(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		var r testkit.Restarts
		n := y.StartNode(func(c *actors.Config) { c.Hooks = r.Hooks() })
		y.StartWorker("w1", testkit.NewExecutor(writing("boom")))
		y.Logs.Judge(func(id job.ID, _ job.Token, _ attempt.Chunk) error {
			if id.Index == 1 {
				panic("a defect")
			}
			return nil
		})
		id := submit(t, n, workflow(aJob("a"), aJob("bad"), aJob("c", 0), aJob("d", 1)))
		got := await(t, n, id)
		require.Equal(t, []messages.JobState{success, failed, success, cancelled}, states(got))
		require.Equal(t, messages.Cause_CAUSE_POISON, got.Jobs[1].Cause)
		require.Contains(t, got.Jobs[1].Reason, "a defect")
		require.Equal(t, 3, r.Of("/jobs/*"))
		require.Zero(t, r.Of("/owner"))
		found := false
		for p := range 2 {
			for _, e := range y.Disk.Events(partition.Number(p)) {
				h, err := messages.DecodeHistory(e, messages.NewPlans())
				require.NoError(t, err)
				found = found || h.Poisoned != nil
			}
		}
		require.True(t, found, "the record tells of it")

		y.Logs.Judge(nil)
		require.Equal(t, success, await(t, n, submit(t, n, workflow(aJob("a")))).State, "its slot is free")
		n.Stop()
		require.Equal(t, failed, get(t, y.StartNode(), id).State)
	})
}

// The coordinator crashes: it knows nothing, and is told everything again.
func TestTheCoordinatorIsToldAgain(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		var r testkit.Restarts
		n := y.StartNode(brittle(&r))
		e := testkit.NewExecutor(testkit.Take(time.Minute))
		y.StartWorker("w1", e)
		id := submit(t, n, workflow(aJob("a"), aJob("b"), aJob("c"), aJob("d"), aJob("e", 3)))
		elapse(time.Second)
		crash(n, "yardmaster/coordinator")
		elapse(time.Second)
		require.Equal(t, 1, r.Of("/coordinator"))
		require.Len(t, e.Running(), 2)
		require.Equal(t, success, await(t, n, id).State)
		require.Len(t, e.Begun(), 5)
		require.Equal(t, 2, e.Most())
	})
}

// crash makes an actor of a node panic: it logs a message that it does not know,
// and the log of a brittle node panics at that.
func crash(n *testkit.Node, id string) { n.System.Root.Send(n.PID(id), "?") }

type brittleLog struct{ slog.Handler }

func (brittleLog) Enabled(context.Context, slog.Level) bool { return true }

func (brittleLog) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "unexpected message" {
		panic("a defect")
	}
	return nil
}

func brittle(r *testkit.Restarts) func(*actors.Config) {
	return func(c *actors.Config) {
		c.Hooks, c.Log = r.Hooks(), slog.New(brittleLog{slog.DiscardHandler})
	}
}

func TestASessionThatCrashedStillWatchesItsWorker(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		var r testkit.Restarts
		s := startTwo(t, y, brittle(&r))
		crash(s.n, "yardmaster/fleet/sessions/w1")
		elapse(time.Second)
		require.Equal(t, 1, r.Of("/sessions/*"))
		elapse(time.Minute)
		require.Len(t, s.e.Running(), 1, "it said Hello again")
		require.Len(t, get(t, s.n, s.id).Jobs[0].Attempts, 1)

		crash(s.n, "yardmaster/fleet/sessions/w1")
		s.w.Kill()
		elapse(time.Minute)
		require.Contains(t, get(t, s.n, s.id).Jobs[0].Attempts[0].Reason, "w1")
		y.StartWorker("w2", testkit.NewExecutor(testkit.Succeed))
		require.Equal(t, success, await(t, s.n, s.id).State)
	})
}
