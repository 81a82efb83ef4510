package actors

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"google.golang.org/protobuf/types/known/timestamppb"

	"yardmaster/domain/job"
	"yardmaster/domain/partition"
	"yardmaster/domain/placement"
	"yardmaster/domain/problem"
	"yardmaster/domain/run"
	"yardmaster/messages"
)

const (
	askTimeout  = 10 * time.Second // for an actor's answer
	listDefault = 50
	listMost    = 1000
)

// Backend is what the API asks of a node. What changes something goes through
// the gateway; what only reads, reads what the actors show.
type Backend struct {
	node *Node
}

func (b Backend) board(id string) *Board {
	return b.node.boards[partition.Of(id, len(b.node.boards))]
}

func notFound(id string) error { return problem.New(problem.NotFound, "there is no run %s", id) }

func (b Backend) readable() error {
	if !b.node.Ready() {
		return problem.RetryIn(problem.Unavailable, time.Second, "the node is recovering: try again")
	}
	return nil
}

// GetRun returns a run with its jobs.
func (b Backend) GetRun(_ context.Context, id string) (*messages.Run, error) {
	if err := b.readable(); err != nil {
		return nil, err
	}
	r, ok, err := b.board(id).view(run.ID(id))
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, notFound(id)
	}
	return r, nil
}

// ListRuns returns runs without their jobs, newest first.
func (b Backend) ListRuns(_ context.Context, m *messages.ListRunsRequest) ([]*messages.Run, error) {
	if err := b.readable(); err != nil {
		return nil, err
	}
	limit := int(m.GetLimit())
	if limit == 0 {
		limit = listDefault
	}
	limit = min(limit, listMost)
	var runs []*messages.Run
	for _, board := range b.node.boards {
		runs = append(runs, board.list(func(r *messages.Run) bool { return wanted(r, m) }, limit)...)
	}
	slices.SortFunc(runs, func(a, b *messages.Run) int { return strings.Compare(b.RunId, a.RunId) })
	runs = runs[:min(limit, len(runs))]
	for i, r := range runs { // what is packed of an ended run is unpacked for those alone that are shown
		if !messages.StateFromProto(r.GetState()).Final() {
			continue
		}
		e, ok, err := b.board(r.GetRunId()).find(run.ID(r.GetRunId()))
		if err != nil {
			return nil, err
		}
		if ok {
			runs[i] = messages.ViewRun(&e, false, nil)
		}
	}
	return runs, nil
}

func wanted(r *messages.Run, m *messages.ListRunsRequest) bool {
	return (m.GetBeforeRunId() == "" || r.RunId < m.GetBeforeRunId()) &&
		(m.GetName() == "" || r.Name == m.GetName()) &&
		(m.GetProject() == "" || r.Project == m.GetProject()) &&
		(len(m.GetStates()) == 0 || slices.Contains(m.GetStates(), r.State))
}

// WatchRuns sends the changes of a run, or of all runs, until ctx ends.
func (b Backend) WatchRuns(ctx context.Context, id string, send func(*messages.WatchRunsResponse) error) error {
	if err := b.readable(); err != nil {
		return err
	}
	watch, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(b.node.serving, cancel)() //nolint:contextcheck // the node's end ends it too
	if id == "" {
		return b.node.feed.Watch(watch, "", send)
	}
	return b.watchOne(watch, id, send)
}

// watchOne sends the changes of a run until it has ended.
func (b Backend) watchOne(ctx context.Context, id string, send func(*messages.WatchRunsResponse) error) error {
	over := func() (bool, error) {
		e, ok, err := b.board(id).find(run.ID(id))
		if err == nil && !ok {
			err = notFound(id)
		}
		return err == nil && e.Run.State.Final(), err
	}
	first := true
	err := b.node.feed.Watch(ctx, id, func(m *messages.WatchRunsResponse) error {
		if err := send(m); err != nil {
			return err
		}
		ended, err := endsRun(m), error(nil)
		if first || m.GetResync() {
			ended, err = over()
		}
		first = false
		if ended {
			return errRunOver
		}
		return err
	})
	if errors.Is(err, errRunOver) {
		return nil
	}
	return err
}

func endsRun(m *messages.WatchRunsResponse) bool {
	return slices.ContainsFunc(m.GetChanges(), func(c *messages.RunChange) bool {
		return c.GetOfRun() && messages.StateFromProto(c.GetState()).Final()
	})
}

var errRunOver = errors.New("actors: the run is over")

