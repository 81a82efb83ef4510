package ledger

import (
	"fmt"
	"iter"
	"time"

	"yardmaster/domain/job"
	"yardmaster/domain/run"
)

// JobEvent folds an event of one job, and what it means for the job's run.
func (l *Ledger) JobEvent(id job.ID, e job.Event, at time.Time) error {
	entry, err := l.find(id)
	if err != nil {
		return err
	}
	next := *entry.Jobs[id.Index]
	next.Apply(e)
	l.PutJob(&next, at)
	return nil
}

// PutJob replaces a job by its next state and reports whether its run ended with
// it. A job of an unknown run is dropped.
func (l *Ledger) PutJob(j *job.Job, at time.Time) (ended bool) {
	entry, ok := l.live[j.ID.Run]
	if !ok || int(j.ID.Index) >= len(entry.Jobs) {
		return false
	}
	return l.Update(entry, j, at)
}

// Update is PutJob for a job whose entry, which must be live, is at hand.
func (l *Ledger) Update(entry *Entry, j *job.Job, at time.Time) (ended bool) {
	was := entry.Jobs[j.ID.Index].State
	entry.Jobs[j.ID.Index] = j
	switch {
	case j.State == job.Running && was == job.Pending && entry.Run.State == job.Pending:
		entry.copyRun().StartJob()
	case j.State.Final() && !was.Final():
		next := entry.copyRun()
		next.EndJob(j.ID.Index, j.State, j.Cause, at)
		if next.State.Final() {
			l.end(entry)
			return true
		}
	}
	return false
}

// copyRun replaces the run by a copy that may be changed until others see it.
func (e *Entry) copyRun() *run.Run {
	next := new(run.Run)
	*next = *e.Run
	e.Run = next
	return next
}

// RunCancelled folds a cancel of a run.
func (l *Ledger) RunCancelled(id run.ID, e run.CancelRequested) error {
	entry, ok := l.live[id]
	if !ok {
		return fmt.Errorf("%w: %s", ErrUnknownRun, id)
	}
	next := entry.Run.Evolve(e)
	entry.Run = &next
	return nil
}

func (l *Ledger) find(id job.ID) (*Entry, error) {
	entry, ok := l.live[id.Run]
	if !ok {
		return nil, fmt.Errorf("%w: %s", ErrUnknownRun, id.Run)
	}
	if int(id.Index) >= len(entry.Jobs) {
		return nil, fmt.Errorf("%w: %s", ErrUnknownJob, id)
	}
	return entry, nil
}

// end moves a run from the live ones to the ended ones.
func (l *Ledger) end(e *Entry) {
	delete(l.live, e.Run.ID)
	l.leave(e.Run)
	l.PutEnded(Ended{
		ID: e.Run.ID, Plan: e.Run.Plan, Project: e.Run.Project, State: e.Run.State,
		SubmittedAt: e.Run.SubmittedAt, EndedAt: e.Run.EndedAt, Packed: l.pack(e), Logged: e.logged(),
	})
}

// logged reports whether an attempt of the run wrote a log, or may have: of a
// lost one nobody knows.
func (e *Entry) logged() bool {
	for _, j := range e.Jobs {
		for i := range j.Attempts {
			if r := &j.Attempts[i].Result; r.Log.Chunks > 0 || r.Outcome == job.OutcomeLost {
				return true
			}
		}
	}
	return false
}

// TakeGone returns the runs that were let go of since the last call and whose
// logs can go too.
func (l *Ledger) TakeGone() []run.ID {
	gone := l.gone
	l.gone = nil
	return gone
}

// PutEnded adds a run that is over and lets go of the oldest one beyond what is
// kept. A run that is there already is replaced.
func (l *Ledger) PutEnded(e Ended) {
	if _, ok := l.ended[e.ID]; !ok {
		l.order = append(l.order, e.ID)
	}
	l.ended[e.ID] = e
	for len(l.order) > l.keep {
		if l.ended[l.order[0]].Logged {
			l.gone = append(l.gone, l.order[0])
		}
		delete(l.ended, l.order[0])
		l.order = l.order[1:]
	}
}

// Live ranges over the live runs, in no order.
func (l *Ledger) Live() iter.Seq[*Entry] {
	return func(yield func(*Entry) bool) {
		for _, e := range l.live {
			if !yield(e) {
				return
			}
		}
	}
}

// EndedRuns ranges over the ended runs that are kept, oldest end first.
func (l *Ledger) EndedRuns() iter.Seq[Ended] {
	return func(yield func(Ended) bool) {
		for _, id := range l.order {
			if !yield(l.ended[id]) {
				return
			}
		}
	}
}

// Keys ranges over the remembered idempotency keys, oldest first.
func (l *Ledger) Keys() iter.Seq2[run.Key, KeyUse] {
	return func(yield func(run.Key, KeyUse) bool) {
		for _, a := range l.ages {
			if use, ok := l.keys[a.key]; ok && use.At.Equal(a.at) && !yield(a.key, use) {
				return
			}
		}
	}
}
