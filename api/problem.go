package api

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"yardmaster/domain/problem"
	"yardmaster/messages"
	"yardmaster/workflow"
)

// incidentLength is how much of a random text names an incident.
const incidentLength = 10

// outcomes turns the errors of handlers into the codes and details that
// api.proto promises. It is a connect.Interceptor.
type outcomes struct{ logger *slog.Logger }

// WrapUnary implements connect.Interceptor.
func (o outcomes) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
		res, err := next(ctx, req)
		if err != nil {
			return nil, o.fail(ctx, req.Spec(), err)
		}
		return res, nil
	}
}

// WrapStreamingClient implements connect.Interceptor. The server has no clients.
func (outcomes) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

// WrapStreamingHandler implements connect.Interceptor.
func (o outcomes) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, conn connect.StreamingHandlerConn) error {
		if err := next(ctx, conn); err != nil {
			return o.fail(ctx, conn.Spec(), err)
		}
		return nil
	}
}

// fail returns err as the caller shall see it.
func (o outcomes) fail(ctx context.Context, spec connect.Spec, err error) error {
	var (
		p      *problem.Problem
		faults workflow.Faults
		wire   *connect.Error
	)
	switch {
	case errors.As(err, &p) && p.Kind != problem.Internal:
		return problemError(p)
	case errors.As(err, &faults):
		return faultsError(faults)
	case errors.As(err, &wire):
		return wire
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		return connect.NewError(connect.CodeCanceled, errors.New("the caller went away"))
	case errors.Is(err, context.DeadlineExceeded):
		return connect.NewError(connect.CodeDeadlineExceeded, errors.New("the time for this call ran out"))
	}
	id := rand.Text()[:incidentLength]
	o.logger.LogAttrs(ctx, slog.LevelError, "request failed", slog.String("incident", id),
		slog.String("procedure", spec.Procedure), slog.String("error", err.Error()))
	return incident(id)
}

// recovered answers a call whose handler panicked.
func recovered(logger *slog.Logger) func(context.Context, connect.Spec, http.Header, any) error {
	return func(ctx context.Context, spec connect.Spec, _ http.Header, cause any) error {
		id := rand.Text()[:incidentLength]
		logger.LogAttrs(ctx, slog.LevelError, "request panicked", slog.String("incident", id),
			slog.String("procedure", spec.Procedure), slog.String("cause", fmt.Sprint(cause)),
			slog.String("stack", string(debug.Stack())))
		return incident(id)
	}
}

func incident(id string) error {
	return connect.NewError(connect.CodeInternal,
		fmt.Errorf("the server made a mistake; its log has more under incident %s", id))
}

func codeOf(kind problem.Kind) connect.Code {
	switch kind {
	case problem.Invalid:
		return connect.CodeInvalidArgument
	case problem.NotFound:
		return connect.CodeNotFound
	case problem.Conflict:
		return connect.CodeAlreadyExists
	case problem.Exhausted:
		return connect.CodeResourceExhausted
	case problem.Refused:
		return connect.CodeFailedPrecondition
	case problem.Unavailable:
		return connect.CodeUnavailable
	case problem.Internal:
	}
	return connect.CodeInternal
}

func problemError(p *problem.Problem) error {
	err := connect.NewError(codeOf(p.Kind), errors.New(p.Message))
	if p.RetryAfter > 0 {
		addDetail(err, &messages.RetryHint{After: durationpb.New(p.RetryAfter)})
	}
	return err
}

func faultsError(faults workflow.Faults) error {
	list := make([]*messages.WorkflowFault, len(faults))
	for i, f := range faults {
		list[i] = &messages.WorkflowFault{
			File: f.File, Line: uint32(max(0, f.Line)), Column: uint32(max(0, f.Column)),
			Message: f.Message, Hint: f.Hint,
		}
	}
	plural := "s"
	if len(faults) == 1 {
		plural = ""
	}
	err := connect.NewError(connect.CodeInvalidArgument,
		fmt.Errorf("the workflow has %d fault%s; the first: %w", len(faults), plural, faults[0]))
	addDetail(err, &messages.WorkflowFaults{Faults: list})
	return err
}

func addDetail(err *connect.Error, m proto.Message) {
	if detail, cannot := connect.NewErrorDetail(m); cannot == nil {
		err.AddDetail(detail)
	}
}
