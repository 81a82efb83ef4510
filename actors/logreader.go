package actors

import (
	"context"
	"errors"
	"hash"

	"google.golang.org/protobuf/types/known/timestamppb"

	"yardmaster/domain/attempt"
	"yardmaster/domain/job"
	"yardmaster/messages"
)

// logReader sends one attempt's log and proves at the end that it was whole.
type logReader struct {
	backend Backend
	request *messages.ReadLogRequest
	send    func(*messages.ReadLogResponse) error
	hash    hash.Hash
	from    uint64
	last    uint64 // seq of the last chunk sent
	bytes   uint64
}

func (r *logReader) run(ctx context.Context) error {
	changed, stop := r.watch(ctx)
	defer stop()
	for {
		id, a, over, err := r.backend.attemptOf(r.request)
		if err != nil {
			return err
		}
		switch {
		case a == nil && (over || !r.request.GetFollow()):
			return r.send(&messages.ReadLogResponse{End: &messages.LogEnd{Complete: over}})
		case a == nil:
		case over:
			return r.rest(ctx, id, a)
		case !r.request.GetFollow():
			return r.soFar(ctx, id, a)
		default:
			if r.request.GetAttempt() == 0 { // stay with this attempt from now on
				r.request.Attempt = uint32(a.Number)
			}
			if err := r.follow(ctx, id, a, changed); err != nil {
				return err
			}
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}

// watch returns a channel that gets a token whenever the run may have changed.
func (r *logReader) watch(ctx context.Context) (<-chan struct{}, func()) {
	changed := make(chan struct{}, 1)
	if !r.request.GetFollow() {
		return changed, func() {}
	}
	watching, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() { // ends with the reader
		defer close(done)
		_ = r.backend.node.feed.Watch(watching, r.request.GetRunId(), func(*messages.WatchRunsResponse) error {
			select {
			case changed <- struct{}{}:
			default:
			}
			return nil
		})
	}()
	return changed, func() { cancel(); <-done }
}

// follow sends chunks as they are stored, until something about the run changes.
func (r *logReader) follow(ctx context.Context, id job.ID, a *job.Attempt, changed <-chan struct{}) error {
	reading, cancel := context.WithCancel(ctx)
	defer cancel()
	stopped := make(chan struct{})
	go func() { // ends with the reading
		defer close(stopped)
		for {
			select {
			case <-reading.Done():
				return
			case <-changed:
				if _, now, over, err := r.backend.attemptOf(r.request); err != nil || now == nil || over {
					cancel()
					return
				}
			}
		}
	}()
	err := r.backend.node.logs.Read(reading, id, a.Token, r.next(), true, r.pass)
	cancel()
	<-stopped
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

func (r *logReader) next() uint64 { return max(r.from, r.last+1) }

// rest sends what is left of the log of an attempt that is over.
func (r *logReader) rest(ctx context.Context, id job.ID, a *job.Attempt) error {
	sum := a.Result.Log
	if r.last < sum.Chunks && r.next() <= sum.Chunks {
		if err := r.backend.node.logs.Read(ctx, id, a.Token, r.next(), false, r.pass); err != nil {
			return err
		}
	}
	whole := r.from == 1 && r.bytes == sum.Bytes && (sum.Chunks == 0 || [32]byte(r.hash.Sum(nil)) == sum.SHA256)
	return r.send(&messages.ReadLogResponse{End: &messages.LogEnd{Sum: messages.LogSumToProto(sum), Complete: whole}})
}

// soFar sends what is stored of the log of an attempt that runs.
func (r *logReader) soFar(ctx context.Context, id job.ID, a *job.Attempt) error {
	if err := r.backend.node.logs.Read(ctx, id, a.Token, r.next(), false, r.pass); err != nil {
		return err
	}
	return r.send(&messages.ReadLogResponse{End: &messages.LogEnd{}})
}

func (r *logReader) pass(c attempt.Chunk) error {
	r.last = c.Seq
	r.bytes += uint64(len(c.Data))
	r.hash.Write(c.Data)
	return r.send(&messages.ReadLogResponse{Parts: []*messages.LogPart{{
		Seq: c.Seq, Step: uint32(c.Step), Notice: c.Kind == attempt.Notice, Time: timestamppb.New(c.Time), Data: c.Data,
	}}})
}
