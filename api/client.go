package api

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"connectrpc.com/connect"

	"yardmaster/messages"
	"yardmaster/messages/messagesconnect"
)

const (
	callTimeout     = 30 * time.Second // for one call to be answered
	dialTimeout     = 5 * time.Second
	clientIdle      = 90 * time.Second
	maxIdlePerHost  = 64
	maxAnswerBytes  = 64 << 20 // of one answer, or one part of a stream
	keepAlivePeriod = 15 * time.Second
)

// Client speaks to a coordinator node. Its errors are *connect.Error. It may be
// used from many goroutines at once; Close it when done.
type Client struct {
	rpc       messagesconnect.YardmasterServiceClient
	transport *http.Transport
	// OnWait is told each time that a call waits because the server asked for it, of
	// the reason and for how long. Set it before the first call; nil tells nobody.
	OnWait func(reason error, wait time.Duration)
}

// NewClient returns a client of the server at baseURL (http or https), which
// gives its token, if any, with each call. It connects when it is first used.
func NewClient(baseURL, token string) (*Client, error) {
	u, err := url.Parse(baseURL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("api: %q is not the URL of a server (http://HOST:PORT)", baseURL)
	}
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAlive: keepAlivePeriod}
	// Over http:// this is HTTP/1.1: in Go the quicker of the two, and proxies know it.
	transport := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           dialer.DialContext,
		ForceAttemptHTTP2:     true,
		MaxIdleConns:          maxIdlePerHost,
		MaxIdleConnsPerHost:   maxIdlePerHost,
		IdleConnTimeout:       clientIdle,
		TLSHandshakeTimeout:   dialTimeout,
		ExpectContinueTimeout: time.Second,
		DisableCompression:    true, // connect does its own
	}
	opts := []connect.ClientOption{
		connect.WithReadMaxBytes(maxAnswerBytes),
		connect.WithInterceptors(bearer(token)),
	}
	if loopbackHost(u.Host) {
		opts = append(opts, connect.WithAcceptCompression("gzip", nil, nil))
	}
	httpClient := &http.Client{Transport: transport, CheckRedirect: noRedirect}
	return &Client{
		rpc:       messagesconnect.NewYardmasterServiceClient(httpClient, baseURL, opts...),
		transport: transport,
	}, nil
}

// noRedirect keeps the token from going anywhere but to the server it is for.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Close ends idle connections. Calls under way are not ended: cancel their contexts.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// RPC returns the generated client, for what the methods of Client do not cover.
func (c *Client) RPC() messagesconnect.YardmasterServiceClient { return c.rpc }

// bearer gives the token with each call. It is a connect.Interceptor.
type bearer string

// WrapUnary implements connect.Interceptor.
func (b bearer) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
		if b != "" {
			req.Header().Set("Authorization", "Bearer "+string(b))
		}
		return next(ctx, req)
	}
}

// WrapStreamingClient implements connect.Interceptor.
func (b bearer) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return func(ctx context.Context, spec connect.Spec) connect.StreamingClientConn {
		conn := next(ctx, spec)
		if b != "" {
			conn.RequestHeader().Set("Authorization", "Bearer "+string(b))
		}
		return conn
	}
}

// WrapStreamingHandler implements connect.Interceptor. A client has no handlers.
func (bearer) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return next
}

// method is a call of the generated client.
type method[Req, Res any] func(context.Context, *connect.Request[Req]) (*connect.Response[Res], error)

// once makes a call that must be answered within callTimeout.
func once[Req, Res any](ctx context.Context, do method[Req, Res], req *Req) (*Res, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	res, err := do(ctx, connect.NewRequest(req))
	if err != nil {
		return nil, err
	}
	return res.Msg, nil
}

// Run returns a run with its jobs.
func (c *Client) Run(ctx context.Context, id string) (*messages.Run, error) {
	res, err := call(ctx, c, c.rpc.GetRun, &messages.GetRunRequest{RunId: id})
	return res.GetRun(), err
}

