package api_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"yardmaster/api"
	"yardmaster/api/apitest"
	"yardmaster/domain/plan"
	"yardmaster/domain/problem"
	"yardmaster/messages"
	"yardmaster/messages/messagesconnect"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const deadline = 20 * time.Second // generous: it only ends a test that hangs

const hello = `name: hello
on: push
jobs:
  greet:
    runs-on: linux
    steps:
      - run: echo hello
`

// serve serves b as a node would and returns its URL.
func serve(t testing.TB, b api.Backend, cfg api.Config) string {
	t.Helper()
	url, stop := serveUntil(t, b, cfg)
	t.Cleanup(stop)
	return url
}

func serveUntil(t testing.TB, b api.Backend, cfg api.Config) (url string, stop func()) {
	t.Helper()
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- api.Serve(ctx, ln, api.NewHandler(b, cfg)) }()
	return "http://" + ln.Addr().String(), func() {
		cancel()
		assert.NoError(t, <-done)
	}
}

func client(t testing.TB, url, token string) *api.Client {
	t.Helper()
	c, err := api.NewClient(url, token)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// grpcClient returns a client that speaks gRPC, over HTTP/2 without TLS.
func grpcClient(t testing.TB, url string) messagesconnect.YardmasterServiceClient {
	t.Helper()
	var p http.Protocols
	p.SetUnencryptedHTTP2(true)
	tr := &http.Transport{Protocols: &p}
	t.Cleanup(tr.CloseIdleConnections)
	return messagesconnect.NewYardmasterServiceClient(&http.Client{Transport: tr}, url, connect.WithGRPC())
}

// post sends a JSON request by hand.
func post(t testing.TB, url, method, body string, header ...string) (status int, answer string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost,
		url+"/yardmaster.v1.YardmasterService/"+method, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
			continue
		}
		req.Header.Set(header[i], header[i+1])
	}
	tr := &http.Transport{DisableKeepAlives: true}
	res, err := tr.RoundTrip(req)
	require.NoError(t, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res.StatusCode, string(b)
}

func submitHello(keys ...string) *messages.SubmitRunsRequest {
	req := &messages.SubmitRunsRequest{FileName: "hello.yml", Workflow: []byte(hello)}
	for _, k := range keys {
		req.Submissions = append(req.Submissions, &messages.Submission{IdempotencyKey: k})
	}
	return req
}

func TestOnePortSpeaksConnectGRPCAndJSON(t *testing.T) {
	t.Parallel()
	b := new(apitest.Backend)
	b.Put(&messages.Run{RunId: apitest.RunID(1), Name: "hello"})
	url := serve(t, b, api.Config{})

	run, err := client(t, url, "").Run(t.Context(), apitest.RunID(1))
	require.NoError(t, err)
	assert.Equal(t, "hello", run.GetName())

	res, err := grpcClient(t, url).GetRun(t.Context(), connect.NewRequest(
		&messages.GetRunRequest{RunId: apitest.RunID(1)}))
	require.NoError(t, err)
	assert.Equal(t, "hello", res.Msg.GetRun().GetName())

	status, body := post(t, url, "GetRun", `{"run_id":"`+apitest.RunID(1)+`"}`)
	assert.Equal(t, http.StatusOK, status)
	assert.Contains(t, body, `"hello"`)
}

func TestGRPCStreamsAWatch(t *testing.T) {
	t.Parallel()
	b := &apitest.Backend{OnWatch: func(
		_ context.Context, id string, send func(*messages.WatchRunsResponse) error,
	) error {
		return send(&messages.WatchRunsResponse{Changes: []*messages.RunChange{{RunId: id, OfRun: true}}})
	}}
	url := serve(t, b, api.Config{})
	stream, err := grpcClient(t, url).WatchRuns(t.Context(), connect.NewRequest(
		&messages.WatchRunsRequest{RunId: apitest.RunID(7)}))
	require.NoError(t, err)
	defer stream.Close()
	require.True(t, stream.Receive(), stream.Err())
	assert.Empty(t, stream.Msg().GetChanges())
	require.True(t, stream.Receive(), stream.Err())
	assert.Equal(t, apitest.RunID(7), stream.Msg().GetChanges()[0].GetRunId())
	assert.False(t, stream.Receive())
	assert.NoError(t, stream.Err())
}

func TestASubmissionReachesTheBackendWithSharedPlan(t *testing.T) {
	t.Parallel()
	b := new(apitest.Backend)
	c := client(t, serve(t, b, api.Config{}), "")
	for _, keys := range [][]string{{"a", "b"}, {"c"}, nil} {
		runs, err := c.Submit(t.Context(), submitHello(keys...))
		require.NoError(t, err)
		assert.Len(t, runs, max(1, len(keys)))
	}
	got := b.Submissions()
	require.Len(t, got, 3)
	assert.Equal(t, []string{"a", "b"}, got[0].Keys)
	assert.Equal(t, []string{""}, got[2].Keys, "no submission means one without a key")
	assert.Equal(t, "hello", got[0].Plan.Name)
	assert.Equal(t, api.LocalPrincipal, got[0].Principal)
	assert.Same(t, got[0].Plan, got[1].Plan, "the same file is the same plan")
	assert.Equal(t, got[0].Digest, got[1].Digest)
}

