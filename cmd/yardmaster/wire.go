package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"yardmaster/actors"
	"yardmaster/api"
	"yardmaster/cluster/journal"
	"yardmaster/cluster/natsjs"
	"yardmaster/domain/attempt"
	"yardmaster/domain/job"
	"yardmaster/domain/partition"
	"yardmaster/messages"
	"yardmaster/provider/exec"
	"yardmaster/provider/webhook"
	"yardmaster/worker/machine"
)

// What fits what.
var (
	_ actors.Opener   = (*opener)(nil)
	_ actors.Journal  = headed{}
	_ actors.Logs     = (*logStore)(nil)
	_ actors.Machine  = (*machine.Machine)(nil)
	_ actors.Provider = (*exec.Provider)(nil)
	_ actors.Provider = (*webhook.Provider)(nil)
	_ api.Backend     = backend{}
)

// closeWithin is how long a journal may take to store what it has.
const closeWithin = 5 * time.Second

// chunkWithin bounds the storing of one log chunk. The attempt sends it again.
const chunkWithin = 10 * time.Second

// opener lets the actors open journals.
type opener struct {
	partitions *natsjs.Partitions

	// damaged is told of a journal that is damaged: no further try will mend it.
	damaged func(error)

	mu    sync.Mutex
	heads map[uint32]headed
	err   error // why the last journal could not be opened
}

// Open implements actors.Opener.
func (o *opener) Open(ctx context.Context, p partition.Number, snapshot, event func([]byte) error,
) (actors.Journal, error) {
	j, err := o.partitions.Open(ctx, uint32(p), snapshot, event)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.err = err
	if err != nil {
		if fault := new(journal.Fault); errors.As(err, &fault) {
			o.damaged(err)
		}
		return nil, err
	}
	o.heads[uint32(p)] = headed{j}
	return headed{j}, nil
}

// failure says why the last journal could not be opened, if it could not.
func (o *opener) failure() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

// Compact implements actors.Opener.
func (o *opener) Compact(ctx context.Context, p partition.Number, fold actors.Folder) error {
	o.mu.Lock()
	j, ok := o.heads[uint32(p)]
	o.mu.Unlock()
	if !ok {
		return nil
	}
	return o.partitions.Compact(ctx, uint32(p), j.Journal, fold.Snapshot, fold.Event, fold.Encode)
}

// headed is a journal as the actors want it.
type headed struct{ *journal.Journal }

// Append implements actors.Journal.
func (j headed) Append(events ...[]byte) error {
	_, err := j.Journal.Append(events)
	return journalError(err)
}

// AppendAsync implements actors.Journal.
func (j headed) AppendAsync(events [][]byte, done func(error)) {
	j.Journal.AppendAsync(events, func(_ uint64, err error) { done(journalError(err)) })
}

// Close implements actors.Journal.
func (j headed) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), closeWithin)
	defer cancel()
	_ = j.Journal.Close(ctx) // who waits in vain is told by his own append
}

// journalError tells the actors apart what they must tell apart.
func journalError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, journal.ErrOverloaded):
		return errors.Join(actors.ErrOverloaded, err)
	case errors.Is(err, journal.ErrTooLarge):
		return errors.Join(actors.ErrTooLarge, err)
	default:
		return errors.Join(actors.ErrLostOwnership, err)
	}
}

// logStore is the log stream as the actors want it.
type logStore struct {
	ctx   context.Context //nolint:containedctx // the life of the node: appends outlive whoever asked for them
	logs  *natsjs.Logs
	count int // partitions
}

func (l *logStore) of(id job.ID, token job.Token) natsjs.AttemptLog {
	return natsjs.AttemptLog{Partition: uint32(partition.Of(string(id.Run), l.count)), Job: id, Token: token}
}

// Append implements actors.Logs.
func (l *logStore) Append(id job.ID, token job.Token, c attempt.Chunk, done func(error)) {
	ctx, cancel := context.WithTimeout(l.ctx, chunkWithin)
	l.logs.AppendAsync(ctx, l.of(id, token), c, func(err error) {
		cancel()
		done(err)
	})
}

// Read implements actors.Logs.
func (l *logStore) Read(ctx context.Context, id job.ID, token job.Token, from uint64, follow bool,
	fn func(attempt.Chunk) error,
) error {
	return l.logs.Read(ctx, id, token, from, follow, fn)
}

// Purge implements actors.Logs.
func (l *logStore) Purge(ctx context.Context, runs []job.RunID) error {
	var errs []error
	for _, r := range runs {
		errs = append(errs, l.logs.Purge(ctx, r))
	}
	return errors.Join(errs...)
}

// backend is the actors as the API wants them.
type backend struct {
	actors.Backend
	space space
}

// Submit implements api.Backend.
func (b backend) Submit(ctx context.Context, s api.Submission) ([]*messages.SubmittedRun, error) {
	if err := b.space.check(); err != nil {
		return nil, err
	}
	return b.Backend.Submit(ctx, actors.Submission{
		Plan: s.Plan, Digest: s.Digest, Keys: s.Keys, Project: s.Project, Principal: s.Principal, Trace: s.Trace,
	})
}

// Retry implements api.Backend.
func (b backend) Retry(ctx context.Context, m *messages.RetryRunRequest, principal, trace string,
) (*messages.RetryRunResponse, error) {
	if err := b.space.check(); err != nil {
		return nil, err
	}
	return b.Backend.Retry(ctx, m, principal, trace)
}
