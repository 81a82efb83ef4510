package job_test

import (
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"yardmaster/domain/job"
	"yardmaster/domain/plan"
	"yardmaster/domain/retry"
)

func anyResult() *rapid.Generator[job.Result] {
	return rapid.Custom(func(t *rapid.T) job.Result {
		return job.Result{
			Outcome:  job.Outcome(rapid.IntRange(int(job.OutcomeUnknown), int(job.OutcomePreempted)).Draw(t, "outcome")),
			Fault:    job.Fault(rapid.IntRange(int(job.FaultNone), int(job.FaultSystem)).Draw(t, "fault")),
			ExitCode: rapid.IntRange(0, 2).Draw(t, "exit"),
			Reason:   rapid.SampledFrom([]string{"", "it broke"}).Draw(t, "reason"),
		}
	})
}

// anyCommand says anything about a job, under any of the first tokens.
func anyCommand() *rapid.Generator[job.Command] {
	return rapid.Custom(func(t *rapid.T) job.Command {
		token := job.Token(rapid.Uint64Range(0, 9).Draw(t, "token"))
		jitter := rapid.Float64Range(0, 0.999).Draw(t, "jitter")
		cause := job.Cause(rapid.IntRange(int(job.CauseNone), int(job.CausePoison)).Draw(t, "cause"))
		assign := job.Assign{Worker: rapid.SampledFrom([]string{"w1", "w2"}).Draw(t, "worker"), Node: "n"}
		report := job.Report{Token: token, Result: anyResult().Draw(t, "result"), Jitter: jitter}
		return rapid.SampledFrom([]job.Command{
			assign, assign, assign, report, report, report,
			job.LoseAttempt{Token: token, Reason: "silent", Jitter: jitter},
			job.LoseAttempt{Token: token, Reason: "silent", Jitter: jitter},
			job.Refuse{Token: token, Reason: "no free slot", Jitter: jitter},
			job.Preempt{Token: token, Reason: "preempted by r.9"},
			job.Preempt{Token: token, Reason: "preempted by r.9"},
			job.Cancel{Cause: cause, Reason: "enough"},
			job.Fail{Cause: cause, Reason: "given up"},
		}).Draw(t, "command")
	})
}

// anyCommands is what a network makes of commands: some twice, in any order.
func anyCommands(t *rapid.T) []job.Command {
	commands := rapid.SliceOfN(anyCommand(), 1, 40).Draw(t, "commands")
	for _, i := range rapid.SliceOfN(rapid.IntRange(0, len(commands)-1), 0, 10).Draw(t, "doubled") {
		commands = append(commands, commands[i])
	}
	return rapid.Permutation(commands).Draw(t, "order")
}

func anySpec() *rapid.Generator[*plan.Job] {
	return rapid.Custom(func(t *rapid.T) *plan.Job {
		s := spec(rapid.SampledFrom([]int{0, 1, 2, 3, 1000}).Draw(t, "attempts"))
		s.Idempotent = rapid.Bool().Draw(t, "idempotent")
		s.Retry.ExitCodes = rapid.SampledFrom([][]int{nil, {1}, {1, 2}}).Draw(t, "exit codes")
		return s
	})
}

// watched is a job under test: what was stored of it, and every state that some
// reader may still hold, beside a deep copy of it.
type watched struct {
	job     job.Job
	created job.Job
	stored  []job.Event
	held    []job.Job
	copies  []job.Job
	acked   bool // a cancel was answered without an error
}

func deep(j job.Job) job.Job {
	j.Attempts = slices.Clone(j.Attempts)
	for i := range j.Attempts {
		j.Attempts[i].Result.Steps = slices.Clone(j.Attempts[i].Result.Steps)
	}
	return j
}

func (w *watched) hold() {
	w.held, w.copies = append(w.held, w.job), append(w.copies, deep(w.job))
}

func (w *watched) replay(events []job.Event) job.Job {
	j := w.created
	for _, e := range events {
		j = job.Evolve(j, e)
	}
	return j
}

