package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"hash"

	"connectrpc.com/connect"

	"yardmaster/messages"
)

// handlerError is an error of the caller's own function, which no retry mends. It
// hides that error, so that its code is not taken for the stream's.
//
//nolint:errname // it never leaves this package
type handlerError struct{ error }

// Watch calls handle with the changes of one run, or of all when runID is empty,
// until ctx is done, handle fails, or the server ends the stream. The first
// response is empty: the watch is established, so whatever is read after it is
// not missed. When the connection breaks, Watch takes the watch up again, and
// the first response after that has resync set: read the state anew.
func (c *Client) Watch(ctx context.Context, runID string, handle func(*messages.WatchRunsResponse) error) error {
	established := false
	return unwrapHandler(resume(ctx, func(heard func()) error {
		stream, err := c.rpc.WatchRuns(ctx, connect.NewRequest(&messages.WatchRunsRequest{RunId: runID}))
		if err != nil {
			return err
		}
		defer stream.Close()
		for first := true; stream.Receive(); first = false {
			heard()
			res := stream.Msg()
			if first && established {
				res.Resync = true
			}
			established = true
			if err := handle(res); err != nil {
				return handlerError{err}
			}
		}
		return stream.Err()
	}))
}

// ReadLog calls handle with the parts of an attempt's log, in order and each
// once. When the connection breaks it goes on behind the last part received, so
// name the attempt: the newest may be another one by then. A log that was read
// from its first part and is all there ends as complete, however often that was.
func (c *Client) ReadLog(
	ctx context.Context, req *messages.ReadLogRequest, handle func(*messages.ReadLogResponse) error,
) error {
	next, whole := req.GetFromSeq(), newWholeLog(req.GetFromSeq())
	return unwrapHandler(resume(ctx, func(heard func()) error {
		stream, err := c.rpc.ReadLog(ctx, connect.NewRequest(&messages.ReadLogRequest{
			RunId: req.GetRunId(), JobIndex: req.GetJobIndex(), Attempt: req.GetAttempt(),
			FromSeq: next, Follow: req.GetFollow(),
		}))
		if err != nil {
			return err
		}
		defer stream.Close()
		for stream.Receive() {
			heard()
			res := stream.Msg()
			if n := len(res.GetParts()); n > 0 {
				next = res.GetParts()[n-1].GetSeq() + 1
			}
			whole.add(res)
			if err := handle(res); err != nil {
				return handlerError{err}
			}
			if res.GetEnd() != nil {
				return nil
			}
		}
		return stream.Err()
	}))
}

// wholeLog adds up the parts of a log that is read from its beginning. The server
// can do that only for what it sent in one piece.
type wholeLog struct {
	fromStart bool
	bytes     uint64
	sum       hash.Hash
}

func newWholeLog(from uint64) *wholeLog { return &wholeLog{fromStart: from <= 1, sum: sha256.New()} }

// add takes what an answer holds, and notes at the end whether that was all.
func (w *wholeLog) add(res *messages.ReadLogResponse) {
	for _, part := range res.GetParts() {
		w.bytes += uint64(len(part.GetData()))
		_, _ = w.sum.Write(part.GetData()) // a hash cannot fail
	}
	sum := res.GetEnd().GetSum()
	if w.fromStart && sum.GetBytes() == w.bytes && bytes.Equal(w.sum.Sum(nil), sum.GetSha256()) {
		res.End.Complete = true
	}
}

func unwrapHandler(err error) error {
	if own, ok := err.(handlerError); ok { //nolint:errorlint // resume returns it as it is
		return own.error
	}
	return err
}
