package actors_test

import (
	"context"
	"fmt"
	"strings"
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

// This file is about parts that find each other again, and about words that cross.

func oneSlot(c *actors.WorkerConfig) { c.Slots = 1 }

// loseTheNextAssignment has the journal lost at an assignment, and found again.
func loseTheNextAssignment(y *testkit.Yard) {
	y.Disk.Judge(failing(func(kind string) bool { return kind == "assigned" }))
	elapse(500 * time.Millisecond)
	y.Disk.Judge(nil)
}

func TestAJobThatIsAnnouncedTwiceKeepsItsSlot(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n, e := y.StartNode(), testkit.NewExecutor(testkit.Take(30*time.Minute))
		id := submit(t, n, workflow(aJob("a")))
		w := y.StartWorker("w1", e, oneSlot)
		loseTheNextAssignment(y)
		elapse(10 * time.Second)
		require.Len(t, e.Running(), 1)
		behind := submit(t, n, workflow(aJob("b")))
		elapse(time.Minute)
		require.Equal(t, pending, get(t, n, behind).State, "the slot is taken")

		w.Kill() // whoever lost sight of the attempt would not notice
		y.StartWorker("w2", testkit.NewExecutor(testkit.Succeed))
		elapse(10 * time.Minute)
		assert.Equal(t, success, get(t, n, id).State)
		assert.Equal(t, success, get(t, n, behind).State)
	})
}

// That a job waits is told again, behind its assignment.
func TestALateWordOfAWaitingJobChangesNothing(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		s := startTwo(t, y)
		self := s.n.PID(fmt.Sprintf("yardmaster/partition-%d/jobs/%s.0", partition.Of(s.id, 2), s.id))
		for range 3 {
			s.n.System.Root.RequestWithCustomSender(s.n.PID("yardmaster/coordinator"),
				&messages.JobQueued{RunId: s.id, BoundNanos: int64(2 * time.Hour)}, self)
			elapse(time.Second)
		}
		require.Len(t, s.e.Running(), 1)
		s.w.Kill()
		y.StartWorker("w2", testkit.NewExecutor(testkit.Succeed))
		elapse(time.Minute)
		require.Equal(t, success, get(t, s.n, s.id).State, "the attempt was lost sight of")
	})
}

func TestNoJobFailsBecauseAJournalWasLost(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n, e := y.StartNode(), testkit.NewExecutor(testkit.Take(10*time.Second))
		var ids []string
		for range 6 {
			ids = append(ids, submit(t, n, workflow(aJob("a"))))
		}
		y.StartWorker("w1", e, oneSlot)
		loseTheNextAssignment(y)
		elapse(10 * time.Minute)
		for _, id := range ids {
			assert.Equal(t, success, get(t, n, id).State, "%v", get(t, n, id))
		}
		assert.Equal(t, 1, e.Most())
	})
}

func TestAWorkerThatCannotEndAnAttemptFailsNoOtherJob(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n, release := y.StartNode(), make(chan struct{})
		e := testkit.NewExecutor(func(_ context.Context, task attempt.Task, _ attempt.Observer) job.Result {
			if task.Spec.Key == "stuck" {
				<-release
			}
			return job.Result{Outcome: job.OutcomeSucceeded}
		})
		y.StartWorker("w1", e, oneSlot)
		elapse(time.Second)
		stuck := submit(t, n, workflow(aJob("stuck")))
		elapse(time.Second)
		require.NoError(t, cancel(t, n, stuck, ""))
		elapse(attempt.TidyUp + time.Minute)
		require.Equal(t, cancelled, get(t, n, stuck).State)
		var ids []string
		for range 5 {
			ids = append(ids, submit(t, n, workflow(aJob("a"))))
		}
		elapse(10 * time.Minute)
		for _, id := range ids {
			r := get(t, n, id)
			require.False(t, messages.StateFromProto(r.State).Final(), "%v", r)
			require.LessOrEqual(t, len(r.Jobs[0].Attempts), 3, "its heartbeat told that it is full")
		}
		close(release)
		elapse(time.Minute)
		for _, id := range ids {
			require.Equal(t, success, get(t, n, id).State)
		}
	})
}

