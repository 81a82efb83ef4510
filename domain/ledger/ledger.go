// Package ledger is what the journal of one partition adds up to: its runs, its
// jobs and its idempotency keys, and in one of them the workers and the secrets.
//
// The same ledger is folded at every start, at every takeover and by the
// compactor, so that recovery is exercised all the time. It has no lock: whoever
// shares it brings one.
package ledger

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"yardmaster/domain/fleet"
	"yardmaster/domain/job"
	"yardmaster/domain/plan"
	"yardmaster/domain/run"
	"yardmaster/domain/secret"
)

// KeyLife is how long an idempotency key is remembered after its use, unless an
// operator chooses otherwise.
const KeyLife = 24 * time.Hour

// Errors a fold may end with. Each means that the journal was not written by a
// correct owner, and no decision may be taken from it.
var (
	ErrUnknownRun = errors.New("ledger: event for a run that was never submitted")
	ErrUnknownJob = errors.New("ledger: event for a job its plan does not have")
	ErrDuplicate  = errors.New("ledger: run submitted twice")
)

// Entry is one run with its jobs.
type Entry struct {
	Run *run.Run
	// Jobs has one element for each job of the plan; none is nil.
	Jobs []*job.Job
	// released holds a bit for each job that was released. It is soft: what is
	// PENDING may be chosen again after a restart.
	released []uint64
}

// Released reports whether the job at index was released, or has gone beyond
// what an unreleased job can.
func (e *Entry) Released(index uint32) bool {
	if w := int(index / 64); w < len(e.released) && e.released[w]&(1<<(index%64)) != 0 {
		return true
	}
	return e.Jobs[index].State != job.Pending
}

// Release marks the job at index as released.
func (e *Entry) Release(index uint32) {
	for len(e.released) <= int(index/64) {
		e.released = append(e.released, 0)
	}
	e.released[index/64] |= 1 << (index % 64)
}

// NewEntry returns the entry that s begins: every job PENDING.
func NewEntry(s run.Submission) (*Entry, error) {
	r := run.New(s)
	jobs, states := make([]*job.Job, len(s.Plan.Jobs)), make([]job.Job, len(s.Plan.Jobs))
	for i := range s.Plan.Jobs {
		j, err := job.Create(job.ID{Run: s.ID, Index: uint32(i)}, &s.Plan.Jobs[i])
		if err != nil {
			return nil, err
		}
		states[i] = j
		jobs[i] = &states[i]
	}
	for _, u := range s.Reused {
		if int(u.Index) >= len(jobs) {
			return nil, fmt.Errorf("%w: run %s takes over job %d of %d", ErrUnknownJob, s.ID, u.Index, len(jobs))
		}
		states[u.Index].TakeOver(s.RetryOf, u.Outputs, s.At)
		r.EndJob(u.Index, job.Success, job.CauseNone, s.At)
	}
	return &Entry{Run: &r, Jobs: jobs}, nil
}

// TakesOver reports whether the run has jobs that succeeded in another run.
func (e *Entry) TakesOver() bool {
	return e.Run.RetryOf != "" && slices.ContainsFunc(e.Jobs, func(j *job.Job) bool { return j.TakenOver() })
}

// Clone returns a copy that shares the states, which never change, and nothing
// else.
func (e *Entry) Clone() Entry {
	return Entry{Run: e.Run, Jobs: slices.Clone(e.Jobs), released: slices.Clone(e.released)}
}

// KeyUse is what an idempotency key was used for.
type KeyUse struct {
	Run     run.ID
	Purpose [32]byte // as run.Purpose gives it
	At      time.Time
}

type keyAge struct {
	key run.Key
	at  time.Time
}

// Ledger is the state of one partition. Make one with New.
type Ledger struct {
	// Workers are what is known of workers. Only one partition has any.
	Workers *fleet.Fleet
	// Secrets are those of all projects, sealed. They are in the same partition.
	Secrets *secret.Shelf
	// KeyLife is how long keys are remembered: KeyLife, unless it is set before
	// anything is folded.
	KeyLife time.Duration

	keep  int
	live  map[run.ID]*Entry
	ended map[run.ID]Ended
	order []run.ID // of ended, oldest first
	keys  map[run.Key]KeyUse
	ages  []keyAge // of keys, oldest first
	pack  func(*Entry) []byte
	gone  []run.ID // ended runs with logs that were let go of

	groups map[group][]*run.Run // live runs, as they were when they came; the first goes on
	turn   uint64               // given to the last run with a group
	next   []run.ID             // runs whose turn has come
}

