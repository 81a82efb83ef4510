package actors_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/actors"
	"yardmaster/domain/attempt"
	"yardmaster/domain/job"
	"yardmaster/domain/plan"
	"yardmaster/internal/testkit"
	"yardmaster/messages"
)

// pressed is a yard whose only worker has one slot, which a run of low priority
// holds, and a run of high priority that waits for it.
type pressed struct {
	n      *testkit.Node
	e      *testkit.Executor
	w      *testkit.Worker
	hands  *testkit.Hands
	low    string
	urgent string
}

// preempting lets jobs give way, and is short with that.
func preempting(c *actors.Config) { c.Preemption = actors.Preemption{By: 5, After: 10 * time.Second} }

// press starts a yard whose attempts take so long to stop.
func press(t *testing.T, y *testkit.Yard, stopping time.Duration, changes ...func(*actors.Config)) *pressed {
	t.Helper()
	p := &pressed{n: y.StartNode(changes...), hands: testkit.NewHands()}
	p.e = testkit.NewExecutor(func(ctx context.Context, task attempt.Task, out attempt.Observer) job.Result {
		r := p.hands.Script(ctx, task, out)
		if r.Outcome == job.OutcomeCancelled {
			time.Sleep(stopping) // of the virtual clock: the grace of a process that will not end
		}
		return r
	})
	p.w = y.StartWorker("w1", p.e, func(c *workerConfig) { c.Slots = 1 })
	elapse(time.Second)
	p.low = submit(t, p.n, workflow(lowly("low")))
	elapse(time.Second)
	p.urgent = submit(t, p.n, workflow(urgent("urgent")))
	elapse(time.Second)
	require.Equal(t, []string{p.low + ".0.1"}, p.e.Running())
	return p
}

func lowly(key string) plan.Job {
	j := aJob(key)
	j.Idempotent = true
	return j
}

func urgent(key string) plan.Job {
	j := aJob(key)
	j.Priority = 5
	return j
}

func (p *pressed) why(t *testing.T, id string) string {
	t.Helper()
	m, err := p.n.Backend().Explain(t.Context(), id, 0)
	require.NoError(t, err)
	return fmt.Sprint(m.Reasons)
}

func (p *pressed) end(name string) { p.hands.End(name, result{Outcome: job.OutcomeSucceeded}) }

func TestAJobGivesWayToOneOfMuchHigherPriority(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		p := press(t, y, 8*time.Second, preempting)
		require.Contains(t, p.why(t, p.urgent), "busy")
		elapse(11 * time.Second) // it has waited, and the other is being stopped
		by := "preempted by job " + p.urgent + ".0, of priority 5"
		require.Contains(t, p.why(t, p.low), "it is being stopped, and will be queued again: "+by)
		require.Contains(t, p.why(t, p.urgent),
			"job "+p.low+".0 on worker w1, of lower priority, is being stopped: it gives way to this one")
		require.Len(t, p.e.Begun(), 1, "the slot is free when the attempt is gone")
		require.Zero(t, p.n.Metrics.Preempted())

		elapse(8 * time.Second)
		require.Equal(t, []string{p.urgent + ".0.1"}, p.e.Running())
		require.Contains(t, p.why(t, p.low), "it gave way to jobs of higher priority 1 of at most 3 times")
		low := get(t, p.n, p.low)
		require.Equal(t, running, low.State)
		first := low.Jobs[0].Attempts[0]
		require.Equal(t, messages.Outcome_OUTCOME_PREEMPTED, first.Outcome)
		require.Equal(t, messages.Fault_FAULT_INFRASTRUCTURE, first.Fault)
		require.Equal(t, by, first.Reason)
		require.Equal(t, int64(1), p.n.Metrics.Preempted())

		p.end(p.urgent + ".0.1")
		elapse(time.Second)
		require.Equal(t, []string{p.low + ".0.2"}, p.e.Running(), "at once, under the next token")
		p.end(p.low + ".0.2")
		require.Equal(t, success, await(t, p.n, p.low).State)
		require.Equal(t, success, get(t, p.n, p.urgent).State)
		require.Equal(t, 1, p.e.Most())
	})
}

func TestNobodyGivesWayUnlessThatIsWanted(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		p := press(t, y, time.Second)
		elapse(30 * time.Minute)
		require.Equal(t, []string{p.low + ".0.1"}, p.e.Running())
	})
}

