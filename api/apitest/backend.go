// Package apitest has a backend for tests of the API and of what calls it. It
// keeps everything in memory and starts no goroutine.
package apitest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"yardmaster/api"
	"yardmaster/domain/plan"
	"yardmaster/domain/problem"
	"yardmaster/domain/secret"
	"yardmaster/messages"
)

// Backend is an api.Backend whose content a test decides.
type Backend struct {
	// OnSubmit answers Submit; nil gives each key the run RunID(n).
	OnSubmit func(s api.Submission) ([]*messages.SubmittedRun, error)
	// OnWatch plays a watch, after the first, empty response; nil waits for ctx.
	OnWatch func(ctx context.Context, runID string, send func(*messages.WatchRunsResponse) error) error
	// OnLog plays a log; nil sends the parts of Logs.
	OnLog func(ctx context.Context, r *messages.ReadLogRequest, send func(*messages.ReadLogResponse) error) error
	// OnCancel answers Cancel; nil grants everything.
	OnCancel func(r *messages.CancelRunRequest, principal string) error
	// OnRetry answers Retry; nil gives the run RunID(1).
	OnRetry func(r *messages.RetryRunRequest, principal string) (*messages.RetryRunResponse, error)
	// Warnings is what Warn answers.
	Warnings []string
	// OnWorker answers GetWorker; nil finds the worker in WorkerList.
	OnWorker func(id string) (*messages.GetWorkerResponse, error)
	// Fail is what every call answers, when it is set.
	Fail error

	mu          sync.Mutex
	runs        []*messages.Run // newest first
	submissions []api.Submission
	cancels     []*messages.CancelRunRequest
	retries     []*messages.RetryRunRequest
	changes     []*messages.ChangeWorkerRequest
	changers    []string
	secrets     []*messages.SetSecretRequest
	logs        map[string][]*messages.ReadLogResponse
	scaling     *messages.GetScalingResponse
	WorkerList  []*messages.Worker
	WorkerPast  []*messages.WorkerEntry // of every worker
	Why         *messages.ExplainJobResponse
}

var _ api.Backend = (*Backend)(nil)

// RunID returns the ID of the nth run, from 1.
func RunID(n int) string { return fmt.Sprintf("01K0000000000000000000%04d", n) }

// Put adds a run as the newest, or replaces the one with its ID.
func (b *Backend) Put(run *messages.Run) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, r := range b.runs {
		if r.GetRunId() == run.GetRunId() {
			b.runs[i] = run
			return
		}
	}
	b.runs = append([]*messages.Run{run}, b.runs...)
}

// PutLog sets the log of an attempt.
func (b *Backend) PutLog(runID string, job, attempt uint32, parts ...*messages.ReadLogResponse) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.logs == nil {
		b.logs = make(map[string][]*messages.ReadLogResponse)
	}
	b.logs[logKey(runID, job, attempt)] = parts
}

func logKey(runID string, job, attempt uint32) string {
	return fmt.Sprintf("%s.%d.%d", runID, job, attempt)
}

// Submissions returns what was submitted so far.
func (b *Backend) Submissions() []api.Submission {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]api.Submission(nil), b.submissions...)
}

// Cancels returns what was cancelled so far.
func (b *Backend) Cancels() []*messages.CancelRunRequest {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]*messages.CancelRunRequest(nil), b.cancels...)
}

// Retries returns what was asked to be tried again so far.
func (b *Backend) Retries() []*messages.RetryRunRequest {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]*messages.RetryRunRequest(nil), b.retries...)
}

// Warn implements api.Backend.
func (b *Backend) Warn(*plan.Workflow, string) []string { return b.Warnings }

