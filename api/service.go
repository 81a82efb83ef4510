package api

import (
	"context"
	"errors"
	"time"

	"connectrpc.com/connect"

	"yardmaster/domain/problem"
	"yardmaster/messages"
	"yardmaster/messages/messagesconnect"
)

// streamsFullRetry is when a client refused for too many streams should return.
const streamsFullRetry = 5 * time.Second

// service answers the calls of the protocol: it checks what was asked and leaves
// the rest to the Backend.
type service struct {
	messagesconnect.UnimplementedYardmasterServiceHandler

	backend Backend
	plans   *plans
	intake  *Intake
	streams chan struct{} // one token for each stream that is open
}

func (s *service) SubmitRuns(
	ctx context.Context, req *connect.Request[messages.SubmitRunsRequest],
) (*connect.Response[messages.SubmitRunsResponse], error) {
	keys, err := submissionKeys(req.Msg)
	if err != nil {
		return nil, err
	}
	name := req.Msg.GetFileName()
	if name == "" {
		name = "workflow.yml"
	}
	digest, err := s.intake.digest(ctx, req.Msg.GetWorkflow())
	if err != nil {
		return nil, err
	}
	trigger, digest, err := s.trigger(ctx, req.Msg.GetTrigger(), digest)
	if err != nil {
		return nil, err
	}
	wf, err := s.plans.get(ctx, planKey{digest, name}, req.Msg.GetWorkflow(), trigger)
	if err != nil {
		return nil, err
	}
	runs, err := s.backend.Submit(ctx, Submission{
		Plan: wf, Digest: digest, Keys: keys, Project: req.Msg.GetProject(), Principal: principal(ctx),
		Trace: traceParent(req.Header().Get("Traceparent")),
	})
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&messages.SubmitRunsResponse{
		Runs: runs, Warnings: s.backend.Warn(wf, req.Msg.GetProject()),
	}), nil
}

func (s *service) GetRun(
	ctx context.Context, req *connect.Request[messages.GetRunRequest],
) (*connect.Response[messages.GetRunResponse], error) {
	if err := checkRunID(req.Msg.GetRunId()); err != nil {
		return nil, err
	}
	run, err := s.backend.GetRun(ctx, req.Msg.GetRunId())
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&messages.GetRunResponse{Run: run}), nil
}

func (s *service) ListRuns(
	ctx context.Context, req *connect.Request[messages.ListRunsRequest],
) (*connect.Response[messages.ListRunsResponse], error) {
	if err := checkList(req.Msg); err != nil {
		return nil, err
	}
	runs, err := s.backend.ListRuns(ctx, req.Msg)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&messages.ListRunsResponse{Runs: runs}), nil
}

func (s *service) WatchRuns(
	ctx context.Context, req *connect.Request[messages.WatchRunsRequest],
	out *connect.ServerStream[messages.WatchRunsResponse],
) error {
	if id := req.Msg.GetRunId(); id != "" {
		if err := checkRunID(id); err != nil {
			return err
		}
	}
	return s.stream(ctx, func(ctx context.Context) error {
		return s.backend.WatchRuns(ctx, req.Msg.GetRunId(), out.Send)
	})
}

func (s *service) ReadLog(
	ctx context.Context, req *connect.Request[messages.ReadLogRequest],
	out *connect.ServerStream[messages.ReadLogResponse],
) error {
	if err := checkRunID(req.Msg.GetRunId()); err != nil {
		return err
	}
	return s.stream(ctx, func(ctx context.Context) error {
		return s.backend.ReadLog(ctx, req.Msg, out.Send)
	})
}

// stream runs one stream, and ends it when the server stops.
func (s *service) stream(ctx context.Context, run func(context.Context) error) error {
	select {
	case s.streams <- struct{}{}:
	default:
		return problem.RetryIn(problem.Exhausted, streamsFullRetry, "%d streams are open already", cap(s.streams))
	}
	defer func() { <-s.streams }()
	arrived(ctx)
	ctx, cancel := untilDrain(ctx)
	defer cancel()
	err := run(ctx)
	if err != nil && errors.Is(context.Cause(ctx), errStopping) {
		return problem.New(problem.Unavailable, "the server is stopping")
	}
	return err
}

func (s *service) CancelRun(
	ctx context.Context, req *connect.Request[messages.CancelRunRequest],
) (*connect.Response[messages.CancelRunResponse], error) {
	if err := checkCancel(req.Msg); err != nil {
		return nil, err
	}
	if err := s.backend.Cancel(ctx, req.Msg, principal(ctx)); err != nil {
		return nil, err
	}
	return connect.NewResponse(&messages.CancelRunResponse{}), nil
}

func (s *service) ExplainJob(
	ctx context.Context, req *connect.Request[messages.ExplainJobRequest],
) (*connect.Response[messages.ExplainJobResponse], error) {
	if err := checkRunID(req.Msg.GetRunId()); err != nil {
		return nil, err
	}
	answer, err := s.backend.Explain(ctx, req.Msg.GetRunId(), req.Msg.GetJobIndex())
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(answer), nil
}

func (s *service) GetScaling(
	ctx context.Context, _ *connect.Request[messages.GetScalingRequest],
) (*connect.Response[messages.GetScalingResponse], error) {
	scaling, err := s.backend.Scaling(ctx)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(scaling), nil
}

func (s *service) GetServerInfo(
	ctx context.Context, _ *connect.Request[messages.GetServerInfoRequest],
) (*connect.Response[messages.GetServerInfoResponse], error) {
	info, err := s.backend.Info(ctx)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(info), nil
}
