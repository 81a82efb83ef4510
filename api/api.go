// Package api is the HTTP interface of a coordinator node, and its client.
//
// One port answers Connect, gRPC and gRPC-Web, in protobuf and in JSON, over
// HTTP/1.1 and HTTP/2 without TLS, under /yardmaster.v1.YardmasterService/, and
// KEDA's questions under /externalscaler.ExternalScaler/. Beside them stand
// /healthz, /readyz and /metrics; every other path is free for pages.
//
// What it promises:
//
//   - Nothing of a request is parsed before its sender is known and its size is
//     bounded. Without tokens it answers on loopback only, and only to requests
//     that name a loopback host.
//   - Every error that leaves it has a code, and a sentence that a user may read.
//     What is not meant for users is logged under an incident number instead.
//   - The value of a secret is in no answer, no error and no log.
//   - The same file submitted again is not parsed again, and reaches the Backend
//     as the same *plan.Workflow, so that equal plans share their memory.
//   - When the server stops, streams end at once and calls are given their time.
package api

import (
	"context"
	"log/slog"
	"net/http"

	"yardmaster/domain/plan"
	"yardmaster/messages"
)

// Limits of a request.
const (
	MaxRequestBytes = 2 << 20 // of a request's body, before and after decompression
	MaxSubmissions  = 1000    // of one SubmitRuns
	MaxKeyBytes     = 255     // of an idempotency key
	MaxReasonBytes  = 1024    // of the reason of a cancel, or of a change of a worker
	MaxListed       = 1000    // runs of one ListRuns
	DefaultListed   = 50      // when ListRuns names no limit
	maxNameBytes    = 1024    // of the name of a file, a workflow or a job
	maxStreams      = 2000    // watches and log readers at once
)

// Submission is a request for runs of one workflow, one for each key.
type Submission struct {
	// Plan is shared by all submissions of the same file. It must not be changed.
	Plan *plan.Workflow
	// Digest is the SHA-256 of the file.
	Digest [32]byte
	// Keys are idempotency keys; an empty one means none. Never itself empty.
	Keys []string
	// Project is a good name, or "" for the default project.
	Project string
	// Principal is who asks.
	Principal string
	// Trace is the W3C traceparent of the request, or "".
	Trace string
}

// Backend is what the API needs of the node behind it. Errors meant for users
// are, or wrap, a *problem.Problem. It is called from many goroutines at once.
type Backend interface {
	// Submit starts one run for each key and answers in their order, when all are durable.
	Submit(ctx context.Context, s Submission) ([]*messages.SubmittedRun, error)
	// Warn returns what will keep jobs of a plan waiting in a project, one sentence each.
	Warn(w *plan.Workflow, project string) []string
	// Retry starts a run that has ended again, and answers when that is durable. trace
	// is the W3C traceparent of the request, or "".
	Retry(ctx context.Context, req *messages.RetryRunRequest, principal, trace string) (*messages.RetryRunResponse, error)
	// GetRun returns a run with its jobs.
	GetRun(ctx context.Context, id string) (*messages.Run, error)
	// ListRuns returns runs without their jobs, newest first. The limit is set.
	ListRuns(ctx context.Context, req *messages.ListRunsRequest) ([]*messages.Run, error)
	// WatchRuns sends an empty response once the watch is established, then the
	// changes of the run, or of all runs when runID is empty, until ctx is done
	// or, for one run, until it has ended. It may reuse what it sent once send
	// has returned. It must not wait for a slow watcher: it sends resync instead.
	WatchRuns(ctx context.Context, runID string, send func(*messages.WatchRunsResponse) error) error
	// ReadLog sends the log of an attempt, the last response with its end.
	ReadLog(ctx context.Context, req *messages.ReadLogRequest, send func(*messages.ReadLogResponse) error) error
	// Cancel returns when the wish is durable.
	Cancel(ctx context.Context, req *messages.CancelRunRequest, principal string) error
	// Explain says why a job stands where it stands.
	Explain(ctx context.Context, runID string, jobIndex uint32) (*messages.ExplainJobResponse, error)
	// Workers returns the workers by ID.
	Workers(ctx context.Context) ([]*messages.Worker, error)
	// GetWorker returns a worker with its history, also one that is gone and known.
	GetWorker(ctx context.Context, id string) (*messages.GetWorkerResponse, error)
	// ChangeWorker returns the worker when what is wanted of it is durable.
	ChangeWorker(ctx context.Context, req *messages.ChangeWorkerRequest, principal string) (*messages.Worker, error)
	// SetSecret returns when a secret is durable. The request has been checked, and must
	// not be kept.
	SetSecret(ctx context.Context, req *messages.SetSecretRequest, principal string) (*messages.Secret, error)
	// Secrets returns which secrets a project has, by name; "" is the default project.
	Secrets(ctx context.Context, project string) ([]*messages.Secret, error)
	// RemoveSecret returns when it is durable that a secret is gone.
	RemoveSecret(ctx context.Context, req *messages.RemoveSecretRequest, principal string) error
	// Scaling says how many workers there should be of each class, and why.
	Scaling(ctx context.Context) (*messages.GetScalingResponse, error)
	// Desired is how many workers there should be of one class. It fails while that
	// is not known, and when there is no such class.
	Desired(ctx context.Context, class string) (int, error)
	// Info says what answers. It fails while the node is not ready.
	Info(ctx context.Context) (*messages.GetServerInfoResponse, error)
}

// Config says how the API is served. Its zero value serves loopback.
type Config struct {
	// Tokens admit callers. Nil admits anyone who names a loopback host, as the
	// principal LocalPrincipal.
	Tokens *Tokens
	// Metrics answers /metrics, under the same tokens; nil means 404.
	Metrics http.Handler
	// Pages answers every other path; nil means 404. It is served without a
	// token, and so must show nothing by itself.
	Pages http.Handler
	// Intake bounds what submissions take; nil means one of its own.
	Intake *Intake
	// Logger is told of incidents; nil means slog.Default.
	Logger *slog.Logger
}

func (c Config) logger() *slog.Logger {
	if c.Logger == nil {
		return slog.Default()
	}
	return c.Logger
}
