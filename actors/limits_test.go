package actors_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/actors"
	"yardmaster/domain/attempt"
	"yardmaster/domain/job"
	"yardmaster/domain/partition"
	"yardmaster/internal/testkit"
	"yardmaster/messages"
)

func TestSubmissionsUnderWayCountAgainstTheLimit(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n := y.StartNode(func(c *actors.Config) { c.QueueLimit = 10 })
		y.Disk.Late(100 * time.Millisecond)
		var mu sync.Mutex
		var wg sync.WaitGroup
		var ids []string
		refused := 0
		for range 5 {
			wg.Go(func() {
				w := workflow()
				for i := range 6 {
					w.Jobs = append(w.Jobs, aJob(fmt.Sprint("j", i)))
				}
				runs, err := n.Backend().Submit(t.Context(), actors.Submission{Plan: w, Keys: []string{""}, Principal: "alice"})
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					refused++
					assert.ErrorContains(t, err, "the queue is full")
					return
				}
				ids = append(ids, runs[0].RunId)
			})
		}
		wg.Wait()
		assert.Len(t, ids, 1)
		assert.Equal(t, 4, refused)
		y.StartWorker("w1", testkit.NewExecutor(testkit.Succeed))
		assert.Equal(t, success, await(t, n, ids[0]).State)
		submit(t, n, workflow(aJob("a"))) // nothing is counted for ever
	})
}

func TestWhatIsStoredIsQueuedWhateverTheLimit(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n := y.StartNode()
		var ids []string
		for range 30 {
			ids = append(ids, submit(t, n, workflow(aJob("a"))))
		}
		n.Stop()
		n = y.StartNode(func(c *actors.Config) { c.QueueLimit = 10 })
		y.StartWorker("w1", testkit.NewExecutor(testkit.Succeed))
		elapse(time.Minute)
		for _, id := range ids {
			assert.Equal(t, success, get(t, n, id).State)
		}
	})
}

// likeTheJournal refuses what is too large for one entry, as the journal does.
func likeTheJournal(_ partition.Number, events [][]byte) error {
	size := 0
	for _, e := range events {
		size += len(e) + 5
	}
	if size > 4<<20 {
		return actors.ErrTooLarge
	}
	return nil
}

func TestACancelOfManyJobsIsStoredInParts(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		y.Disk.Judge(likeTheJournal)
		n := y.StartNode()
		w := workflow(aJob("a"))
		for i := 1; i < 4096; i++ {
			w.Jobs = append(w.Jobs, aJob(fmt.Sprint("j", i), 0))
		}
		id := submit(t, n, w)
		request := &messages.CancelRunRequest{RunId: id, Reason: strings.Repeat("x", 1024)}
		require.NoError(t, n.Backend().Cancel(t.Context(), request, "bob"))
		elapse(time.Minute)
		assert.Equal(t, cancelled, get(t, n, id).State)
		assert.Equal(t, 2, y.Disk.Opened(), "each partition once: nothing was lost")
	})
}

func TestAReportOfManyWordsIsStored(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		y.Disk.Judge(likeTheJournal)
		n := y.StartNode()
		y.StartWorker("w1", testkit.NewExecutor(
			func(context.Context, attempt.Task, attempt.Observer) job.Result {
				return job.Result{Outcome: job.OutcomeFailed, Fault: job.FaultUser, Reason: strings.Repeat("x", 5<<20)}
			}))
		r := await(t, n, submit(t, n, workflow(aJob("a"))))
		assert.Equal(t, failed, r.State)
		assert.LessOrEqual(t, len(r.Jobs[0].Reason), job.MaxReason)
		assert.Len(t, r.Jobs[0].Attempts, 1)
	})
}

func TestWhatCanNeverBeStoredIsQuarantined(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		y.Disk.Judge(func(_ partition.Number, events [][]byte) error {
			if h, err := messages.DecodeHistory(events[0], messages.NewPlans()); err == nil && kindOf(h) == "assigned" {
				return actors.ErrTooLarge
			}
			return nil
		})
		n := y.StartNode()
		y.StartWorker("w1", testkit.NewExecutor(testkit.Succeed))
		r := await(t, n, submit(t, n, workflow(aJob("a"))))
		assert.Equal(t, failed, r.State)
		assert.Equal(t, messages.Cause_CAUSE_POISON, r.Jobs[0].Cause)
		assert.Equal(t, 2, y.Disk.Opened())
	})
}

func TestTheActorOfARunEndsWithIt(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n := y.StartNode()
		y.StartWorker("w1", testkit.NewExecutor(testkit.Succeed))
		for range 20 {
			id := submit(t, n, workflow(aJob("a"), aJob("b", 0)))
			require.Equal(t, success, await(t, n, id).State)
			elapse(time.Second)
			_, there := n.System.ProcessRegistry.GetLocal(
				fmt.Sprintf("yardmaster/partition-%d/runs/%s", partition.Of(id, 2), id))
			require.False(t, there)
		}
	})
}

// A cancel is being stored when the actor of its job fails for the last time, so
// that its message to the job comes while the end that the quarantine makes is
// being stored. Two would write one history, and no replay could get past that.
func TestACancelDuringAQuarantineIsNotStoredBehindTheEnd(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n := y.StartNode()
		y.StartWorker("w1", testkit.NewExecutor(writing("boom")))
		ids, crashes := make(chan string, 1), 0
		cancelled := make(chan error, 1)
		y.Logs.Judge(func(job.ID, job.Token, attempt.Chunk) error {
			if crashes++; crashes == 3 {
				go func() {
					cancelled <- n.Backend().Cancel(t.Context(), &messages.CancelRunRequest{RunId: <-ids}, "bob")
				}()
				time.Sleep(200 * time.Millisecond) // of the virtual clock
			}
			panic("a defect")
		})
		y.Disk.Judge(func(_ partition.Number, events [][]byte) error {
			if h, err := messages.DecodeHistory(events[0], messages.NewPlans()); err == nil &&
				(h.Poisoned != nil || h.Cancelled != nil) {
				time.Sleep(400 * time.Millisecond) // a slow disk
			}
			return nil
		})
		id := submit(t, n, workflow(aJob("bad")))
		ids <- id
		require.NoError(t, <-cancelled)
		elapse(time.Minute)
		require.True(t, messages.StateFromProto(get(t, n, id).State).Final())
		n.Stop()
		y.Disk.Judge(nil)
		n = y.StartNode()
		require.True(t, messages.StateFromProto(get(t, n, id).State).Final())
	})
}