// Retry implements api.Backend.
func (b *Backend) Retry(_ context.Context, req *messages.RetryRunRequest, principal, _ string,
) (*messages.RetryRunResponse, error) {
	b.mu.Lock()
	b.retries = append(b.retries, req)
	b.mu.Unlock()
	if b.Fail != nil {
		return nil, b.Fail
	}
	if b.OnRetry != nil {
		return b.OnRetry(req, principal)
	}
	return &messages.RetryRunResponse{Run: &messages.SubmittedRun{RunId: RunID(1)}}, nil
}

// Submit implements api.Backend.
func (b *Backend) Submit(_ context.Context, s api.Submission) ([]*messages.SubmittedRun, error) {
	b.mu.Lock()
	b.submissions = append(b.submissions, s)
	b.mu.Unlock()
	if b.Fail != nil {
		return nil, b.Fail
	}
	if b.OnSubmit != nil {
		return b.OnSubmit(s)
	}
	runs := make([]*messages.SubmittedRun, len(s.Keys))
	for i := range runs {
		runs[i] = &messages.SubmittedRun{RunId: RunID(i + 1)}
	}
	return runs, nil
}

// GetRun implements api.Backend.
func (b *Backend) GetRun(_ context.Context, id string) (*messages.Run, error) {
	if b.Fail != nil {
		return nil, b.Fail
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, r := range b.runs {
		if r.GetRunId() == id {
			return r, nil
		}
	}
	return nil, problem.New(problem.NotFound, "there is no run %s", id)
}

// ListRuns implements api.Backend.
func (b *Backend) ListRuns(_ context.Context, req *messages.ListRunsRequest) ([]*messages.Run, error) {
	if b.Fail != nil {
		return nil, b.Fail
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	var found []*messages.Run
	for _, r := range b.runs {
		older := req.GetBeforeRunId() == "" || r.GetRunId() < req.GetBeforeRunId()
		if older && len(found) < int(req.GetLimit()) && wanted(r, req) {
			found = append(found, r)
		}
	}
	return found, nil
}

func wanted(r *messages.Run, req *messages.ListRunsRequest) bool {
	named := req.GetName() == "" || req.GetName() == r.GetName()
	if !named || req.GetProject() != "" && req.GetProject() != r.GetProject() {
		return false
	}
	for _, s := range req.GetStates() {
		if s == r.GetState() {
			return true
		}
	}
	return len(req.GetStates()) == 0
}

// WatchRuns implements api.Backend.
func (b *Backend) WatchRuns(
	ctx context.Context, runID string, send func(*messages.WatchRunsResponse) error,
) error {
	if b.Fail != nil {
		return b.Fail
	}
	if err := send(&messages.WatchRunsResponse{}); err != nil {
		return err
	}
	if b.OnWatch != nil {
		return b.OnWatch(ctx, runID, send)
	}
	<-ctx.Done()
	return ctx.Err()
}

// ReadLog implements api.Backend.
func (b *Backend) ReadLog(
	ctx context.Context, req *messages.ReadLogRequest, send func(*messages.ReadLogResponse) error,
) error {
	if b.OnLog != nil {
		return b.OnLog(ctx, req, send)
	}
	b.mu.Lock()
	parts, ok := b.logs[logKey(req.GetRunId(), req.GetJobIndex(), req.GetAttempt())]
	b.mu.Unlock()
	if !ok {
		return problem.New(problem.NotFound, "there is no such log")
	}
	for _, p := range parts {
		if err := send(p); err != nil {
			return err
		}
	}
	return nil
}

// Cancel implements api.Backend.
func (b *Backend) Cancel(_ context.Context, req *messages.CancelRunRequest, principal string) error {
	b.mu.Lock()
	b.cancels = append(b.cancels, req)
	b.mu.Unlock()
	if b.Fail != nil {
		return b.Fail
	}
	if b.OnCancel != nil {
		return b.OnCancel(req, principal)
	}
	return nil
}

// Explain implements api.Backend.
func (b *Backend) Explain(context.Context, string, uint32) (*messages.ExplainJobResponse, error) {
	return b.Why, b.Fail
}

// Workers implements api.Backend.
func (b *Backend) Workers(context.Context) ([]*messages.Worker, error) { return b.WorkerList, b.Fail }

// GetWorker implements api.Backend.
func (b *Backend) GetWorker(_ context.Context, id string) (*messages.GetWorkerResponse, error) {
	if b.Fail != nil {
		return nil, b.Fail
	}
	if b.OnWorker != nil {
		return b.OnWorker(id)
	}
	for _, w := range b.WorkerList {
		if w.GetWorkerId() == id {
			return &messages.GetWorkerResponse{Worker: w, History: b.WorkerPast}, nil
		}
	}
	return nil, problem.New(problem.NotFound, "there is no worker %s", id)
}

// ChangeWorker implements api.Backend. It remembers the change, by whom, and
// changes nothing.
func (b *Backend) ChangeWorker(
	ctx context.Context, req *messages.ChangeWorkerRequest, principal string,
) (*messages.Worker, error) {
	answer, err := b.GetWorker(ctx, req.GetWorkerId())
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.changes = append(b.changes, req)
	b.changers = append(b.changers, principal)
	return answer.GetWorker(), nil
}

// Changes returns how workers were changed so far, and by whom.
func (b *Backend) Changes() (changes []*messages.ChangeWorkerRequest, principals []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append(changes, b.changes...), append(principals, b.changers...)
}

// SetSecret implements api.Backend. It keeps what it is told.
func (b *Backend) SetSecret(_ context.Context, req *messages.SetSecretRequest, principal string,
) (*messages.Secret, error) {
	if b.Fail != nil {
		return nil, b.Fail
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.secrets = append(b.secrets, req)
	return &messages.Secret{Name: secret.Canonical(req.GetName()), Principal: principal}, nil
}

// SetSecrets returns what was set and not removed so far, with the values.
func (b *Backend) SetSecrets() []*messages.SetSecretRequest {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.secrets)
}

// Secrets implements api.Backend.
func (b *Backend) Secrets(_ context.Context, project string) ([]*messages.Secret, error) {
	if b.Fail != nil {
		return nil, b.Fail
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []*messages.Secret
	for _, s := range b.secrets {
		if s.GetProject() == project {
			at := timestamppb.New(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
			all = append(all, &messages.Secret{Name: secret.Canonical(s.GetName()), Principal: "alice", SetAt: at})
		}
	}
	return all, nil
}

// RemoveSecret implements api.Backend.
func (b *Backend) RemoveSecret(_ context.Context, req *messages.RemoveSecretRequest, _ string) error {
	if b.Fail != nil {
		return b.Fail
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	before := len(b.secrets)
	b.secrets = slices.DeleteFunc(b.secrets, func(s *messages.SetSecretRequest) bool {
		return s.GetProject() == req.GetProject() && secret.Canonical(s.GetName()) == secret.Canonical(req.GetName())
	})
	if len(b.secrets) == before {
		return problem.New(problem.NotFound, "there is no secret %s", req.GetName())
	}
	return nil
}

// SetScaling sets what Scaling and Desired answer from.
func (b *Backend) SetScaling(m *messages.GetScalingResponse) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.scaling = m
}

// Scaling implements api.Backend.
func (b *Backend) Scaling(context.Context) (*messages.GetScalingResponse, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.scaling, b.Fail
}

// Desired implements api.Backend.
func (b *Backend) Desired(ctx context.Context, class string) (int, error) {
	m, err := b.Scaling(ctx)
	for _, c := range m.GetClasses() {
		if c.GetName() == class {
			return int(c.GetDesired()), err
		}
	}
	if err == nil {
		err = problem.New(problem.NotFound, "there is no class %s", class)
	}
	return 0, err
}

// Info implements api.Backend.
func (b *Backend) Info(context.Context) (*messages.GetServerInfoResponse, error) {
	return &messages.GetServerInfoResponse{Version: "test", NodeId: "n1"}, b.Fail
}
