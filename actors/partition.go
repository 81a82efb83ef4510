package actors

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"yardmaster/domain/partition"
	"yardmaster/domain/problem"
	"yardmaster/domain/run"
	"yardmaster/messages"
	"yardmaster/supervisor"
)

const (
	// openTimeout bounds the replay of a partition. Beyond it the start failed.
	openTimeout = 2 * time.Minute
	// retrySoon is when to try again after a passing overload.
	retrySoon = 250 * time.Millisecond
)

// Partition owns a share of all runs: it replays their journal, takes new
// submissions, and starts the actors of runs and jobs when they have something to do.
//
// Mailbox protocol
//
//	message         from         does                                    answer
//	*submitBatch    gateway      stores the runs, then queues their jobs  its done is called
//	batchStored     itself       -                                       -
//	jobEnded        job, run     pokes the run, unless it has ended       -
//	*toRun          gateway      passes a message on to a run             the run's
//	jobPoisoned     jobs         fails the job, or quarantines it         -
//	journalLost     job, run     replays the partition                    -
//	announceAll     coordinator  every job says where it stands           -
//
// When its journal is lost it panics, and is replayed by its supervisor's
// restart, together with its jobs and runs.
type Partition struct {
	number  partition.Number
	env     *partitionEnv
	jobs    *actor.PID
	runs    *actor.PID
	jobEnv  *jobEnv
	journal Journal
	pending map[run.Key]*pendingKey // idempotency keys of submissions being stored
}

// partitionEnv is what a partition is given.
type partitionEnv struct {
	log         *slog.Logger
	opener      Opener
	logs        Logs
	room        *logRoom
	metrics     *Metrics
	board       *Board
	plans       *messages.Plans
	specs       *specCache
	secrets     *secrets
	kept        retention
	coordinator *actor.PID
	replayed    func() // told at the end of each replay
	// refuse ends the node for a reason that no restart mends.
	refuse func(error)
	// share is where the jobs and runs of the partition find their environment:
	// it changes with each replay.
	share *atomic.Pointer[jobEnv]
}

type (
	// submitBatch asks for runs of one plan.
	submitBatch struct {
		runs []run.Submission
		plan []byte // encoded
		// done is told of each run, in the order of runs, or of the failure.
		done func([]submitted, error)
	}
	// submitted is the answer to one submission.
	submitted struct {
		id       run.ID
		existing bool
		err      error
	}
	batchStored struct {
		batch   *submitBatch
		fresh   []int // indexes in batch.runs
		out     []submitted
		err     error
		journal Journal // that it was given to
	}
	// pendingKey is a key whose submission is being stored.
	pendingKey struct {
		id      run.ID
		purpose [32]byte
		then    []func(error)
	}
	// toRun is a message for the actor of a run, which is started if need be.
	toRun struct {
		id      run.ID
		message any
	}
	jobPoisoned struct {
		name   string
		reason error
	}
	announceAll struct{}
)

func newPartition(number partition.Number, env *partitionEnv, jobs, runs *actor.PID) *Partition {
	return &Partition{number: number, env: env, jobs: jobs, runs: runs, pending: map[run.Key]*pendingKey{}}
}

// Receive implements actor.Actor.
func (p *Partition) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		p.open(ctx)
	case *actor.Stopping, *actor.Restarting:
		p.close()
	case *submitBatch:
		p.submit(ctx, m)
	case batchStored:
		p.stored(ctx, m)
	case jobEnded:
		p.jobEnded(ctx, m)
	case *toRun:
		p.toRun(ctx, m)
	case jobPoisoned:
		p.poisoned(ctx, m)
	case journalLost:
		p.lost(m)
	case announceAll:
		p.announceAll(ctx)
	case actor.SystemMessage, actor.AutoReceiveMessage:
	default:
		p.env.log.Warn("unexpected message", slog.String("type", fmt.Sprintf("%T", m)))
	}
}

