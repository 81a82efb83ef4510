package actors

import (
	"context"
	"errors"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"yardmaster/domain/fleet"
	"yardmaster/domain/problem"
	"yardmaster/domain/worker"
	"yardmaster/messages"
)

// Workers returns the workers that the node knows.
func (b Backend) Workers(context.Context) ([]*messages.Worker, error) {
	members := b.node.roster.Members()
	workers := make([]*messages.Worker, len(members))
	for i, m := range members {
		workers[i] = viewMember(m)
	}
	return workers, nil
}

// GetWorker returns a worker with its history. One that is gone is returned as
// long as it is known.
func (b Backend) GetWorker(_ context.Context, id string) (*messages.GetWorkerResponse, error) {
	if err := b.readable(); err != nil {
		return nil, err
	}
	r, known := b.fleet().worker(worker.ID(id))
	m, there := b.node.roster.Member(worker.ID(id))
	switch {
	case there:
		return &messages.GetWorkerResponse{Worker: viewMember(m), History: messages.ViewHistory(r)}, nil
	case known:
		return &messages.GetWorkerResponse{Worker: viewRecord(r), History: messages.ViewHistory(r)}, nil
	}
	return nil, b.noWorker(id)
}

// ChangeWorker returns when what an operator wants of a worker is durable.
func (b Backend) ChangeWorker(ctx context.Context, m *messages.ChangeWorkerRequest, principal string,
) (*messages.Worker, error) {
	if err := b.readable(); err != nil {
		return nil, err
	}
	id := worker.ID(m.GetWorkerId())
	if _, known := b.fleet().worker(id); !known {
		return nil, b.noWorker(m.GetWorkerId())
	}
	request := changeWorker{
		id: id, reason: m.GetReason(), principal: principal,
		adjust: worker.Adjust{HeldBack: m.HeldBack, Add: m.GetAddLabels(), Remove: m.GetRemoveLabels()},
	}
	registry := b.node.local(registryID)
	answer, err := ask[workerChangeDone](ctx, b.node, registry, request)
	if err != nil { // the session may have ended with the request in its mailbox; asking twice does no harm
		answer, err = ask[workerChangeDone](ctx, b.node, registry, request)
	}
	if err = errors.Join(err, answer.err); err != nil {
		return nil, err
	}
	after, err := b.GetWorker(ctx, m.GetWorkerId())
	return after.GetWorker(), err
}

func (b Backend) fleet() *Board { return b.node.boards[fleetPartition] }

// noWorker says that there is no such worker, and which there are that look like it.
func (b Backend) noWorker(id string) error {
	text := "there is no worker " + id
	if near := b.fleet().workersNear(worker.ID(id)); len(near) > 0 {
		names := make([]string, len(near))
		for i, n := range near {
			names[i] = string(n)
		}
		text += ": did you mean " + strings.Join(names, ", ") + "?"
	}
	return problem.New(problem.NotFound, "%s", text)
}

func viewMember(m Member) *messages.Worker {
	jobs := make([]string, len(m.Held))
	for i, id := range m.Held {
		jobs[i] = id.String()
	}
	return &messages.Worker{
		WorkerId: string(m.ID), State: messages.WorkerState(m.State), Labels: m.Labels, Found: m.Found,
		Slots: uint32(m.Slots), Used: uint32(len(jobs)), Version: m.Version, ConnectedAt: timestamppb.New(m.ConnectedAt),
		SinceHeartbeat: durationpb.New(time.Since(m.HeardAt)), Jobs: jobs, Pool: m.Pool,
		Resources: messages.ResourcesToProto(m.Resources), HeldResources: messages.ResourcesToProto(m.Taken),
		HeldBack: m.Settings.HeldBack, Added: m.Settings.Added, Removed: m.Settings.Removed, Reason: m.Reason,
		SlotsMin: uint32(m.SlotsMin), SlotsMax: uint32(m.SlotsMax), Load: m.Load,
	}
}

// viewRecord shows a worker that is not there by what is stored of it.
func viewRecord(r fleet.Record) *messages.Worker {
	last := r.Last()
	return &messages.Worker{
		WorkerId: string(r.ID), State: messages.WorkerState(last.State), Labels: last.Settings.Apply(r.Says.Labels),
		Slots: uint32(r.Says.Slots), Pool: r.Says.Pool, Resources: messages.ResourcesToProto(r.Says.Resources),
		HeldBack: last.Settings.HeldBack, Added: last.Settings.Added, Removed: last.Settings.Removed, Reason: last.Reason,
	}
}