func TestProblemsBecomeCodesWithDetails(t *testing.T) {
	t.Parallel()
	tests := []struct {
		err  error
		code connect.Code
	}{
		{problem.New(problem.Invalid, "bad"), connect.CodeInvalidArgument},
		{problem.New(problem.NotFound, "bad"), connect.CodeNotFound},
		{problem.New(problem.Conflict, "bad"), connect.CodeAlreadyExists},
		{problem.New(problem.Exhausted, "bad"), connect.CodeResourceExhausted},
		{problem.New(problem.Refused, "bad"), connect.CodeFailedPrecondition},
		{problem.New(problem.Unavailable, "bad"), connect.CodeUnavailable},
		{fmt.Errorf("wrapped: %w", problem.New(problem.NotFound, "bad")), connect.CodeNotFound},
	}
	for _, tt := range tests {
		t.Run(tt.code.String(), func(t *testing.T) {
			t.Parallel()
			c := client(t, serve(t, &apitest.Backend{Fail: tt.err}, api.Config{}), "")
			_, err := c.Run(t.Context(), apitest.RunID(1))
			assert.Equal(t, tt.code, connect.CodeOf(err))
			require.ErrorContains(t, err, "bad")
			assert.False(t, api.Unreachable(err))
			if tt.code == connect.CodeUnavailable {
				return // a watch is tried again then
			}
			err = c.Watch(t.Context(), "", func(*messages.WatchRunsResponse) error { return nil })
			assert.Equal(t, tt.code, connect.CodeOf(err), "of a stream")
		})
	}
}

func TestAnUnknownErrorIsAnIncident(t *testing.T) {
	t.Parallel()
	for name, b := range map[string]*apitest.Backend{
		"error": {Fail: errors.New("disk /secret/path is full")},
		"panic": {OnSubmit: func(api.Submission) ([]*messages.SubmittedRun, error) {
			panic("disk /secret/path is full")
		}},
		"internal problem": {Fail: problem.New(problem.Internal, "disk /secret/path is full")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			url, stop := serveUntil(t, b, api.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
			_, err := client(t, url, "").Submit(t.Context(), submitHello())
			stop()
			assert.Equal(t, connect.CodeInternal, connect.CodeOf(err))
			assert.NotContains(t, err.Error(), "secret")
			_, incident, ok := strings.Cut(err.Error(), "under incident ")
			require.True(t, ok, err)
			assert.Contains(t, log.String(), "incident="+incident)
			assert.Contains(t, log.String(), "secret")
		})
	}
}

func TestFaultsOfAFileAreDetails(t *testing.T) {
	t.Parallel()
	c := client(t, serve(t, new(apitest.Backend), api.Config{}), "")
	_, err := c.Submit(t.Context(), &messages.SubmitRunsRequest{FileName: "bad.yml", Workflow: []byte("jobs: [\n")})
	assert.Equal(t, connect.CodeInvalidArgument, connect.CodeOf(err))
	faults := api.Faults(err)
	require.NotEmpty(t, faults)
	assert.Equal(t, "bad.yml", faults[0].GetFile())
	assert.NotZero(t, faults[0].GetLine())
	assert.Empty(t, api.Faults(errors.New("another")))
}

