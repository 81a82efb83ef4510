package api

import (
	"context"

	"connectrpc.com/connect"

	"yardmaster/messages"
)

func (s *service) RetryRun(
	ctx context.Context, req *connect.Request[messages.RetryRunRequest],
) (*connect.Response[messages.RetryRunResponse], error) {
	if err := checkRunID(req.Msg.GetRunId()); err != nil {
		return nil, err
	}
	if err := checkKey(req.Msg.GetIdempotencyKey(), ""); err != nil {
		return nil, err
	}
	answer, err := s.backend.Retry(ctx, req.Msg, principal(ctx), traceParent(req.Header().Get("Traceparent")))
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(answer), nil
}
