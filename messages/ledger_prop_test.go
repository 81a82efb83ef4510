package messages_test

import (
	"cmp"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"yardmaster/domain/fleet"
	"yardmaster/domain/job"
	"yardmaster/domain/ledger"
	"yardmaster/domain/plan"
	"yardmaster/domain/project"
	"yardmaster/domain/retry"
	"yardmaster/domain/run"
	"yardmaster/domain/secret"
	"yardmaster/messages"
)

// replay is a ledger that is folded from stored events.
type replay struct {
	ledger *ledger.Ledger
	plans  *messages.Plans
	last   *plan.Workflow // of the submission before, in the same entry
}

func newReplay(keep int, plans *messages.Plans) *replay {
	return &replay{ledger: ledger.New(keep, messages.PackRun), plans: plans}
}

func (r *replay) fold(data []byte) error {
	h, err := messages.DecodeHistory(data, r.plans)
	switch {
	case err != nil:
	case h.Submitted != nil:
		if h.Submitted.Plan == nil {
			h.Submitted.Plan = r.last
		}
		r.last = h.Submitted.Plan
		_, err = r.ledger.Submit(*h.Submitted)
	case h.Cancelled != nil:
		err = r.ledger.RunCancelled(h.Job.Run, *h.Cancelled)
	case h.JobEvent != nil:
		err = r.ledger.JobEvent(h.Job, h.JobEvent, h.At)
	case h.Worker != nil:
		err = messages.FoldWorker(r.ledger.Workers, h.Worker, h.Stamp)
	case h.Secret != nil:
		r.ledger.Secrets.Put(*h.Secret)
	case h.Removed != nil:
		r.ledger.Secrets.Remove(*h.Removed)
	}
	return err
}

// restored returns what a snapshot of the replay, at the end of an entry, holds.
func (r *replay) restored(t *rapid.T) *replay {
	t.Helper()
	next := newReplay(kept, r.plans)
	if err := messages.DecodeLedger(messages.EncodeLedger(r.ledger), next.ledger, r.plans); err != nil {
		t.Fatal(err)
	}
	return next
}

// owner writes a history as the owner of a partition does: it decides from its
// own state, which never was encoded.
type owner struct {
	ledger  *ledger.Ledger
	plans   []*plan.Workflow
	now     time.Time
	history [][]byte
	ends    map[int]bool // where in the history an entry of the journal ends
	runs    int
	last    run.ID
}

const kept = 2

func newOwner() *owner {
	noop := func(key string, group int, needs ...int) plan.Job {
		return plan.Job{
			Key: key, ID: key, Name: key, Group: group, Needs: needs, Timeout: time.Hour, Executor: plan.ExecutorNoop,
			Retry: retry.Policy{MaxAttempts: 2, Delay: time.Second},
		}
	}
	tolerant := noop("c", plan.NoGroup)
	tolerant.ContinueOnError = true
	return &owner{
		ledger: ledger.New(kept, messages.PackRun), now: epoch, ends: map[int]bool{},
		plans: []*plan.Workflow{
			{Name: "one", Jobs: []plan.Job{noop("a", plan.NoGroup)}},
			{Name: "chain", Jobs: []plan.Job{noop("a", plan.NoGroup), noop("b", plan.NoGroup, 0), tolerant}},
			{Name: "matrix", Jobs: []plan.Job{noop("m (1)", 0), noop("m (2)", 0)}, Groups: []plan.Group{{FailFast: true}}},
		},
	}
}

// act does one thing that an owner may do. The wall clock mostly goes forward.
func (o *owner) act(t *rapid.T) {
	hours := rapid.SampledFrom([]int{0, 0, 1, 5, 20, -3}).Draw(t, "hours")
	o.now = o.now.Add(time.Duration(hours)*time.Hour + time.Millisecond)
	defer func() { o.ends[len(o.history)] = true }()
	entry, ok := o.ledger.Entry(o.last)
	if !ok || rapid.IntRange(0, 6).Draw(t, "another") == 0 {
		w := o.plans[rapid.IntRange(0, len(o.plans)-1).Draw(t, "plan")]
		encoded := messages.EncodePlan(w)
		for range rapid.IntRange(1, 3).Draw(t, "runs") {
			o.submit(t, w, encoded)
			encoded = nil // it stands in the entry's first event
		}
		return
	}
	if rapid.IntRange(0, 9).Draw(t, "cancel") == 0 {
		if e, err := entry.Run.Cancel("bob", "enough"); err == nil && e != nil {
			o.store(t, messages.EncodeRunCancel(entry.Run.ID, *e, o.stamp("bob")))
			if err := o.ledger.RunCancelled(entry.Run.ID, *e); err != nil {
				t.Fatal(err)
			}
		}
		return
	}
	o.command(t, entry)
}

