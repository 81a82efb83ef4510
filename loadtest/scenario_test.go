package loadtest_test

import (
	"bytes"
	"context"
	"errors"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/timestamppb"

	"yardmaster/api"
	"yardmaster/api/apitest"
	"yardmaster/domain/problem"
	"yardmaster/loadtest"
	"yardmaster/messages"
)

// server is a coordinator node that ends every run at once, as far as its API
// can tell, and tells of it as a test decides.
type server struct {
	*apitest.Backend
	// tell returns what the watch says of runs that ended; nil: everything.
	tell func(ends []*messages.RunChange) *messages.WatchRunsResponse
	// refuse is asked before the nth submission, from 1.
	refuse func(n int) error
	state  messages.JobState
	// dial returns one more client, once the server has started.
	dial func() (*api.Client, error)

	mu    sync.Mutex
	calls int
	runs  int
	ends  chan []*messages.RunChange
}

// start returns a client of the server.
func (s *server) start(t *testing.T) loadtest.Target {
	t.Helper()
	s.Backend, s.ends = &apitest.Backend{}, make(chan []*messages.RunChange, 10_000)
	if s.state == 0 {
		s.state = success
	}
	s.OnSubmit, s.OnWatch = s.submit, s.watch
	httpServer := httptest.NewServer(api.NewHandler(s.Backend, api.Config{}))
	t.Cleanup(httpServer.Close)
	s.dial = func() (*api.Client, error) { return api.NewClient(httpServer.URL, "") }
	client, err := s.dial()
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return loadtest.Target{Client: client, Alone: true}
}

func (s *server) submit(sub api.Submission) ([]*messages.SubmittedRun, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	if s.refuse != nil {
		if err := s.refuse(s.calls); err != nil {
			return nil, err
		}
	}
	var runs []*messages.SubmittedRun
	var ends []*messages.RunChange
	now := timestamppb.Now()
	for range sub.Keys {
		s.runs++
		id := apitest.RunID(s.runs)
		runs = append(runs, &messages.SubmittedRun{RunId: id})
		ends = append(ends,
			&messages.RunChange{RunId: id, State: s.state, Attempt: 1, AttemptStartedAt: now}, runEnd(id, s.state))
		s.Put(&messages.Run{RunId: id, State: s.state, SubmittedAt: now, EndedAt: now})
	}
	s.ends <- ends
	return runs, nil
}

func (s *server) watch(ctx context.Context, _ string, send func(*messages.WatchRunsResponse) error) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case ends := <-s.ends:
			res := &messages.WatchRunsResponse{Changes: ends}
			if s.tell != nil {
				res = s.tell(ends)
			}
			if err := send(res); err != nil {
				return err
			}
		}
	}
}

func run(t *testing.T, s loadtest.Scenario, target loadtest.Target) *loadtest.Report {
	t.Helper()
	settings := loadtest.Settings{Timeout: time.Minute, Stall: 20 * time.Millisecond}
	report, err := loadtest.Run(t.Context(), s, target, settings)
	require.NoError(t, err)
	require.NotEmpty(t, report.Text())
	return report
}

func TestABurstFollowsEveryRunToItsEnd(t *testing.T) {
	t.Parallel()
	s := &server{}
	r := run(t, loadtest.Burst{Jobs: 250, Batch: 100, Clients: 2, Keys: true}, s.start(t))
	assert.Empty(t, r.Faults)
	want := loadtest.Counts{Planned: 250, Acknowledged: 250, Finished: 250, Succeeded: 250}
	assert.Equal(t, want, *r.Counts)
	assert.Positive(t, r.Load.Finished)
	require.Len(t, r.Latencies, 2)
	require.Len(t, r.Processes, 1)
	assert.Equal(t, "client", r.Processes[0].Name)
	keys := map[string]bool{}
	for _, sub := range s.Submissions() {
		for _, k := range sub.Keys {
			keys[k] = true
		}
	}
	assert.Len(t, keys, 250, "each submission has a key of its own")
}

func TestABurstObeysRefusals(t *testing.T) {
	t.Parallel()
	s := &server{refuse: func(n int) error {
		if n%2 == 1 {
			return problem.RetryIn(problem.Exhausted, time.Millisecond, "full")
		}
		return nil
	}}
	r := run(t, loadtest.Burst{Jobs: 40, Batch: 10, Clients: 1}, s.start(t))
	assert.Empty(t, r.Faults)
	assert.Equal(t, 4, r.Counts.Refused)
	assert.Equal(t, 40, r.Counts.Finished)
}

func TestABurstReportsWhatCannotBeSubmitted(t *testing.T) {
	t.Parallel()
	s := &server{refuse: func(n int) error {
		if n == 2 {
			return errors.New("broken")
		}
		return nil
	}}
	r := run(t, loadtest.Burst{Jobs: 40, Batch: 10, Clients: 1}, s.start(t))
	assert.Equal(t, []string{"10 submissions failed"}, r.Faults)
	assert.NotEmpty(t, r.Counts.FirstError)
}

