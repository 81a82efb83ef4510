package natsjs

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"yardmaster/domain/attempt"
	"yardmaster/domain/job"
)

// What an append of a chunk may be answered with.
var (
	// ErrLogGap means a chunk before this one is missing: send from there again.
	ErrLogGap = errors.New("natsjs: log chunk out of order")
	// ErrLogBusy means the attempt's chunk before is still being stored, or
	// another writer got in between: send again.
	ErrLogBusy = errors.New("natsjs: log is being written")
	// ErrStop ends Logs.Read without an error when fn returns it.
	ErrStop = errors.New("natsjs: enough of the log")
)

// maxAttempts is how many logs' ends are remembered at once.
const maxAttempts = 1 << 16

// AttemptLog names the log of one attempt and the partition that owns its job.
type AttemptLog struct {
	Partition uint32
	Job       job.ID
	Token     job.Token
}

func (a AttemptLog) subject() (string, error) {
	if err := checkToken(string(a.Job.Run)); err != nil {
		return "", err
	}
	return logSubject(a.Partition, a.Job, a.Token), nil
}

// place is where a subject's log ends.
type place struct {
	chunk    uint64 // sequence of the last chunk stored
	position uint64 // stream position of it
	busy     bool
}

// Logs keeps the log chunks of attempts, one message a chunk. Appends are
// idempotent by the chunk's sequence number. It is safe for concurrent use.
type Logs struct {
	js     jetstream.JetStream
	stream jetstream.Stream

	mu     sync.Mutex
	places map[string]*place
}

// OpenLogs returns the log store, whose stream must exist.
func OpenLogs(ctx context.Context, js jetstream.JetStream) (*Logs, error) {
	stream, err := js.Stream(ctx, logStream)
	if err != nil {
		return nil, fmt.Errorf("natsjs: logs: %w", err)
	}
	return &Logs{js: js, stream: stream, places: make(map[string]*place)}, nil
}

// Append stores a chunk behind the attempt's last one and waits until it is
// durable. A chunk that is stored already is a success.
func (l *Logs) Append(ctx context.Context, log AttemptLog, chunk attempt.Chunk) error {
	wait, err := l.Begin(ctx, log, chunk)
	if err != nil {
		return err
	}
	return wait(ctx)
}

// Begin sends a chunk to be stored and returns how to wait for it, so that the
// chunks of many attempts share the wait. The wait must be called, once; until it has returned, the
// attempt's next chunk is answered with ErrLogBusy.
func (l *Logs) Begin(
	ctx context.Context, log AttemptLog, chunk attempt.Chunk,
) (wait func(context.Context) error, err error) {
	subject, err := log.subject()
	if err != nil {
		return nil, err
	}
	raw, err := encodeChunk(chunk)
	if err != nil {
		return nil, err
	}
	p, err := l.hold(ctx, subject)
	if err != nil {
		return nil, err
	}
	switch {
	case chunk.Seq <= p.chunk:
		l.release(subject, p, nil)
		return func(context.Context) error { return nil }, nil
	case chunk.Seq != p.chunk+1:
		l.release(subject, p, nil)
		return nil, fmt.Errorf("%w: chunk %d after %d", ErrLogGap, chunk.Seq, p.chunk)
	}
	future, err := l.js.PublishMsgAsync(&nats.Msg{Subject: subject, Data: raw},
		jetstream.WithExpectLastSequencePerSubject(p.position))
	if err != nil {
		l.release(subject, p, err)
		return nil, fmt.Errorf("natsjs: append to log: %w", err)
	}
	return func(ctx context.Context) error {
		select {
		case ack := <-future.Ok():
			p.chunk, p.position = chunk.Seq, ack.Sequence
			l.release(subject, p, nil)
			return nil
		case err = <-future.Err():
		case <-ctx.Done():
			err = ctx.Err()
		}
		l.release(subject, p, err)
		return fmt.Errorf("%w: %w", ErrLogBusy, err)
	}, nil
}