// Ended is a run that is over, in the compact form that pack gave it.
type Ended struct {
	ID          run.ID
	Plan        *plan.Workflow // shared
	Project     string
	State       job.State
	SubmittedAt time.Time
	EndedAt     time.Time
	Packed      []byte
	Logged      bool // some attempt of it wrote a log
}

// New returns an empty ledger that keeps the newest keep ended runs, in the form
// that pack gives them.
func New(keep int, pack func(*Entry) []byte) *Ledger {
	return &Ledger{
		Workers: fleet.New(), Secrets: secret.New(), KeyLife: KeyLife, keep: keep, pack: pack,
		live: map[run.ID]*Entry{}, ended: map[run.ID]Ended{}, keys: map[run.Key]KeyUse{},
		groups: map[group][]*run.Run{},
	}
}

// Submit adds the run that s begins, or returns ErrDuplicate. A run that takes over
// every job has ended with that.
func (l *Ledger) Submit(s run.Submission) (*Entry, error) {
	if l.Has(s.ID) {
		return nil, fmt.Errorf("%w: %s", ErrDuplicate, s.ID)
	}
	e, err := NewEntry(s)
	if err != nil {
		return nil, err
	}
	l.Put(e)
	if e.Run.State.Final() {
		l.end(e)
	}
	return e, nil
}

// Put adds a live entry, and its idempotency key.
func (l *Ledger) Put(e *Entry) {
	l.live[e.Run.ID] = e
	l.enter(e.Run)
	if e.Run.Key != "" {
		l.PutKey(run.Key{Project: e.Run.Project, Name: e.Run.Key}, KeyUse{
			Run: e.Run.ID, Purpose: run.Purpose(e.Run.Digest, e.Run.RetryOf, e.TakesOver()), At: e.Run.SubmittedAt,
		})
	}
	l.forgetKeys(e.Run.SubmittedAt)
}

// Restore adds a live entry whose key is remembered already.
func (l *Ledger) Restore(e *Entry) {
	l.live[e.Run.ID] = e
	l.enter(e.Run)
}

// PutKey remembers what an idempotency key was used for.
func (l *Ledger) PutKey(key run.Key, use KeyUse) {
	l.keys[key] = use
	l.ages = append(l.ages, keyAge{key, use.At})
}

// forgetKeys drops the keys that are past their life at now, which is always the
// time of an event, so that every fold drops the same ones.
func (l *Ledger) forgetKeys(now time.Time) {
	n := 0
	for n < len(l.ages) && now.Sub(l.ages[n].at) > l.KeyLife {
		if use, ok := l.keys[l.ages[n].key]; ok && use.At.Equal(l.ages[n].at) {
			delete(l.keys, l.ages[n].key)
		}
		n++
	}
	l.ages = l.ages[n:]
}

// Key returns what key was used for, if it is remembered.
func (l *Ledger) Key(key run.Key) (KeyUse, bool) {
	use, ok := l.keys[key]
	return use, ok
}

// Has reports whether a run is known, live or ended.
func (l *Ledger) Has(id run.ID) bool {
	if _, ok := l.live[id]; ok {
		return true
	}
	_, ok := l.ended[id]
	return ok
}

// Entry returns a live run.
func (l *Ledger) Entry(id run.ID) (*Entry, bool) {
	e, ok := l.live[id]
	return e, ok
}

// Ended returns a run that is over and still kept.
func (l *Ledger) Ended(id run.ID) (Ended, bool) {
	e, ok := l.ended[id]
	return e, ok
}

// Counts returns how many runs are live and how many ended ones are kept.
func (l *Ledger) Counts() (live, ended int) { return len(l.live), len(l.ended) }