func TestABurstReportsRunsThatFail(t *testing.T) {
	t.Parallel()
	s := &server{state: failed}
	r := run(t, loadtest.Burst{Jobs: 10, Batch: 10, Clients: 1}, s.start(t))
	assert.Equal(t, []string{"10 runs ended, but not as SUCCESS"}, r.Faults)
}

func TestAWatchThatDropsChangesIsMadeUpForByLists(t *testing.T) {
	t.Parallel()
	s := &server{tell: func([]*messages.RunChange) *messages.WatchRunsResponse {
		return &messages.WatchRunsResponse{Resync: true}
	}}
	r := run(t, loadtest.Burst{Jobs: 1500, Batch: 100, Clients: 2}, s.start(t))
	assert.Empty(t, r.Faults)
	assert.Equal(t, 1500, r.Counts.Listed)
	assert.Positive(t, r.Counts.Resyncs)
	assert.Positive(t, r.Load.Finished)
}

func TestAWatchThatDropsChangesInSilenceIsAFault(t *testing.T) {
	t.Parallel()
	s := &server{tell: func(ends []*messages.RunChange) *messages.WatchRunsResponse {
		return &messages.WatchRunsResponse{Changes: ends[2:]}
	}}
	r := run(t, loadtest.Burst{Jobs: 30, Batch: 10, Clients: 1}, s.start(t))
	assert.Equal(t, []string{"the watch never told of 3 ends, nor that it had dropped any; ListRuns had them"}, r.Faults)
}

func TestARunThatIsNowhereIsLost(t *testing.T) {
	t.Parallel()
	s := &server{tell: func(ends []*messages.RunChange) *messages.WatchRunsResponse {
		return &messages.WatchRunsResponse{Changes: ends[2:]}
	}}
	target := s.start(t)
	s.OnSubmit = func(sub api.Submission) ([]*messages.SubmittedRun, error) {
		runs, err := s.submit(sub)
		s.Put(&messages.Run{RunId: runs[0].GetRunId(), State: running, SubmittedAt: timestamppb.Now()})
		return runs, err
	}
	r := run(t, loadtest.Burst{Jobs: 10, Batch: 10, Clients: 1}, target)
	assert.Equal(t, []string{"1 runs were acknowledged and did not end"}, r.Faults)
}

func TestAScenarioEndsWithItsTime(t *testing.T) {
	t.Parallel()
	s := &server{tell: func([]*messages.RunChange) *messages.WatchRunsResponse { return &messages.WatchRunsResponse{} }}
	target := s.start(t)
	r, err := loadtest.Run(t.Context(), loadtest.Burst{Jobs: 10, Batch: 10, Clients: 1}, target,
		loadtest.Settings{Timeout: 300 * time.Millisecond})
	require.NoError(t, err)
	assert.Contains(t, r.Faults, "it was not over after 300ms")
}

func TestSteadyKeepsItsRateAndCountsFromTheIntendedStart(t *testing.T) {
	t.Parallel()
	s := &server{}
	const block = 50 * time.Millisecond
	s.refuse = func(n int) error {
		if n == 100 { // the others, behind the same lock, are late from here on
			timer := time.NewTimer(block)
			<-timer.C
		}
		return nil
	}
	steady := loadtest.Steady{Rate: 400, Duration: 500 * time.Millisecond, Clients: 4, Keys: true}
	r := run(t, steady, s.start(t))
	assert.Empty(t, r.Faults)
	assert.Equal(t, 200, r.Counts.Finished)
	assert.InDelta(t, 400, r.Load.Offered, 0)
	names := map[string]loadtest.Latency{}
	for _, l := range r.Latencies {
		names[l.Name] = l
	}
	require.Contains(t, names, "submit to start")
	require.Contains(t, names, "submit to finished")
	// 20 submissions were intended during the block and only 4 calls can wait in
	// it: a closed loop would have seen no more than 4 slow ones.
	assert.EqualValues(t, 200, names["submit to acknowledged"].Count)
	assert.Greater(t, names["submit to acknowledged"].P95, 10.0)
	assert.Greater(t, names["intended to sent"].Max, 10.0)
}

func TestSteadyLeavesItsWarmupOut(t *testing.T) {
	t.Parallel()
	steady := loadtest.Steady{Rate: 200, Duration: 400 * time.Millisecond, Warmup: 200 * time.Millisecond, Clients: 8}
	r := run(t, steady, (&server{}).start(t))
	assert.Equal(t, 80, r.Counts.Finished)
	assert.EqualValues(t, 40, r.Latencies[0].Count)
}