// AppendAsync is Append with the answer given to done, on a goroutine of its
// own that ends with ctx at the latest.
func (l *Logs) AppendAsync(ctx context.Context, log AttemptLog, chunk attempt.Chunk, done func(error)) {
	wait, err := l.Begin(ctx, log, chunk)
	if err != nil {
		done(err)
		return
	}
	go func() { done(wait(ctx)) }()
}

// hold takes the place of a subject, read from the stream when it is not known.
func (l *Logs) hold(ctx context.Context, subject string) (*place, error) {
	l.mu.Lock()
	p := l.places[subject]
	known := p != nil
	if known && p.busy {
		l.mu.Unlock()
		return nil, ErrLogBusy
	}
	if !known {
		l.forgetSome()
		p = &place{}
		l.places[subject] = p
	}
	p.busy = true
	l.mu.Unlock()
	if known {
		return p, nil
	}
	msg, err := l.stream.GetLastMsgForSubject(ctx, subject)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return p, nil
	}
	if err == nil {
		var c attempt.Chunk
		if c, err = decodeChunk(msg.Data); err == nil {
			p.chunk, p.position = c.Seq, msg.Sequence
			return p, nil
		}
	}
	l.release(subject, p, err)
	return nil, fmt.Errorf("natsjs: end of log %s: %w", subject, err)
}

// release gives a place back; after an error it is read anew the next time.
func (l *Logs) release(subject string, p *place, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p.busy = false
	if err != nil {
		delete(l.places, subject)
	}
}

// forgetSome keeps the number of places within its limit. What is forgotten is
// read again from the stream.
func (l *Logs) forgetSome() {
	for subject, p := range l.places {
		if len(l.places) < maxAttempts {
			return
		}
		if !p.busy {
			delete(l.places, subject)
		}
	}
}

// Forget drops what is remembered of an attempt that has ended.
func (l *Logs) Forget(log AttemptLog) {
	l.mu.Lock()
	defer l.mu.Unlock()
	subject := logSubject(log.Partition, log.Job, log.Token)
	if p := l.places[subject]; p != nil && !p.busy {
		delete(l.places, subject)
	}
}

// Read calls fn for the chunks of an attempt from a sequence number on, in
// order. With follow it waits for more until ctx ends or fn returns an error;
// without, it ends after the last one stored. ErrStop from fn ends it without an error.
func (l *Logs) Read(
	ctx context.Context, id job.ID, token job.Token, from uint64, follow bool, fn func(attempt.Chunk) error,
) error {
	if err := checkToken(string(id.Run)); err != nil {
		return err
	}
	consumer, err := l.stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{logFilter(id, token)}, DeliverPolicy: jetstream.DeliverAllPolicy,
	})
	if err != nil {
		return fmt.Errorf("natsjs: read log: %w", err)
	}
	defer remove(ctx, l.stream, consumer)
	info, err := consumer.Info(ctx)
	if err != nil {
		return fmt.Errorf("natsjs: read log: %w", err)
	}
	if !follow && info.NumPending == 0 {
		return nil
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessagesWithBytesLimit(readAhead, readAheadBytes))
	if err != nil {
		return fmt.Errorf("natsjs: read log: %w", err)
	}
	defer messages.Stop()
	for {
		msg, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return err
		}
		chunk, err := decodeChunk(msg.Data())
		if err != nil {
			return err
		}
		if chunk.Seq >= from {
			if err := fn(chunk); err != nil {
				return withoutStop(err)
			}
		}
		meta, err := msg.Metadata()
		if err != nil {
			return err
		}
		if !follow && meta.NumPending == 0 {
			return nil
		}
	}
}

func withoutStop(err error) error {
	if errors.Is(err, ErrStop) {
		return nil
	}
	return err
}

// Purge removes all logs of a run.
func (l *Logs) Purge(ctx context.Context, run job.RunID) error {
	if err := checkToken(string(run)); err != nil {
		return err
	}
	if err := l.stream.Purge(ctx, jetstream.WithPurgeSubject(runLogFilter(run))); err != nil {
		return fmt.Errorf("natsjs: purge logs of run %s: %w", run, err)
	}
	return nil
}