// Runs returns runs without their jobs, newest first.
func (c *Client) Runs(ctx context.Context, req *messages.ListRunsRequest) ([]*messages.Run, error) {
	res, err := call(ctx, c, c.rpc.ListRuns, req)
	return res.GetRuns(), err
}

// Cancel asks that a run, or one job of it, end as CANCELLED.
func (c *Client) Cancel(ctx context.Context, req *messages.CancelRunRequest) error {
	_, err := call(ctx, c, c.rpc.CancelRun, req)
	return err
}

// Explain says why a job stands where it stands.
func (c *Client) Explain(ctx context.Context, runID string, jobIndex uint32) (*messages.ExplainJobResponse, error) {
	return call(ctx, c, c.rpc.ExplainJob, &messages.ExplainJobRequest{RunId: runID, JobIndex: jobIndex})
}

// Workers returns the workers by ID.
func (c *Client) Workers(ctx context.Context) ([]*messages.Worker, error) {
	res, err := call(ctx, c, c.rpc.ListWorkers, &messages.ListWorkersRequest{})
	return res.GetWorkers(), err
}

// Worker returns a worker with its history.
func (c *Client) Worker(ctx context.Context, id string) (*messages.GetWorkerResponse, error) {
	return call(ctx, c, c.rpc.GetWorker, &messages.GetWorkerRequest{WorkerId: id})
}

// ChangeWorker drains a worker, lets it take jobs again, or changes its labels.
func (c *Client) ChangeWorker(ctx context.Context, req *messages.ChangeWorkerRequest) (*messages.Worker, error) {
	res, err := call(ctx, c, c.rpc.ChangeWorker, req)
	return res.GetWorker(), err
}

// SetSecret keeps a value for the steps of a project's jobs.
func (c *Client) SetSecret(ctx context.Context, req *messages.SetSecretRequest) (*messages.Secret, error) {
	res, err := call(ctx, c, c.rpc.SetSecret, req)
	return res.GetSecret(), err
}

// Secrets returns which secrets a project has, by name.
func (c *Client) Secrets(ctx context.Context, project string) ([]*messages.Secret, error) {
	res, err := call(ctx, c, c.rpc.ListSecrets, &messages.ListSecretsRequest{Project: project})
	return res.GetSecrets(), err
}

// RemoveSecret removes a secret for good.
func (c *Client) RemoveSecret(ctx context.Context, req *messages.RemoveSecretRequest) error {
	_, err := call(ctx, c, c.rpc.RemoveSecret, req)
	return err
}

// Scaling says how many workers there should be of each class, and why.
func (c *Client) Scaling(ctx context.Context) (*messages.GetScalingResponse, error) {
	return call(ctx, c, c.rpc.GetScaling, &messages.GetScalingRequest{})
}

// Info says what answers.
func (c *Client) Info(ctx context.Context) (*messages.GetServerInfoResponse, error) {
	return call(ctx, c, c.rpc.GetServerInfo, &messages.GetServerInfoRequest{})
}

// Unreachable reports whether err means that no server was heard: nobody
// listens, the network failed, or what answered is no Yardmaster.
func Unreachable(err error) bool {
	var e *connect.Error
	return errors.As(err, &e) && e.Code() == connect.CodeUnavailable && !connect.IsWireError(err)
}

// Faults returns what is wrong with the workflow file, as the server said.
func Faults(err error) []*messages.WorkflowFault {
	if d := detail[*messages.WorkflowFaults](err); d != nil {
		return d.GetFaults()
	}
	return nil
}

// RetryAfter returns when the server wants to be asked again; 0 when it did not say.
func RetryAfter(err error) time.Duration {
	if d := detail[*messages.RetryHint](err); d != nil {
		return d.GetAfter().AsDuration()
	}
	return 0
}

// detail returns the first detail of the given type, or its zero value.
func detail[T any](err error) (zero T) {
	var e *connect.Error
	if !errors.As(err, &e) {
		return zero
	}
	for _, d := range e.Details() {
		if m, cannot := d.Value(); cannot == nil {
			if found, ok := m.(T); ok {
				return found
			}
		}
	}
	return zero
}
