package api_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/timestamppb"

	"yardmaster/api"
	"yardmaster/api/apitest"
	"yardmaster/messages"
)

// contextThatIsOver returns a context under which a watch ends at once.
func contextThatIsOver(t testing.TB) (context.Context, context.CancelFunc) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx, cancel
}

// discard is a backend that does as little as it can.
type discard struct {
	*apitest.Backend
	answer []*messages.SubmittedRun
}

func (d discard) Submit(context.Context, api.Submission) ([]*messages.SubmittedRun, error) {
	return d.answer, nil
}

// BenchmarkSubmitRuns submits 100 runs a call, client and server together.
func BenchmarkSubmitRuns(b *testing.B) {
	req, d := submitHello(), discard{Backend: new(apitest.Backend)}
	for i := range 100 {
		req.Submissions = append(req.Submissions, &messages.Submission{IdempotencyKey: fmt.Sprintf("load-test-key-%d", i)})
		d.answer = append(d.answer, &messages.SubmittedRun{RunId: apitest.RunID(i)})
	}
	c := client(b, serve(b, d, api.Config{}), "")
	b.ReportAllocs()
	for b.Loop() {
		_, err := c.Submit(b.Context(), req)
		require.NoError(b, err)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/100, "ns/run")
}

// BenchmarkWatchRuns streams changes in groups of 100, client and server together.
func BenchmarkWatchRuns(b *testing.B) {
	const group = 100
	res := new(messages.WatchRunsResponse)
	for i := range group {
		res.Changes = append(res.Changes, &messages.RunChange{
			RunId: apitest.RunID(i), State: messages.JobState_JOB_STATE_SUCCESS, At: timestamppb.New(time.Unix(1, 2)),
			Attempt: 1, WorkerId: "worker-1",
		})
	}
	n := 0
	backend := &apitest.Backend{OnWatch: func(
		_ context.Context, _ string, send func(*messages.WatchRunsResponse) error,
	) error {
		for range n {
			if err := send(res); err != nil {
				return err
			}
		}
		return nil
	}}
	c := client(b, serve(b, backend, api.Config{}), "")
	b.ReportAllocs()
	n = b.N
	got := 0
	b.ResetTimer()
	err := c.Watch(b.Context(), "", func(res *messages.WatchRunsResponse) error {
		got += len(res.GetChanges())
		return nil
	})
	require.NoError(b, err)
	require.Equal(b, n*group, got)
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(got), "ns/change")
}