// TestJobInvariants drives one job with any commands, doubled and out of order,
// through crashes before and after its events are stored, and checks after every
// step what must always hold.
func TestJobInvariants(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		created, err := job.Create(id, anySpec().Draw(t, "spec"))
		if err != nil {
			t.Fatal(err)
		}
		w, now := &watched{job: created, created: created}, epoch
		w.hold()
		for _, c := range anyCommands(t) {
			now = now.Add(time.Second)
			before := deep(w.job)
			events, err := job.Decide(w.job, c, now)
			if !reflect.DeepEqual(before, w.job) {
				t.Fatalf("deciding %T changed the job", c)
			}
			checkDecision(t, w.job, c, events, err)
			crash := rapid.SampledFrom([]string{"", "", "", "before", "after"}).Draw(t, "crash")
			if crash == "before" { // nothing was stored, so nothing was said
				w.job = w.replay(w.stored)
				continue
			}
			if _, ok := c.(job.Cancel); ok && err == nil {
				w.acked = true
			}
			w.apply(t, events)
			if again, _ := job.Decide(w.job, c, now); len(again) > 0 {
				t.Fatalf("%#v obeyed twice: %v, then %v", c, events, again)
			}
			if crash == "after" {
				w.job = w.replay(w.stored)
			}
		}
		w.checkReaders(t)
		w.checkPrefixes(t, now)
	})
}

// checkDecision holds an answer against the state it was given in.
func checkDecision(t *rapid.T, j job.Job, c job.Command, events []job.Event, err error) {
	if err != nil && len(events) > 0 {
		t.Fatalf("%T is refused and causes %v", c, events)
	}
	var invalid *job.InvalidStateTransition
	if errors.As(err, &invalid) && (invalid.From != j.State || invalid.Job != j.ID) {
		t.Fatalf("refused with %v in state %s", err, j.State)
	}
	if errors.Is(err, job.ErrKeepsSlot) && j.MayGiveWay() {
		t.Fatalf("refused although it may: %v", err)
	}
	if err != nil && invalid == nil && !errors.Is(err, job.ErrStaleToken) && !errors.Is(err, job.ErrKeepsSlot) {
		t.Fatalf("an error of no known kind: %v", err)
	}
	var token job.Token
	switch c := c.(type) {
	case job.Report:
		token = c.Token
	case job.LoseAttempt:
		token = c.Token
	case job.Refuse:
		token = c.Token
	case job.Preempt:
		token = c.Token
	default:
		return
	}
	if stale := token == 0 || token != j.Token(); stale != errors.Is(err, job.ErrStaleToken) {
		t.Fatalf("token %d against %d: %v", token, j.Token(), err)
	}
	if (token != j.Token() || !j.Open) && len(events) > 0 {
		t.Fatalf("a report that does not count changed something: %v", events)
	}
}

// apply stores the events and folds them, with an eye on each.
func (w *watched) apply(t *rapid.T, events []job.Event) {
	for _, e := range events {
		from, token := w.job, w.job.Token()
		if from.State.Final() {
			t.Fatalf("%#v after %s", e, from.State)
		}
		if a, ok := e.(job.Assigned); ok && a.Token <= token {
			t.Fatalf("token %d after %d", a.Token, token)
		}
		if end, ok := e.(job.Ended); ok && w.acked && end.State == job.Success {
			t.Fatal("a cancelled job succeeded")
		}
		w.job = job.Evolve(w.job, e)
		w.stored = append(w.stored, e)
		w.hold()
		if to := w.job.State; from.State != to && !from.State.May(to) {
			t.Fatalf("%#v went from %s to %s", e, from.State, to)
		}
		checkState(t, w.job)
	}
}