func (o *owner) stamp(who string) messages.Stamp {
	return messages.Stamp{At: o.now, Principal: who, TraceParent: "00-" + strconv.Itoa(o.runs) + "-01"}
}

func (o *owner) submit(t *rapid.T, w *plan.Workflow, encoded []byte) {
	o.runs++
	key := rapid.SampledFrom([]string{"", "k1", "k2", "k3"}).Draw(t, "key")
	name := rapid.SampledFrom([]string{"", "web"}).Draw(t, "project")
	if _, used := o.ledger.Key(run.Key{Project: cmp.Or(name, project.Default), Name: key}); used {
		key = ""
	}
	s := run.Submission{
		ID: run.ID("r" + strconv.Itoa(o.runs)), Plan: w, Key: key, Digest: [32]byte{byte(o.runs)},
		Principal: "ann", Trace: o.stamp("").TraceParent, At: o.now,
		Project: name,
	}
	if len(w.Jobs) > 1 && rapid.Bool().Draw(t, "retry") {
		s.RetryOf, s.Reused = "r0", []run.Reuse{{Index: uint32(rapid.IntRange(0, len(w.Jobs)-1).Draw(t, "reused"))}}
	}
	o.last = s.ID
	o.store(t, messages.EncodeSubmission(s, encoded, o.stamp("ann")))
	if _, err := o.ledger.Submit(s); err != nil {
		t.Fatal(err)
	}
}

func (o *owner) command(t *rapid.T, entry *ledger.Entry) {
	j := *entry.Jobs[rapid.IntRange(0, len(entry.Jobs)-1).Draw(t, "job")]
	report := job.Report{Token: j.Token(), Jitter: 0.5, Result: job.Result{
		Outcome: job.Outcome(rapid.IntRange(int(job.OutcomeUnknown), int(job.OutcomePreempted)).Draw(t, "outcome")),
		Fault:   job.Fault(rapid.IntRange(int(job.FaultNone), int(job.FaultSystem)).Draw(t, "fault")),
		Steps:   []job.StepResult{{Outcome: job.OutcomeFailed, ExitCode: 1, StartedAt: o.now}},
		Log:     job.LogSum{Chunks: 3, Bytes: 9, SHA256: [32]byte{3}},
	}}
	c := rapid.SampledFrom([]job.Command{
		job.Assign{Worker: "w1", Node: "n1"},
		job.Assign{Worker: "w2", Node: "n2"},
		report, report, report,
		job.LoseAttempt{Token: j.Token(), Reason: "silent"},
		job.Preempt{Token: j.Token(), Reason: "preempted by r0.0"},
		job.Cancel{Cause: job.CauseNeeds, Reason: "needs a"},
		job.Cancel{Cause: job.CauseRequested, Reason: "enough"},
		job.Fail{Cause: job.CauseExpired, Reason: "waited"},
	}).Draw(t, "command")
	events, _ := job.Decide(j, c, o.now)
	for _, e := range events {
		j = job.Evolve(j, e)
		o.store(t, messages.EncodeJobEvent(j.ID, e, o.stamp("w1")))
		o.ledger.PutJob(&j, o.now)
	}
}

