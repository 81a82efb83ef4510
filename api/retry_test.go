package api_test

import (
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/api"
	"yardmaster/api/apitest"
	"yardmaster/domain/problem"
	"yardmaster/messages"
)

func TestARetryReachesTheBackend(t *testing.T) {
	t.Parallel()
	principals := []string{}
	b := &apitest.Backend{OnRetry: func(_ *messages.RetryRunRequest, who string) (*messages.RetryRunResponse, error) {
		principals = append(principals, who)
		return &messages.RetryRunResponse{Run: &messages.SubmittedRun{RunId: apitest.RunID(2)}, Reused: 3}, nil
	}}
	c := client(t, serve(t, b, api.Config{}), "")
	res, err := c.Retry(t.Context(), &messages.RetryRunRequest{
		RunId: apitest.RunID(1), FailedOnly: true, IdempotencyKey: "k",
	})
	require.NoError(t, err)
	assert.Equal(t, apitest.RunID(2), res.GetRun().GetRunId())
	assert.EqualValues(t, 3, res.GetReused())
	require.Len(t, b.Retries(), 1)
	assert.True(t, b.Retries()[0].GetFailedOnly())
	assert.Equal(t, []string{api.LocalPrincipal}, principals)
}

func TestARetryWithAKeyIsRepeatedWhenTheServerIsBusy(t *testing.T) {
	t.Parallel()
	calls := 0 // calls come one after the other
	b := &apitest.Backend{OnRetry: func(*messages.RetryRunRequest, string) (*messages.RetryRunResponse, error) {
		if calls++; calls < 3 {
			return nil, problem.RetryIn(problem.Exhausted, time.Millisecond, "project web has its share of the queue")
		}
		return &messages.RetryRunResponse{Run: &messages.SubmittedRun{RunId: apitest.RunID(2)}}, nil
	}}
	c := client(t, serve(t, b, api.Config{}), "")
	_, err := c.Retry(t.Context(), &messages.RetryRunRequest{RunId: apitest.RunID(1), IdempotencyKey: "k"})
	require.NoError(t, err)
	assert.Equal(t, 3, calls)

	calls = 0
	_, err = c.Retry(t.Context(), &messages.RetryRunRequest{RunId: apitest.RunID(1)})
	assert.Equal(t, connect.CodeResourceExhausted, connect.CodeOf(err), "without a key it could run twice")
	assert.Equal(t, 1, calls)
}

func TestASubmissionHasItsProjectAndItsWarnings(t *testing.T) {
	t.Parallel()
	b := &apitest.Backend{Warnings: []string{"no worker is connected"}}
	c := client(t, serve(t, b, api.Config{}), "")
	req := submitHello("k")
	req.Project = "web"
	res, err := c.SubmitRuns(t.Context(), req)
	require.NoError(t, err)
	assert.Equal(t, []string{"no worker is connected"}, res.GetWarnings())
	assert.Len(t, res.GetRuns(), 1)
	assert.Equal(t, "web", b.Submissions()[0].Project)

	b.Put(&messages.Run{RunId: apitest.RunID(1), Project: "web"})
	b.Put(&messages.Run{RunId: apitest.RunID(2), Project: "api"})
	runs, err := c.Runs(t.Context(), &messages.ListRunsRequest{Project: "web"})
	require.NoError(t, err)
	require.Len(t, runs, 1)
	assert.Equal(t, apitest.RunID(1), runs[0].GetRunId())
}