// A node dies while an attempt is being stopped for another. The next one knows why it
// ends, and does not hold it against the infrastructure.
func TestAPreemptionSurvivesTheNode(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		p := press(t, y, 30*time.Second, preempting)
		elapse(11 * time.Second)
		p.n.Kill()
		p.n = y.StartNode(preempting)
		elapse(50 * time.Second)
		low := get(t, p.n, p.low)
		require.Equal(t, messages.Outcome_OUTCOME_PREEMPTED, low.Jobs[0].Attempts[0].Outcome)
		require.Len(t, p.e.Running(), 1)
		for _, name := range []string{p.low + ".0.2", p.low + ".0.3", p.low + ".0.4", p.urgent + ".0.1"} {
			p.end(name) // the place itself was not kept, so either may have it first
		}
		require.Equal(t, success, await(t, p.n, p.urgent).State)
		require.Equal(t, success, await(t, p.n, p.low).State)
		for _, a := range get(t, p.n, p.low).Jobs[0].Attempts {
			require.NotEqual(t, messages.Outcome_OUTCOME_LOST, a.Outcome)
		}
	})
}

// A worker takes longer to stop an attempt than a cancel would wait for. The place is
// not given to another before.
func TestAPlaceIsNotGivenAwayBeforeTheAttemptIsGone(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		lose(y, 3, "yardmaster.v1.CancelAttempt")
		p := press(t, y, 3*time.Minute, preempting)
		elapse(3 * time.Minute)
		require.Equal(t, []string{p.low + ".0.1"}, p.e.Running())
		elapse(20 * time.Second)
		require.Equal(t, []string{p.urgent + ".0.1"}, p.e.Running())
		require.Equal(t, 1, p.e.Most())
	})
}

func TestAJobGivesWayThreeTimes(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		p := press(t, y, time.Second, preempting)
		for i := range 4 {
			elapse(15 * time.Second)
			if i == 3 {
				require.Equal(t, []string{p.low + ".0.4"}, p.e.Running(), "it has given way often enough")
				break
			}
			require.Equal(t, []string{p.urgent + ".0.1"}, p.e.Running())
			p.end(p.urgent + ".0.1")
			elapse(time.Second)
			require.Equal(t, []string{fmt.Sprintf("%s.0.%d", p.low, i+2)}, p.e.Running())
			p.urgent = submit(t, p.n, workflow(urgent("urgent")))
		}
		require.Equal(t, int64(3), p.n.Metrics.Preempted())
		p.end(p.low + ".0.4")
		require.Equal(t, success, await(t, p.n, p.low).State)
		p.end(p.urgent + ".0.1")
		require.Equal(t, success, await(t, p.n, p.urgent).State)
	})
}

// The job for which another gives way is cancelled: the other begins again.
func TestWhoGaveWayInVainIsNextAgain(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		p := press(t, y, 8*time.Second, preempting)
		elapse(11 * time.Second)
		require.NoError(t, cancel(t, p.n, p.urgent, ""))
		elapse(8 * time.Second)
		require.Equal(t, []string{p.low + ".0.2"}, p.e.Running())
		require.Len(t, p.e.Begun(), 2)
	})
}

// A victim is cancelled while it is being stopped: it is CANCELLED, not queued again.
func TestWhoGivesWayMayBeCancelled(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		p := press(t, y, 8*time.Second, preempting)
		elapse(11 * time.Second)
		require.NoError(t, cancel(t, p.n, p.low, ""))
		require.Equal(t, cancelled, await(t, p.n, p.low).State)
		elapse(time.Second)
		require.Equal(t, []string{p.urgent + ".0.1"}, p.e.Running())
		require.Zero(t, p.n.Metrics.Preempted())
	})
}

// Whoever asks a job to give way by old news, or for nothing, changes nothing.
func TestAJobGivesWayToNoOldNews(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		p := press(t, y, time.Second, preempting)
		elapse(20 * time.Second)
		require.Equal(t, []string{p.urgent + ".0.1"}, p.e.Running())
		for _, to := range []*actor.PID{jobPID(p.n, p.low, 0), jobPID(p.n, p.urgent, 0)} {
			for _, w := range []string{"", "w1", "w9"} { // one waits, the other is not idempotent
				p.n.System.Root.Send(to, &messages.GiveWay{WorkerId: w, Reason: "x"})
			}
		}
		elapse(time.Minute)
		assert.Equal(t, []string{p.urgent + ".0.1"}, p.e.Running())
		p.end(p.urgent + ".0.1")
		require.Equal(t, success, await(t, p.n, p.urgent).State)
	})
}
