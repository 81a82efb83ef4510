package api

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"connectrpc.com/connect"

	"yardmaster/messages"
)

const (
	retryFirst    = 100 * time.Millisecond // wait before the second try, then doubled
	retryLongest  = 5 * time.Second        // of our own waits
	retryHintMost = 30 * time.Second       // what a server may make us wait
	submitTries   = 8
	streamTries   = 8 // in a row without an answer
)

// Submit is SubmitRuns for who wants the runs alone.
func (c *Client) Submit(ctx context.Context, req *messages.SubmitRunsRequest) ([]*messages.SubmittedRun, error) {
	res, err := c.SubmitRuns(ctx, req)
	return res.GetRuns(), err
}

// SubmitRuns starts the runs of a request and returns them in its order. When every
// submission has an idempotency key, a server that is busy, starting or out of
// reach is asked again, up to 8 times; without keys that could start runs twice.
func (c *Client) SubmitRuns(ctx context.Context, req *messages.SubmitRunsRequest,
) (*messages.SubmitRunsResponse, error) {
	return again(ctx, keyed(req), func() (*messages.SubmitRunsResponse, error) {
		return call(ctx, c.rpc.SubmitRuns, req)
	})
}

// Retry starts a run that has ended again. With an idempotency key it is repeated as
// SubmitRuns is.
func (c *Client) Retry(ctx context.Context, req *messages.RetryRunRequest) (*messages.RetryRunResponse, error) {
	return again(ctx, req.GetIdempotencyKey() != "", func() (*messages.RetryRunResponse, error) {
		return call(ctx, c.rpc.RetryRun, req)
	})
}

// again makes a call that starts something, and repeats it if that is safe.
func again[Res any](ctx context.Context, safe bool, do func() (*Res, error)) (*Res, error) {
	tries := 1
	if safe {
		tries = submitTries
	}
	for try := 0; ; try++ {
		res, err := do()
		if err == nil {
			return res, nil
		}
		if try+1 >= tries || !retryable(err) || !pause(ctx, try, RetryAfter(err)) {
			return nil, err
		}
	}
}

func keyed(req *messages.SubmitRunsRequest) bool {
	for _, s := range req.GetSubmissions() {
		if s.GetIdempotencyKey() == "" {
			return false
		}
	}
	return len(req.GetSubmissions()) > 0
}

// retryable reports whether asking again may help. A server that nobody has
// heard of is not waited for, unless it was there before: see resume.
func retryable(err error) bool {
	if Unreachable(err) {
		return false
	}
	code := connect.CodeOf(err)
	return code == connect.CodeUnavailable || code == connect.CodeResourceExhausted && RetryAfter(err) > 0
}

// broken reports whether err comes from the connection rather than the server.
func broken(err error) bool {
	var e *connect.Error
	return errors.As(err, &e) && !connect.IsWireError(err) &&
		e.Code() != connect.CodeCanceled && e.Code() != connect.CodeResourceExhausted
}

// pause waits before try+2 and reports whether ctx allows it.
func pause(ctx context.Context, try int, hint time.Duration) bool {
	wait := min(retryLongest, retryFirst<<min(try, 10))
	wait = max(wait, min(hint, retryHintMost))
	wait += time.Duration(rand.Int64N(int64(wait)/2 + 1)) //nolint:gosec // jitter is no secret
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// resume runs a stream again while it breaks for reasons that may pass. The
// stream calls heard when the server has answered, which gives it all tries again.
func resume(ctx context.Context, stream func(heard func()) error) error {
	answered := false // ever
	for try := 0; ; try++ {
		err := stream(func() { try, answered = 0, true })
		if err == nil || ctx.Err() != nil {
			return err
		}
		again := retryable(err) || answered && broken(err)
		if !again || try+1 >= streamTries || !pause(ctx, try, RetryAfter(err)) {
			return err
		}
	}
}