// open replays the partition and starts what is alive in it. It panics when the
// journal cannot be replayed: then nothing may be decided.
func (p *Partition) open(ctx actor.Context) {
	started := time.Now()
	deadline, cancel := context.WithTimeout(context.Background(), openTimeout)
	defer cancel()
	fold := newFold(p.env.kept, p.env.plans)
	l := fold.ledger
	journal, err := p.env.opener.Open(deadline, p.number, fold.Snapshot, fold.Event)
	if err != nil {
		panic(fmt.Errorf("replay partition %d: %w", p.number, err))
	}
	p.journal = journal
	if err := p.env.secrets.check(l.Secrets); err != nil {
		p.env.refuse(err)
		panic(err)
	}
	l.TakeGone() // their logs went in an earlier life
	l.TakeNext() // whoever may go on is found below
	p.env.board.reset(l, p.env.metrics)
	p.jobEnv = &jobEnv{
		log: p.env.log, board: p.env.board, journal: journal, logs: p.env.logs, room: p.env.room,
		specs: p.env.specs, secrets: p.env.secrets, metrics: p.env.metrics, coordinator: p.env.coordinator, owner: ctx.Self(),
	}
	p.env.share.Store(p.jobEnv)
	live, ended := l.Counts()
	p.env.log.Info("partition replayed", slog.Uint64("partition", uint64(p.number)), slog.Int("live", live),
		slog.Int("ended", ended), slog.Int("events", fold.events), slog.Duration("took", time.Since(started)))
	p.revive(ctx)
	p.env.replayed()
}

func (p *Partition) close() {
	if p.journal != nil {
		p.journal.Close()
	}
	for _, k := range p.pending {
		for _, then := range k.then {
			then(errStopping)
		}
	}
}

var errStopping = problem.RetryIn(problem.Unavailable, time.Second, "the node is stopping or recovering: try again")

// submit stores a batch in one append. A key that was used before, or is being
// stored right now, answers with its run.
func (p *Partition) submit(ctx actor.Context, b *submitBatch) {
	out := make([]submitted, len(b.runs))
	var fresh []int
	var events [][]byte
	for i := range b.runs {
		s := &b.runs[i]
		if known, err := p.known(s); known != "" || err != nil {
			out[i] = submitted{known, true, err}
			continue
		}
		if s.Key != "" {
			p.pending[keyOf(s)] = &pendingKey{id: s.ID, purpose: s.Purpose()}
		}
		out[i] = submitted{id: s.ID}
		fresh = append(fresh, i)
		encoded := b.plan
		if len(events) > 0 { // it stands in the entry's first event
			encoded = nil
		}
		events = append(events, messages.EncodeSubmission(*s, encoded, messages.Stamp{
			At: s.At, Principal: s.Principal, TraceParent: s.Trace,
		}))
	}
	if len(fresh) == 0 {
		p.answer(b, out)
		return
	}
	root, self, journal := ctx.ActorSystem().Root, ctx.Self(), p.journal
	journal.AppendAsync(events, func(err error) {
		root.Send(self, batchStored{b, fresh, out, err, journal})
	})
}

// keyOf returns the idempotency key of s, whose Project is set.
func keyOf(s *run.Submission) run.Key { return run.Key{Project: s.Project, Name: s.Key} }

// known returns the run that the key of s was used for, or a conflict.
func (p *Partition) known(s *run.Submission) (run.ID, error) {
	if s.Key == "" {
		return "", nil
	}
	wanted := s.Purpose()
	id, purpose := run.ID(""), wanted
	if pending, ok := p.pending[keyOf(s)]; ok {
		id, purpose = pending.id, pending.purpose
	} else if use, ok := p.env.board.key(keyOf(s)); ok {
		id, purpose = use.Run, use.Purpose
	}
	if purpose != wanted {
		what := "another workflow file"
		if s.RetryOf != "" {
			what = "something else than this retry"
		}
		return "", problem.New(problem.Conflict, "idempotency key %q was used for run %s of %s: use a new key",
			s.Key, id, what)
	}
	return id, nil
}