// Cancel asks a run, or one job of it, to end, and returns when that is durable.
func (b Backend) Cancel(ctx context.Context, m *messages.CancelRunRequest, principal string) error {
	reason := m.GetReason()
	if reason == "" {
		reason = "cancelled by " + principal
	}
	var message any = &cancelRun{reason: reason, principal: principal}
	if m.GetJobKey() != "" {
		message = &cancelOne{key: m.GetJobKey(), reason: reason, principal: principal}
	}
	if err := b.readable(); err != nil {
		return err
	}
	r, ok, err := b.board(m.GetRunId()).find(run.ID(m.GetRunId()))
	switch {
	case err != nil:
		return err
	case !ok:
		return notFound(m.GetRunId())
	case r.Run.State == job.Cancelled && m.GetJobKey() == "":
		return nil
	case r.Run.State.Final():
		return problem.New(problem.Refused, "run %s has ended: %s", m.GetRunId(), r.Run.State)
	}
	request := &toRun{id: run.ID(m.GetRunId()), message: message}
	answer, err := ask[cancelDone](ctx, b.node, b.node.gateway, request)
	if err != nil { // the job may have ended with the request in its mailbox; asking twice does no harm
		answer, err = ask[cancelDone](ctx, b.node, b.node.gateway, request)
	}
	if err != nil {
		return err
	}
	var invalid *job.InvalidStateTransition
	if errors.As(answer.err, &invalid) {
		return problem.New(problem.Refused, "it has ended: %s", invalid.From)
	}
	return answer.err
}

// ask sends a request to an actor and waits for an answer of type A.
func ask[A any](ctx context.Context, n *Node, pid *actor.PID, message any) (A, error) {
	var none A
	timeout := askTimeout
	if deadline, ok := ctx.Deadline(); ok {
		timeout = min(timeout, time.Until(deadline))
	}
	got, err := n.system.Root.RequestFuture(pid, message, timeout).Result()
	if err != nil {
		return none, problem.New(problem.Unavailable, "no answer in time: try again")
	}
	answer, ok := got.(A)
	if !ok {
		return none, problem.New(problem.Internal, "an unexpected answer")
	}
	return answer, nil
}

// Explain says why a job stands where it stands.
func (b Backend) Explain(ctx context.Context, id string, index uint32) (*messages.ExplainJobResponse, error) {
	if err := b.readable(); err != nil {
		return nil, err
	}
	e, ok, err := b.board(id).find(run.ID(id))
	if err != nil {
		return nil, err
	}
	if !ok || int(index) >= len(e.Jobs) {
		return nil, problem.New(problem.NotFound, "run %s has no job %d", id, index)
	}
	j := e.Jobs[index]
	out := &messages.ExplainJobResponse{
		State: messages.StateToProto(j.State), Reasons: explainState(&e, j, b.board(id).waitsFor(e.Run)),
	}
	if where, err := b.ranIn(e, index); err == nil { // else only that it was taken over is known
		out.Attempts = messages.ViewAttempts(where.Jobs[index])
	}
	if !j.Queued() || !e.Released(index) || j.Wait > 0 {
		return out, nil
	}
	why, err := ask[placement.Explanation](ctx, b.node, b.node.coordinator, explainJob{j.ID})
	if err != nil {
		return nil, err
	}
	explainWait(out, &why)
	return out, nil
}

// Info says what answers.
func (b Backend) Info(context.Context) (*messages.GetServerInfoResponse, error) {
	n := b.node
	return &messages.GetServerInfoResponse{
		Version: n.config.Version, NodeId: n.config.NodeID, Partitions: uint32(len(n.boards)),
		Queued: uint64(max(0, n.metrics.pending.Load())), Running: uint64(max(0, n.metrics.running.Load())),
		Workers: uint32(n.roster.Len()), StartedAt: timestamppb.New(n.startedAt), NatsUrl: n.config.NATSURL,
	}, nil
}

// ReadLog sends the log of an attempt, and its end.
func (b Backend) ReadLog(ctx context.Context, m *messages.ReadLogRequest,
	send func(*messages.ReadLogResponse) error,
) error {
	if err := b.readable(); err != nil {
		return err
	}
	r := &logReader{backend: b, request: m, send: send, hash: sha256.New(), from: max(1, m.GetFromSeq())}
	read, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(b.node.serving, cancel)() //nolint:contextcheck // the node's end ends it too
	return r.run(read)
}

// attemptOf returns the attempt that a log request names, and whether it ended. The
// attempts of a job that was taken over are those of the run that it succeeded in.
func (b Backend) attemptOf(m *messages.ReadLogRequest) (job.ID, *job.Attempt, bool, error) {
	id := job.ID{Run: run.ID(m.GetRunId()), Index: m.GetJobIndex()}
	e, ok, err := b.board(m.GetRunId()).find(id.Run)
	if err != nil {
		return id, nil, false, err
	}
	if !ok || int(id.Index) >= len(e.Jobs) {
		return id, nil, false, problem.New(problem.NotFound, "run %s has no job %d", id.Run, id.Index)
	}
	if e, err = b.ranIn(e, id.Index); err != nil {
		return id, nil, false, err
	}
	j := e.Jobs[id.Index]
	id.Run = e.Run.ID
	n := int(m.GetAttempt())
	if n == 0 {
		n = len(j.Attempts)
	}
	if n > len(j.Attempts) || n == 0 && (j.State.Final() || !m.GetFollow()) {
		return id, nil, j.State.Final(), nil
	}
	if n == 0 {
		return id, nil, false, nil
	}
	a := &j.Attempts[n-1]
	return id, a, a.Result.Outcome != job.OutcomeUnknown, nil
}