func TestQueuedWeighsTheServerAndCancelsWhatItQueuedForOthers(t *testing.T) {
	t.Parallel()
	s := &server{}
	target := s.start(t)
	target.Alone = false
	var asked int
	queued := loadtest.Queued{
		Jobs: 25, Batch: 10, Clients: 2, Settle: time.Minute,
		Metrics: func(context.Context) ([]byte, error) {
			asked++
			texts := []string{
				"", metricsText(1000, 5000, 1), metricsText(9000, 9000, 4), metricsText(3000, 8000, 5), // it had begun before
				metricsText(4500, 7500, 6), metricsText(3500, 7500, 6),
			}
			if asked < len(texts) {
				return []byte(texts[asked]), nil
			}
			return []byte(metricsText(8000, 7500, 6)), nil // new garbage
		},
	}
	r := run(t, queued, target)
	assert.Empty(t, r.Faults)
	want := loadtest.Memory{
		Jobs: 25, RSSBefore: 5000, RSSAfter: 7500, RSSPerJob: 100, HeapBefore: 1000, HeapAfter: 3500, HeapPerJob: 100,
		Collections: 2,
	}
	assert.Equal(t, want, *r.Memory)
	assert.Len(t, s.Cancels(), 25)
	assert.Contains(t, string(loadtest.Workflow("loadtest-nobody")), "runs-on: [loadtest-nobody]")
}

func TestIdleWorkersThatCannotJoinAreToldOfAndTheOthersStopped(t *testing.T) {
	t.Parallel()
	var stopped atomic.Int32
	queued := loadtest.Queued{
		Jobs: 1, Batch: 1, Clients: 1, Idle: 3,
		Metrics: func(context.Context) ([]byte, error) { return nil, nil },
		Join: func(_ context.Context, _, id string) (func(context.Context) error, error) {
			if id == "loadtest-idle-2" {
				return nil, errors.New("no way in")
			}
			return func(context.Context) error { stopped.Add(1); return nil }, nil
		},
	}
	_, err := loadtest.Run(t.Context(), queued, (&server{}).start(t), loadtest.Settings{Timeout: time.Minute})
	require.ErrorContains(t, err, "no way in")
	assert.Equal(t, int32(2), stopped.Load())
}

func TestMailboxMeasuresEachWay(t *testing.T) {
	t.Parallel()
	r := run(t, loadtest.Mailbox{Messages: 1000, Rounds: 3}, loadtest.Target{})
	require.Len(t, r.Rates, 6)
	for _, rate := range r.Rates {
		assert.Positive(t, rate.Least, rate.Name)
		assert.LessOrEqual(t, rate.Least, rate.Median, rate.Name)
		assert.LessOrEqual(t, rate.Median, rate.Most, rate.Name)
	}
}

func TestParametersHaveBounds(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		s    loadtest.Scenario
		want string
	}{
		{"no jobs", loadtest.Burst{Batch: 1, Clients: 1}, "jobs is 0"},
		{"too large a batch", loadtest.Burst{Jobs: 1, Batch: 1001, Clients: 1}, "batch is 1001"},
		{"no clients", loadtest.Queued{Jobs: 1, Batch: 1}, "clients is 0"},
		{"fewer workers than none", loadtest.Queued{Jobs: 1, Batch: 1, Clients: 1, Idle: -1}, "idle is -1"},
		{"no rate", loadtest.Steady{Duration: time.Second, Clients: 1}, "rate x duration is 0"},
		{"all warmup", loadtest.Steady{Rate: 1, Duration: time.Second, Warmup: time.Second, Clients: 1}, "warmup is 1s"},
		{"no rounds", loadtest.Mailbox{Messages: 8}, "rounds is 0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := loadtest.Run(t.Context(), tt.s, loadtest.Target{}, loadtest.Settings{Timeout: time.Second})
			assert.ErrorContains(t, err, tt.want)
		})
	}
	for _, s := range []loadtest.Scenario{
		loadtest.Burst{Jobs: 1, Batch: 1, Clients: 1},
		loadtest.Queued{Jobs: 1, Batch: 1, Clients: 1},
		loadtest.Steady{Rate: 1, Duration: time.Second, Clients: 1},
	} {
		_, err := loadtest.Run(t.Context(), s, loadtest.Target{}, loadtest.Settings{Timeout: time.Second})
		assert.ErrorIs(t, err, loadtest.ErrNoServer, s.Name())
	}
}

func TestProgressIsWrittenLineByLine(t *testing.T) {
	t.Parallel()
	for _, terminal := range []bool{true, false} {
		var out bytes.Buffer // written by one goroutine, read when it has ended
		_, err := loadtest.Run(t.Context(), loadtest.Burst{Jobs: 10, Batch: 10, Clients: 1}, (&server{}).start(t),
			loadtest.Settings{Timeout: time.Minute, Progress: loadtest.NewProgress(&out, terminal)})
		require.NoError(t, err)
		assert.Contains(t, out.String(), "submitted 10 of 10")
		assert.Equal(t, terminal, bytes.Contains(out.Bytes(), []byte("\x1b[K")))
	}
}
