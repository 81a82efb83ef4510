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
	callTries     = 8
	// waitMost is how long a call waits in all, for as long as the server asks for it.
	waitMost    = 2 * time.Minute
	streamTries = 8 // in a row without an answer
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
	if !keyed(req) {
		return once(ctx, c.rpc.SubmitRuns, req)
	}
	return again(ctx, c, c.rpc.SubmitRuns, req, retryable)
}

// Retry starts a run that has ended again. With an idempotency key it is repeated as
// SubmitRuns is.
func (c *Client) Retry(ctx context.Context, req *messages.RetryRunRequest) (*messages.RetryRunResponse, error) {
	if req.GetIdempotencyKey() == "" {
		return once(ctx, c.rpc.RetryRun, req)
	}
	return again(ctx, c, c.rpc.RetryRun, req, retryable)
}

// call makes a call, and makes it again, later, for as long as the server says when:
// then it has done nothing yet. Each try must be answered within callTimeout.
func call[Req, Res any](ctx context.Context, c *Client, do method[Req, Res], req *Req) (*Res, error) {
	return again(ctx, c, do, req, func(err error) bool { return RetryAfter(err) > 0 })
}

// again makes a call up to 8 times, within 2 minutes of waiting, while may says that
// another try may help.
func again[Req, Res any](
	ctx context.Context, c *Client, do method[Req, Res], req *Req, may func(error) bool,
) (*Res, error) {
	waited := time.Duration(0)
	for try := 0; ; try++ {
		res, err := once(ctx, do, req)
		if err == nil || !may(err) || try+1 >= callTries {
			return res, err
		}
		hint := RetryAfter(err)
		wait := waitFor(try, hint)
		if waited += wait; waited > waitMost {
			return nil, err
		}
		if hint > 0 && c.OnWait != nil {
			c.OnWait(err, wait)
		}
		if !sleep(ctx, wait) {
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

// waitFor returns how long to wait before try+2: as long as the hint says, within
// reason, and up to half of it more, so that not all who were refused come at once.
func waitFor(try int, hint time.Duration) time.Duration {
	wait := min(retryLongest, retryFirst<<min(try, 10))
	wait = max(wait, min(hint, retryHintMost))
	return wait + time.Duration(rand.Int64N(int64(wait)/2+1)) //nolint:gosec // jitter is no secret
}

// sleep waits and reports whether ctx allows it.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
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
		if !again || try+1 >= streamTries || !sleep(ctx, waitFor(try, RetryAfter(err))) {
			return err
		}
	}
}
