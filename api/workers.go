package api

import (
	"context"
	"strings"

	"connectrpc.com/connect"

	"yardmaster/domain/problem"
	"yardmaster/domain/worker"
	"yardmaster/messages"
)

func (s *service) ListWorkers(
	ctx context.Context, _ *connect.Request[messages.ListWorkersRequest],
) (*connect.Response[messages.ListWorkersResponse], error) {
	workers, err := s.backend.Workers(ctx)
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&messages.ListWorkersResponse{Workers: workers}), nil
}

func (s *service) GetWorker(
	ctx context.Context, req *connect.Request[messages.GetWorkerRequest],
) (*connect.Response[messages.GetWorkerResponse], error) {
	if err := checkWorkerID(req.Msg.GetWorkerId()); err != nil {
		return nil, err
	}
	answer, err := s.backend.GetWorker(ctx, req.Msg.GetWorkerId())
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(answer), nil
}

func (s *service) ChangeWorker(
	ctx context.Context, req *connect.Request[messages.ChangeWorkerRequest],
) (*connect.Response[messages.ChangeWorkerResponse], error) {
	if err := checkChange(req.Msg); err != nil {
		return nil, err
	}
	w, err := s.backend.ChangeWorker(ctx, req.Msg, principal(ctx))
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&messages.ChangeWorkerResponse{Worker: w}), nil
}

func checkWorkerID(id string) error {
	if !worker.ValidID(worker.ID(id)) {
		return problem.New(problem.Invalid, "%q is not a worker's name: it has 1 to %d letters, digits, '_' or '-'",
			short(id), worker.MaxName)
	}
	return nil
}

func checkChange(req *messages.ChangeWorkerRequest) error {
	if err := checkWorkerID(req.GetWorkerId()); err != nil {
		return err
	}
	if req.HeldBack == nil && len(req.GetAddLabels()) == 0 && len(req.GetRemoveLabels()) == 0 {
		return problem.New(problem.Invalid, "the change of worker %s changes nothing", req.GetWorkerId())
	}
	if err := (worker.Adjust{Add: req.GetAddLabels(), Remove: req.GetRemoveLabels()}).Validate(); err != nil {
		faults := strings.ReplaceAll(err.Error(), worker.ErrBadAdjustment.Error()+": ", "")
		return problem.New(problem.Invalid, "%s", strings.ReplaceAll(faults, "\n", "; "))
	}
	return checkReason(req.GetReason())
}