func TestBadRequestsAreRefusedBeforeTheBackend(t *testing.T) {
	t.Parallel()
	b := new(apitest.Backend)
	url := serve(t, b, api.Config{})
	long := strings.Repeat("k", api.MaxKeyBytes+1)
	run := apitest.RunID(1)
	many := `{"workflow":"eA==","submissions":[` + strings.Repeat("{},", api.MaxSubmissions) + `{}]}`
	for name, tt := range map[string]struct{ method, body string }{
		"not JSON":               {"GetRun", `{`},
		"unknown field type":     {"GetRun", `{"run_id":7}`},
		"no run ID":              {"GetRun", `{}`},
		"lower case run ID":      {"GetRun", `{"run_id":"` + strings.ToLower(run) + `"}`},
		"run ID with an L":       {"GetRun", `{"run_id":"01L0000000000000000000000L"}`},
		"overflowing run ID":     {"GetRun", `{"run_id":"81K00000000000000000000001"}`},
		"long key":               {"SubmitRuns", `{"workflow":"eA==","submissions":[{"idempotency_key":"` + long + `"}]}`},
		"key with a line end":    {"SubmitRuns", `{"workflow":"eA==","submissions":[{"idempotency_key":"a\nb"}]}`},
		"key with an override":   {"SubmitRuns", `{"workflow":"eA==","submissions":[{"idempotency_key":"a\u202eb"}]}`},
		"too many submissions":   {"SubmitRuns", many},
		"long file name":         {"SubmitRuns", `{"workflow":"eA==","file_name":"` + strings.Repeat("n", 2000) + `"}`},
		"empty workflow":         {"SubmitRuns", `{}`},
		"name of a project":      {"SubmitRuns", `{"workflow":"eA==","project":"Web Site"}`},
		"project of a list":      {"ListRuns", `{"project":"-"}`},
		"retry of nothing":       {"RetryRun", `{}`},
		"long key of a retry":    {"RetryRun", `{"run_id":"` + run + `","idempotency_key":"` + long + `"}`},
		"retry key, line end":    {"RetryRun", `{"run_id":"` + run + `","idempotency_key":"a\nb"}`},
		"limit":                  {"ListRuns", `{"limit":1001}`},
		"unknown state":          {"ListRuns", `{"states":[17]}`},
		"unspecified state":      {"ListRuns", `{"states":[0]}`},
		"before":                 {"ListRuns", `{"before_run_id":"x"}`},
		"cancel of nothing":      {"CancelRun", `{}`},
		"long reason":            {"CancelRun", `{"run_id":"` + run + `","reason":"` + strings.Repeat("r", 2000) + `"}`},
		"reason with an escape":  {"CancelRun", `{"run_id":"` + run + `","reason":"\u001b[2J"}`},
		"job key with line end":  {"CancelRun", `{"run_id":"` + run + `","job_key":"\n"}`},
		"explanation of nothing": {"ExplainJob", `{}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, body := post(t, url, tt.method, tt.body)
			assert.Equal(t, http.StatusBadRequest, status, body)
			assert.Contains(t, body, `"invalid_argument"`)
			assert.Empty(t, b.Submissions())
			assert.Empty(t, b.Cancels())
			assert.Empty(t, b.Retries())
		})
	}
}

func TestABodyThatIsTooLargeIsRefused(t *testing.T) {
	t.Parallel()
	url := serve(t, new(apitest.Backend), api.Config{})
	status, body := post(t, url, "GetRun", `{"run_id":"`+strings.Repeat("A", api.MaxRequestBytes)+`"}`)
	assert.Contains(t, body, "resource_exhausted")
	assert.Equal(t, http.StatusTooManyRequests, status)
}

func TestStreamsEndAndCallsFinishWhenTheServerStops(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}), make(chan struct{})
	b := &apitest.Backend{OnSubmit: func(api.Submission) ([]*messages.SubmittedRun, error) {
		close(entered)
		<-release
		return []*messages.SubmittedRun{{RunId: apitest.RunID(1)}}, nil
	}}
	url, stop := serveUntil(t, b, api.Config{})
	c := client(t, url, "")
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	stream, err := c.RPC().WatchRuns(ctx, connect.NewRequest(&messages.WatchRunsRequest{}))
	require.NoError(t, err)
	defer stream.Close()
	require.True(t, stream.Receive())
	submitted := make(chan error, 1)
	go func() {
		_, err := c.Submit(ctx, submitHello())
		submitted <- err
	}()
	<-entered
	stopped := make(chan struct{})
	go func() {
		stop()
		close(stopped)
	}()
	assert.False(t, stream.Receive(), "the stream ends while the call still runs")
	assert.Equal(t, connect.CodeUnavailable, connect.CodeOf(stream.Err()))
	require.ErrorContains(t, stream.Err(), "stopping")
	close(release)
	require.NoError(t, <-submitted, "the call got its answer")
	<-stopped
	_, err = c.Info(ctx)
	assert.True(t, api.Unreachable(err), err)
}

func TestServeReportsAListenerThatFails(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, ln.Close())
	require.Error(t, api.Serve(t.Context(), ln, http.NotFoundHandler()))
}

func TestTheCacheOfPlansIsBounded(t *testing.T) {
	t.Parallel()
	b := new(apitest.Backend)
	c := client(t, serve(t, b, api.Config{}), "")
	submit := func(name string) *plan.Workflow {
		req := submitHello("")
		req.FileName = name
		_, err := c.Submit(t.Context(), req)
		require.NoError(t, err)
		all := b.Submissions()
		return all[len(all)-1].Plan
	}
	oldest, kept := submit("oldest.yml"), submit("kept.yml")
	for i := range 255 {
		submit(fmt.Sprintf("%d.yml", i))
		require.Same(t, kept, submit("kept.yml"), "what is used stays")
	}
	assert.NotSame(t, oldest, submit("oldest.yml"), "what was not used for the longest time goes")
}

func TestAManyTimesSubmittedFileIsParsedOnce(t *testing.T) {
	t.Parallel()
	b := new(apitest.Backend)
	c := client(t, serve(t, b, api.Config{}), "")
	done := make(chan error, 16)
	for i := range cap(done) {
		go func() {
			_, err := c.Submit(t.Context(), submitHello(fmt.Sprint(i)))
			done <- err
		}()
	}
	for range cap(done) {
		require.NoError(t, <-done)
	}
	plans := make(map[*plan.Workflow]bool)
	for _, s := range b.Submissions() {
		plans[s.Plan] = true
	}
	assert.Len(t, plans, 1)
}