// lost ends this life of the partition, unless the journal is that of a former
// one: everything is replayed in the next.
func (p *Partition) lost(m journalLost) {
	if m.journal == p.journal {
		panic(ErrLostOwnership)
	}
}

// answer replies to a batch, once the runs that others of its keys stand for are
// stored.
func (p *Partition) answer(b *submitBatch, out []submitted) {
	for i := range out {
		pending, ok := p.pending[keyOf(&b.runs[i])]
		if !ok || out[i].err != nil || out[i].id != pending.id {
			continue
		}
		pending.then = append(pending.then, func(err error) {
			if err != nil {
				out[i].err = err
			}
			p.answer(b, out)
		})
		return
	}
	b.done(out, nil)
}

// stored goes on with a batch whose append has ended.
func (p *Partition) stored(ctx actor.Context, m batchStored) {
	if m.journal != p.journal { // it was replayed since: what was stored is shown already
		err := p.notStored(m.err)
		if slices.ContainsFunc(m.out, func(s submitted) bool { return s.existing }) {
			err = errStopping // the run of another batch may not be stored: asking again tells
		}
		m.batch.done(m.out, err)
		return
	}
	for _, i := range m.fresh {
		s := &m.batch.runs[i]
		if m.err == nil {
			m.out[i].err = p.begin(ctx, *s)
		}
	}
	var waiting []func(error)
	for _, i := range m.fresh {
		key := keyOf(&m.batch.runs[i])
		if k, ok := p.pending[key]; ok && k.id == m.batch.runs[i].ID {
			delete(p.pending, key)
			waiting = append(waiting, k.then...)
		}
	}
	err := p.notStored(m.err)
	for _, then := range waiting {
		then(err)
	}
	if err != nil {
		m.batch.done(nil, err)
	} else {
		p.answer(m.batch, m.out)
	}
	if m.err != nil && !errors.Is(m.err, ErrOverloaded) && !errors.Is(m.err, ErrTooLarge) {
		panic(m.err)
	}
}

func (p *Partition) notStored(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrOverloaded):
		return problem.RetryIn(problem.Exhausted, retrySoon, "the journal has more to store than it can: try again")
	case errors.Is(err, ErrTooLarge):
		return problem.New(problem.Invalid, "the submission is larger than one entry of the journal: split it")
	default:
		return errStopping
	}
}

// begin shows a run that is durable, and starts the jobs that may.
func (p *Partition) begin(ctx actor.Context, s run.Submission) error {
	entry, next, err := p.env.board.submit(s)
	if err != nil {
		return err
	}
	p.env.metrics.submitted(entry)
	begun := entry.Run // once a job is queued, the entry is others' to change
	for _, i := range next.Release {
		p.jobEnv.queue(ctx, entry.Jobs[i].ID)
	}
	if len(next.Skip) > 0 { // no end of a job would have it looked at
		ctx.Send(p.runs, &supervisor.Spawn{Name: string(s.ID)})
	}
	p.supersede(ctx, begun)
	return nil
}

func (p *Partition) jobEnded(ctx actor.Context, m jobEnded) {
	if m.runEnded {
		for _, id := range p.env.board.takeNext() {
			ctx.Send(p.runs, &supervisor.Spawn{Name: string(id), First: runPoked{}})
		}
		id := p.runs.GetId() + "/" + string(m.id.Run)
		if _, there := ctx.ActorSystem().ProcessRegistry.GetLocal(id); !there {
			return
		}
	}
	ctx.Send(p.runs, &supervisor.Spawn{Name: string(m.id.Run), First: runPoked{}})
}

func (p *Partition) toRun(ctx actor.Context, m *toRun) {
	ctx.Send(p.runs, &supervisor.Spawn{
		Name: string(m.id), First: &actor.MessageEnvelope{Message: m.message, Sender: ctx.Sender()},
	})
}
