package actors

import (
	"cmp"
	"context"
	"errors"

	"yardmaster/domain/ledger"
	"yardmaster/domain/plan"
	"yardmaster/domain/problem"
	"yardmaster/domain/project"
	"yardmaster/domain/run"
	"yardmaster/messages"
)

// Submission asks for one run of a plan for each key.
type Submission struct {
	Plan   *plan.Workflow
	Digest [32]byte // of what the plan was read from
	// Keys are idempotency keys, "" for none. There is one at least.
	Keys      []string
	Project   string // "" means project.Default
	Principal string
	Trace     string // W3C traceparent, or ""

	retryOf run.ID
	reused  []run.Reuse
}

// Submit starts a plan once for every key and returns when all of it is durable.
// Its errors are problem.Problem.
func (b Backend) Submit(ctx context.Context, s Submission) ([]*messages.SubmittedRun, error) {
	type answer struct {
		out []submitted
		err error
	}
	s.Project = cmp.Or(s.Project, project.Default)
	end, err := b.node.turns.take(ctx, s.Project)
	if err != nil {
		return nil, err
	}
	defer end()
	answered := make(chan answer, 1)
	request := &submitRequest{
		Submission: s, reply: func(out []submitted, err error) { answered <- answer{out, err} },
	}
	defer b.node.metrics.waiting.leave(&request.room)
	b.node.system.Root.Send(b.node.gateway, request)
	select {
	case <-ctx.Done():
		return nil, problem.New(problem.Unavailable, "no answer in time: it may or may not have been stored")
	case <-b.node.stopped:
		return nil, errStopping
	case a := <-answered:
		if a.err != nil {
			return nil, a.err
		}
		runs := make([]*messages.SubmittedRun, len(a.out))
		for i, s := range a.out {
			runs[i] = &messages.SubmittedRun{RunId: string(s.id), Existing: s.existing}
		}
		return runs, nil
	}
}

// Retry starts a run that has ended again, as a new run of the same plan and
// project, and returns when that is durable. Jobs that succeeded are taken over
// when the request says so. trace is a W3C traceparent, or "". Its errors are
// problem.Problem.
func (b Backend) Retry(ctx context.Context, m *messages.RetryRunRequest, principal, trace string,
) (*messages.RetryRunResponse, error) {
	if err := b.readable(); err != nil {
		return nil, err
	}
	e, ok, err := b.board(m.GetRunId()).find(run.ID(m.GetRunId()))
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, problem.New(problem.NotFound, "there is no run %s, or it is not kept any more", m.GetRunId())
	}
	reused, err := e.Again(m.GetFailedOnly())
	switch {
	case errors.Is(err, ledger.ErrGoesOn):
		return nil, problem.New(problem.Refused,
			"run %s is still %s: wait for its end, or cancel it first", e.Run.ID, e.Run.State)
	case errors.Is(err, ledger.ErrNothingFailed):
		return nil, problem.New(problem.Refused,
			"no job of run %s failed or was cancelled: nothing is left to be tried again", e.Run.ID)
	case err != nil:
		return nil, err
	}
	runs, err := b.Submit(ctx, Submission{
		Plan: e.Run.Plan, Digest: e.Run.Digest, Keys: []string{m.GetIdempotencyKey()}, Project: e.Run.Project,
		Principal: principal, Trace: trace, retryOf: e.Run.ID, reused: reused,
	})
	if err != nil {
		return nil, err
	}
	return &messages.RetryRunResponse{Run: runs[0], Reused: uint32(len(reused))}, nil
}