// checkState holds what is true of a job whatever happened to it.
func checkState(t *rapid.T, j job.Job) {
	tries := max(1, min(j.Spec.Retry.MaxAttempts, retry.MaxAttempts))
	refused := 0
	for _, a := range j.Attempts {
		if a.Result.Outcome == job.OutcomeRefused {
			refused++
		}
	}
	if n := j.Preempted(); n > job.MaxPreempted || n > 0 && !j.Spec.Idempotent {
		t.Fatalf("preempted %d times, idempotent %t", n, j.Spec.Idempotent)
	}
	if j.Preempting != "" && !j.Open {
		t.Fatalf("%s is being preempted and has no attempt", j.State)
	}
	if len(j.Attempts)-refused-j.Preempted() > tries+job.MaxLost || j.Tries > tries || j.Lost > job.MaxLost+1 {
		t.Fatalf("%d attempts, %d tries of %d, %d lost", len(j.Attempts), j.Tries, tries, j.Lost)
	}
	if j.State < job.Pending || j.State > job.Cancelled {
		t.Fatalf("state %s", j.State)
	}
	if j.Open && (j.State != job.Running || j.Worker() == "") || j.State.Final() && (j.Open || j.Cancelling) {
		t.Fatalf("%s with open %t, cancelling %t", j.State, j.Open, j.Cancelling)
	}
	if j.Cancelling && !j.Open || j.Queued() && (j.Open || j.State.Final()) {
		t.Fatalf("cancelling %t, queued %t, open %t", j.Cancelling, j.Queued(), j.Open)
	}
	if j.State.Final() == j.EndedAt.IsZero() || (len(j.Attempts) == 0) != j.StartedAt.IsZero() {
		t.Fatalf("%s with %d attempts started %v ended %v", j.State, len(j.Attempts), j.StartedAt, j.EndedAt)
	}
	for i, a := range j.Attempts {
		if open := j.Open && i == len(j.Attempts)-1; a.Number != i+1 || open != (a.Result.Outcome == job.OutcomeUnknown) {
			t.Fatalf("attempt %d is %+v", i+1, a)
		}
	}
}

// checkReaders shows that no state changed under somebody who held it.
func (w *watched) checkReaders(t *rapid.T) {
	for i := range w.held {
		if !reflect.DeepEqual(w.held[i], w.copies[i]) {
			t.Fatalf("state %d was\n%+v and is\n%+v", i, w.copies[i], w.held[i])
		}
	}
}

// checkPrefixes replays the history cut at each event, and again as a whole: the
// states are those that were, and a cut leaves a job that can still end.
func (w *watched) checkPrefixes(t *rapid.T, now time.Time) {
	for n := range len(w.stored) + 1 {
		got := w.replay(w.stored[:n])
		if !reflect.DeepEqual(got, w.copies[n]) {
			t.Fatalf("replay of %d events is\n%+v, was\n%+v", n, got, w.copies[n])
		}
		if !got.State.Final() {
			finish(t, got, now)
		}
	}
	ends := 0
	for _, e := range w.stored {
		if _, ok := e.(job.Ended); ok {
			ends++
		}
	}
	if ends > 1 || (ends == 1) != w.job.State.Final() {
		t.Fatalf("%d ends in state %s", ends, w.job.State)
	}
}

// finish loses every attempt until the job has ended.
func finish(t *rapid.T, j job.Job, now time.Time) {
	for range 2 * (job.MaxLost + 2) {
		var c job.Command = job.Assign{Worker: "w1"}
		if j.Open {
			c = job.LoseAttempt{Token: j.Token(), Reason: "silent"}
		}
		events, err := job.Decide(j, c, now)
		if err != nil || len(events) != 1 {
			t.Fatalf("%#v in %+v: %v, %v", c, j, events, err)
		}
		if j = job.Evolve(j, events[0]); j.State.Final() {
			return
		}
	}
	t.Fatalf("a job that never ends: %+v", j)
}

// TestTwoFuturesOfOneStateDoNotMix evolves one state twice, as a decision that
// could not be stored and the one after it do.
func TestTwoFuturesOfOneStateDoNotMix(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		j, err := job.Create(id, spec(1000))
		if err != nil {
			t.Fatal(err)
		}
		for i := range rapid.IntRange(0, 40).Draw(t, "attempts") {
			token := job.Token(i + 1)
			j = job.Evolve(j, job.Assigned{Token: token, Worker: "w", At: epoch})
			j = job.Evolve(j, job.AttemptEnded{Token: token, Result: userResult})
		}
		next := j.Token() + 1
		one := job.Evolve(j, job.Assigned{Token: next, Worker: "one", At: epoch})
		other := job.Evolve(j, job.Assigned{Token: next, Worker: "other", At: epoch})
		lost := job.Evolve(one, job.AttemptEnded{Token: next, Result: lostResult})
		won := job.Evolve(one, job.Ended{State: job.Success, Token: next, Result: ok, At: epoch})
		if one.Worker() != "one" || other.Worker() != "other" || !one.Open {
			t.Fatalf("workers %q and %q", one.Worker(), other.Worker())
		}
		last := len(one.Attempts) - 1
		a, b := lost.Attempts[last].Result, won.Attempts[last].Result
		if a.Outcome != job.OutcomeLost || b.Outcome != job.OutcomeSucceeded {
			t.Fatalf("results %+v and %+v", a, b)
		}
	})
}
