package actors

import (
	"slices"
	"strings"
	"sync"
	"time"

	"yardmaster/domain/attempt"
	"yardmaster/domain/job"
	"yardmaster/domain/ledger"
	"yardmaster/domain/run"
	"yardmaster/messages"
	"yardmaster/workflow/contexts"
)

// Board shows a partition's ledger to everyone on the node. The actors that own
// a part of it write that part after it was stored; others only read. What it
// hands out does not change any more.
type Board struct {
	feed *Feed

	mu        sync.RWMutex
	metrics   *Metrics // told of the end of each run
	ledger    *ledger.Ledger
	progress  map[job.ID]messages.Progress // of open attempts
	condemned map[job.ID]struct{}          // quarantined, and not yet stored as failed

	conditions contexts.Conditions
}

// NewBoard returns a board without a ledger.
func NewBoard(feed *Feed) *Board {
	return &Board{feed: feed, progress: map[job.ID]messages.Progress{}, condemned: map[job.ID]struct{}{}}
}

// reset replaces the ledger by one that was replayed, and tells metrics what lives
// now instead of before.
func (b *Board) reset(l *ledger.Ledger, m *Metrics) {
	b.mu.Lock()
	defer b.mu.Unlock()
	m.replayed(b.ledger, l)
	b.ledger, b.metrics = l, m
	clear(b.progress)
	clear(b.condemned)
}

// submit adds a run that is durable, and returns what it asks for: with Release marked.
func (b *Board) submit(s run.Submission) (*ledger.Entry, run.Next, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e, err := b.ledger.Submit(s)
	if err != nil {
		return nil, run.Next{}, err
	}
	n := b.ask(e)
	n.Release = b.release(e, n)
	return e, n, nil
}

// ask returns what the run of e asks for. The lock is held.
func (b *Board) ask(e *ledger.Entry) run.Next {
	return e.Run.Next(run.View{
		Released: e.Released, Holds: func(i uint32) (bool, error) { return b.conditions.Holds(e, i) },
		Held: b.ledger.WaitsFor(e.Run) != "",
	})
}

// release marks the jobs of e that may be queued and returns the new ones.
func (b *Board) release(e *ledger.Entry, n run.Next) []uint32 {
	var fresh []uint32
	for _, i := range n.Release {
		if e.Jobs[i].State == job.Pending && !e.Released(i) {
			e.Release(i)
			fresh = append(fresh, i)
		}
	}
	return fresh
}

// next returns what the run asks for, with Release holding only jobs that it
// had not released before; they are marked.
func (b *Board) next(id run.ID) (n run.Next, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e, ok := b.ledger.Entry(id)
	if !ok {
		return n, false
	}
	n = b.ask(e)
	n.Release = b.release(e, n)
	return n, true
}

// putJob shows the next state of a job, and reports whether its run ended.
func (b *Board) putJob(j *job.Job, at time.Time) (runEnded bool) {
	b.mu.RLock()
	e, live := b.ledger.Entry(j.ID.Run)
	b.mu.RUnlock()
	return live && b.updateJob(e, j, at)
}

// updateJob is putJob with the entry at hand.
func (b *Board) updateJob(e *ledger.Entry, j *job.Job, at time.Time) (runEnded bool) {
	var change *messages.RunChange
	watched := b.feed.Watched()
	b.mu.Lock()
	before := e.Run.State
	if runEnded = b.ledger.Update(e, j, at); runEnded {
		b.metrics.runEnded(e)
	}
	if len(b.progress) > 0 && !j.Open {
		delete(b.progress, j.ID)
	}
	if watched && e.Run.State != before {
		change = messages.ViewRunChange(e, at)
	}
	b.mu.Unlock()
	if watched {
		b.feed.Publish(messages.ViewJobChange(j, at))
	}
	if change != nil {
		b.feed.Publish(change)
	}
	return runEnded
}

// runCancelled shows that a run is being cancelled.
func (b *Board) runCancelled(id run.ID, e run.CancelRequested, at time.Time) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.ledger.RunCancelled(id, e); err != nil {
		return err
	}
	if entry, ok := b.ledger.Entry(id); ok && b.feed.Watched() {
		b.feed.Publish(messages.ViewRunChange(entry, at))
	}
	return nil
}

// condemn has a job started no more, since its end is about to be stored.
func (b *Board) condemn(id job.ID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.condemned[id] = struct{}{}
}

func (b *Board) absolve(id job.ID) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.condemned, id)
}

// putStep shows where an open attempt stands.
func (b *Board) putStep(j *job.Job, s attempt.Step, at time.Time) {
	if s.Index < 0 || s.Index >= len(j.Spec.Steps) {
		return
	}
	b.mu.Lock()
	p := b.progress[j.ID]
	if p == nil {
		p = messages.Progress{}
		b.progress[j.ID] = p
	}
	p[s.Index] = s
	b.mu.Unlock()
	if b.feed.Watched() {
		c := messages.ViewJobChange(j, at)
		c.Step, c.StepIndex = messages.ViewStep(j.Spec.Steps[s.Index].Name, s), uint32(s.Index)
		b.feed.Publish(c)
	}
}

// job returns the state of a job of a live run.
func (b *Board) job(id job.ID) (*job.Job, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	e, ok := b.ledger.Entry(id.Run)
	if !ok || int(id.Index) >= len(e.Jobs) {
		return nil, false
	}
	return e.Jobs[id.Index], true
}