func TestAnAttemptIsNotBegunWithoutALease(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n := y.StartNode()
		e1, e2 := testkit.NewExecutor(testkit.Take(time.Hour)), testkit.NewExecutor(testkit.Take(time.Hour))
		w1 := y.StartWorker("w1", e1)
		elapse(6 * time.Second) // its heartbeats were at 0 and 5
		y.Net.Suffer(func(from, _ string, _ []byte) (int, time.Duration) {
			if from == w1.System.Address() {
				return 0, 0 // it is not heard, and hears
			}
			return 1, 0
		})
		elapse(18 * time.Second) // its lease ended at 23, its owner waits until 27
		submit(t, n, workflow(aJob("a")))
		elapse(10 * time.Millisecond)
		assert.Empty(t, e1.Running())
		y.StartWorker("w2", e2)
		elapse(10 * time.Minute)
		assert.Len(t, e2.Running(), 1)
		assert.Empty(t, e1.Running())
	})
}

// The Welcome that answers the first Hello comes late, and those behind it are lost.
func TestALeaseCountsFromTheHelloThatWasHeard(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n, hellos := y.StartNode(), 0
		y.Net.Suffer(func(from, to string, _ []byte) (int, time.Duration) {
			switch {
			case strings.HasPrefix(from, "w1"):
				if hellos++; hellos > 1 {
					return 0, 0
				}
			case strings.HasPrefix(to, "w1"):
				return 1, 7 * time.Second
			}
			return 1, 0
		})
		submit(t, n, workflow(aJob("a")))
		e1, e2 := testkit.NewExecutor(testkit.Take(time.Hour)), testkit.NewExecutor(testkit.Take(time.Hour))
		y.StartWorker("w1", e1)
		elapse(10 * time.Second)
		require.Len(t, e1.Running(), 1)
		y.StartWorker("w2", e2)
		for range 3000 {
			elapse(10 * time.Millisecond)
			require.False(t, len(e1.Running()) == 1 && len(e2.Running()) == 1, "two attempts of one job run")
		}
		require.Len(t, e2.Running(), 1)
	})
}

func TestAWorkerStartedAnewWhileThatCannotBeStored(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		s := startTwo(t, y)
		s.w.Kill()
		refusals := 40 // more than one append is tried
		y.Disk.Judge(func(_ partition.Number, events [][]byte) error {
			h, err := messages.DecodeHistory(events[0], messages.NewPlans())
			if err == nil && h.Worker != nil && refusals > 0 {
				refusals--
				return actors.ErrOverloaded
			}
			return nil
		})
		y.StartWorker("w1", testkit.NewExecutor(testkit.Succeed))
		elapse(5 * time.Minute)
		require.Equal(t, success, get(t, s.n, s.id).State)
	})
}

// So many workers register at once, while nothing can be stored, that the
// supervisor of the sessions gives up. One of them is dead by the time it is back.
func TestSessionsThatFellTogetherAreWatchedAgain(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		s := startTwo(t, y)
		s.w.Kill()
		elapse(time.Second)
		y.Disk.Judge(func(_ partition.Number, events [][]byte) error {
			if h, err := messages.DecodeHistory(events[0], messages.NewPlans()); err == nil && h.Worker != nil {
				return actors.ErrLostOwnership
			}
			return nil
		})
		for i := range 201 {
			y.StartWorker(fmt.Sprint("x", i), testkit.NewExecutor(testkit.Succeed), withLabels("other"))
		}
		elapse(time.Second)
		y.Disk.Judge(nil)
		elapse(2 * time.Minute)
		workers, err := s.n.Backend().Workers(t.Context())
		require.NoError(t, err)
		for _, w := range workers {
			require.NotEqual(t, "w1", w.WorkerId, "it is dead")
		}
		require.NotEmpty(t, get(t, s.n, s.id).Jobs[0].Attempts[0].Reason, "its attempt is lost")
	})
}

func TestAWorkerSpeaksForItselfAlone(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n := y.StartNode()
		thief := y.StartWorker("w2", testkit.NewExecutor(testkit.Succeed))
		p, err := testkit.NewProbe(thief.System, "thief")
		require.NoError(t, err)
		elapse(time.Second)
		thief.System.Root.RequestWithCustomSender(n.PID("yardmaster/fleet/registry"), &messages.Hello{
			WorkerId: "w1", Incarnation: "i", Slots: 1,
		}, p.PID)
		elapse(time.Second)
		refused := testkit.Of[*messages.HelloRefused](p.Take())
		require.Len(t, refused, 1)
		require.Contains(t, refused[0].Reason, "does not speak from node w2")
	})
}