// store keeps the event, and now and then one of a worker, or one that no ledger
// minds.
func (o *owner) store(t *rapid.T, data []byte) {
	o.history = append(o.history, data)
	switch rapid.IntRange(0, 9).Draw(t, "noise") {
	case 0, 1:
		id, says, c := anyWorkerID().Draw(t, "worker"), anySays().Draw(t, "says"), anyWorkerChange().Draw(t, "change")
		c.At, c.Principal = o.now, "w1"
		o.history = append(o.history, messages.EncodeWorkerChange(messages.WorkerChange(id, says, c), o.stamp("w1")))
		o.ledger.Workers.Apply(id, says, c)
	case 3:
		r := secret.Record{
			Ref:    secret.Ref{Project: "web", Name: rapid.SampledFrom([]string{"A", "B"}).Draw(t, "secret")},
			Sealed: []byte{byte(len(o.history))}, At: o.now, By: "ann",
		}
		o.history = append(o.history, messages.EncodeSecret(r))
		o.ledger.Secrets.Put(r)
	case 4:
		ref := secret.Ref{Project: "web", Name: rapid.SampledFrom([]string{"A", "B"}).Draw(t, "removed")}
		o.history = append(o.history, messages.EncodeSecretRemoval(ref, o.stamp("bob")))
		o.ledger.Secrets.Remove(ref)
	case 2:
		id := job.ID{Run: o.last}
		o.history = append(o.history, messages.EncodeQuarantine("job-1", "panic", id, o.stamp("yardmaster")))
	}
}

// contents is a ledger in a form that can be compared. What was released is not
// in it: it is soft.
type contents struct {
	Runs  map[run.ID]run.Run
	Jobs  map[run.ID][]job.Job
	Ended []ledger.Ended
	Keys  []run.Key
	Uses  []ledger.KeyUse
	// Workers are in the order in which they are let go of.
	Workers []fleet.Record
	Secrets []secret.Record
}

func contentsOf(l *ledger.Ledger) contents {
	c := contents{Runs: map[run.ID]run.Run{}, Jobs: map[run.ID][]job.Job{}}
	for e := range l.Live() {
		c.Runs[e.Run.ID] = *e.Run
		for _, j := range e.Jobs {
			c.Jobs[e.Run.ID] = append(c.Jobs[e.Run.ID], *j)
		}
	}
	for e := range l.EndedRuns() {
		c.Ended = append(c.Ended, e)
	}
	for key, use := range l.Keys() {
		c.Keys, c.Uses = append(c.Keys, key), append(c.Uses, use)
	}
	c.Workers = slices.Collect(l.Workers.All())
	c.Secrets = slices.Collect(l.Secrets.All())
	return c
}

// sameLedger names the first thing that differs.
func sameLedger(t *rapid.T, when string, want, got *ledger.Ledger) {
	t.Helper()
	w, g := contentsOf(want), contentsOf(got)
	differ := func(what string, w, g any) {
		if !reflect.DeepEqual(w, g) {
			t.Fatalf("%s, %s: want\n%+v, got\n%+v", when, what, w, g)
		}
	}
	for id := range w.Runs {
		differ(string(id), w.Runs[id], g.Runs[id])
		differ("jobs of "+string(id), w.Jobs[id], g.Jobs[id])
	}
	differ("number of live runs", len(w.Runs), len(g.Runs))
	differ("ended runs", w.Ended, g.Ended)
	differ("keys", w.Keys, g.Keys)
	differ("uses of keys", w.Uses, g.Uses)
	differ("workers", w.Workers, g.Workers)
	differ("secrets", w.Secrets, g.Secrets)
}

// TestALedgerIsTheSameWhereverItWasCut writes a history, and reads it back four
// ways that must agree: as its owner lived it, from the first event, restored
// from a snapshot at the end of each entry, and restored at the end of every one.
func TestALedgerIsTheSameWhereverItWasCut(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		o := newOwner()
		for range rapid.IntRange(1, 40).Draw(t, "acts") {
			o.act(t)
		}
		plans := messages.NewPlans()
		folded, chained := newReplay(kept, plans), newReplay(kept, plans)
		cuts := []*replay{folded.restored(t)}
		for i, data := range o.history {
			for _, r := range append(cuts, folded, chained) {
				if err := r.fold(data); err != nil {
					t.Fatalf("event %d: %v", i, err)
				}
			}
			if !o.ends[i+1] {
				continue
			}
			chained = chained.restored(t)
			sameLedger(t, "restored after every entry", folded.ledger, chained.ledger)
			cuts = append(cuts, folded.restored(t))
		}
		sameLedger(t, "as it was lived", o.ledger, folded.ledger)
		for i, r := range cuts {
			sameLedger(t, "cut at entry "+strconv.Itoa(i), folded.ledger, r.ledger)
		}
	})
}