// runFacts is what a job wants to know of its run. It never changes.
type runFacts struct {
	entry *ledger.Entry // the board's: only to be handed back to it
	run   *run.Run      // of which only what a submission gives is still true
	// readyAt is when the last job that it needs had ended, in nanoseconds since 1970
	// by the wall clock.
	readyAt int64
}

// jobOf returns the state of a job of a live run, and the facts of the run. A job
// that is being given up is hidden from its actor.
func (b *Board) jobOf(id job.ID) (*job.Job, runFacts, bool) {
	b.mu.RLock()
	_, condemned := b.condemned[id]
	b.mu.RUnlock()
	if condemned {
		return nil, runFacts{}, false
	}
	return b.lookup(id)
}

// lookup is jobOf for a job that may be being given up.
func (b *Board) lookup(id job.ID) (*job.Job, runFacts, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	e, ok := b.ledger.Entry(id.Run)
	if !ok || int(id.Index) >= len(e.Jobs) {
		return nil, runFacts{}, false
	}
	ready := e.Run.SubmittedAt
	for _, need := range e.Jobs[id.Index].Spec.Needs {
		if at := e.Jobs[need].EndedAt; at.After(ready) {
			ready = at
		}
	}
	return e.Jobs[id.Index], runFacts{entry: e, run: e.Run, readyAt: ready.UnixNano()}, true
}

// waitsFor returns the run that goes before a live one in its concurrency group, or "".
func (b *Board) waitsFor(r *run.Run) run.ID {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.ledger.WaitsFor(r)
}

// superseded returns the runs that have to end for a live one.
func (b *Board) superseded(id run.ID) []run.ID {
	b.mu.RLock()
	defer b.mu.RUnlock()
	e, ok := b.ledger.Entry(id)
	if !ok {
		return nil
	}
	return b.ledger.Superseded(e.Run)
}

// takeNext returns the runs whose turn in their concurrency group has come.
func (b *Board) takeNext() []run.ID {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ledger.TakeNext()
}

// context returns what the expressions of a job see: the Context of an attempt at it.
func (b *Board) context(e *ledger.Entry, index uint32) (string, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return contexts.ForTask(e, index)
}

// takeGone returns the runs that are no longer kept and whose logs can go.
func (b *Board) takeGone() []run.ID {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ledger == nil {
		return nil
	}
	return b.ledger.TakeGone()
}

// run returns a copy of a live run's entry, and which of its jobs are released.
func (b *Board) run(id run.ID) (ledger.Entry, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	e, ok := b.ledger.Entry(id)
	if !ok {
		return ledger.Entry{}, false
	}
	return e.Clone(), true
}

// key returns what an idempotency key was used for.
func (b *Board) key(key run.Key) (ledger.KeyUse, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.ledger.Key(key)
}

// live returns the live runs' entries, as copies.
func (b *Board) live() []ledger.Entry {
	b.mu.RLock()
	defer b.mu.RUnlock()
	n, _ := b.ledger.Counts()
	entries := make([]ledger.Entry, 0, n)
	for e := range b.ledger.Live() {
		entries = append(entries, e.Clone())
	}
	return entries
}

// find returns a run, live or ended, or false when it is not kept.
func (b *Board) find(id run.ID) (e ledger.Entry, ok bool, err error) {
	if e, ok = b.run(id); ok {
		return e, true, nil
	}
	b.mu.RLock()
	ended, ok := b.ledger.Ended(id)
	b.mu.RUnlock()
	if !ok {
		return e, false, nil
	}
	unpacked, err := messages.UnpackRun(ended.Packed, ended.Plan)
	if err != nil {
		return e, false, err
	}
	return *unpacked, true, nil
}

// view returns what users see of a run.
func (b *Board) view(id run.ID) (*messages.Run, bool, error) {
	e, ok, err := b.find(id)
	if err != nil || !ok {
		return nil, false, err
	}
	m := messages.ViewRun(&e, true, b.stepsOf)
	m.WaitsFor = string(b.waitsFor(e.Run))
	return m, true, nil
}

// list returns the newest limit runs that are wanted, without their jobs.
func (b *Board) list(wanted func(*messages.Run) bool, limit int) []*messages.Run {
	b.mu.RLock()
	defer b.mu.RUnlock()
	live, ended := b.ledger.Counts()
	runs := make([]*messages.Run, 0, min(limit, live+ended))
	for e := range b.ledger.Live() {
		if r := messages.ViewRun(e, false, nil); wanted(r) {
			runs = append(runs, r)
		}
	}
	for e := range b.ledger.EndedRuns() {
		if r := messages.ViewEnded(e); wanted(r) {
			runs = append(runs, r)
		}
	}
	slices.SortFunc(runs, func(a, b *messages.Run) int { return strings.Compare(b.RunId, a.RunId) })
	return runs[:min(limit, len(runs))]
}

func (b *Board) stepsOf(id job.ID) messages.Progress {
	b.mu.RLock()
	defer b.mu.RUnlock()
	copied := messages.Progress{}
	for i, s := range b.progress[id] {
		copied[i] = s
	}
	return copied
}

// current reports whether the attempt of a job under token is the open one.
func (b *Board) current(id job.ID, token job.Token) bool {
	j, ok := b.job(id)
	return ok && j.Open && j.Token() == token
}
