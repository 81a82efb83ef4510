package loadtest

import (
	"context"
	"crypto/rand"
	"fmt"
	mrand "math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"connectrpc.com/connect"

	"yardmaster/api"
	"yardmaster/messages"
)

const (
	callTimeout = 30 * time.Second
	shortest    = 5 * time.Millisecond // wait before a call is made again
	keyDigits   = 12                   // of what tells our keys from those of another load test
	brokenTries = 8                    // of a call that was not answered
	noop        = `name: loadtest
on: workflow_dispatch
jobs:
  noop:
%s    yardmaster: {executor: noop}
    steps:
      - run: nothing
`
)

// workflow returns the file that is submitted: one job that starts no process, for
// any worker, or for those with a label.
func workflow(label string) []byte {
	if label != "" {
		label = "    runs-on: [" + label + "]\n"
	}
	return fmt.Appendf(nil, noop, label)
}

// submitter submits runs, and makes calls again when the server asks for it.
type submitter struct {
	client   *api.Client
	workflow []byte
	project  string // empty: the default
	keys     string // their beginning; empty means without keys
	refused  atomic.Int64
	failed   atomic.Int64 // submissions, not calls

	mu    sync.Mutex
	first error
}

func newSubmitter(client *api.Client, file []byte, keys bool) *submitter {
	s := &submitter{client: client, workflow: file}
	if keys {
		s.keys = "loadtest-" + rand.Text()[:keyDigits] + "-"
	}
	return s
}

// request returns an empty request for up to size runs, to be used again and again.
func (s *submitter) request(size int) *messages.SubmitRunsRequest {
	all := make([]messages.Submission, size)
	req := &messages.SubmitRunsRequest{
		FileName: "loadtest.yml", Workflow: s.workflow, Project: s.project,
		Submissions: make([]*messages.Submission, size),
	}
	for i := range all {
		req.Submissions[i] = &all[i]
	}
	return req
}

// submit starts the runs first, first+1, ... of the scenario, as many as req has
// submissions. It returns nil when it gave up, which is counted.
func (s *submitter) submit(ctx context.Context, req *messages.SubmitRunsRequest, first int) []*messages.SubmittedRun {
	if s.keys != "" {
		for i, r := range req.GetSubmissions() {
			r.IdempotencyKey = s.keys + strconv.Itoa(first+i)
		}
	}
	for try := 1; ; try++ {
		runs, err := s.call(ctx, req)
		if err == nil {
			return runs
		}
		wait, again := s.again(err, try)
		if !again || !sleep(ctx, wait) {
			s.fail(err, len(req.GetSubmissions()))
			return nil
		}
		s.refused.Add(1)
	}
}

func (s *submitter) call(ctx context.Context, req *messages.SubmitRunsRequest) ([]*messages.SubmittedRun, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	res, err := s.client.RPC().SubmitRuns(ctx, connect.NewRequest(req))
	if err != nil {
		return nil, err
	}
	return res.Msg.GetRuns(), nil
}

// again says whether a call may be made again, and when. A refusal is obeyed for
// as long as the scenario lasts; a call without an answer is made again a few
// times, and only when its keys keep it from starting anything twice.
func (s *submitter) again(err error, try int) (time.Duration, bool) {
	hint := api.RetryAfter(err)
	switch connect.CodeOf(err) { //nolint:exhaustive // the others are final
	case connect.CodeResourceExhausted:
		return hint, hint > 0
	case connect.CodeUnavailable:
		return max(hint, 100*time.Millisecond), s.keys != "" && try < brokenTries
	}
	return 0, false
}

func (s *submitter) fail(err error, runs int) {
	s.failed.Add(int64(runs))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.first == nil {
		s.first = err
	}
}

// count puts what happened to the calls into the report.
func (s *submitter) count(c *Counts) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.Refused, c.Errors = int(s.refused.Load()), int(s.failed.Load())
	if s.first != nil {
		c.FirstError = s.first.Error()
	}
}

// sleep waits for d and up to half of it more, and reports whether ctx allows it.
func sleep(ctx context.Context, d time.Duration) bool {
	d = max(d, shortest)
	return pause(ctx, d+mrand.N(d/2)) //nolint:gosec // jitter is no secret
}

// pause waits for d, without jitter, and reports whether ctx allows it.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// torrent submits runs in batches from several clients at once, each with one call
// under way, as fast as they are accepted. taken gets each answer, with the times
// before and after the call.
type torrent struct {
	first                int // number of the first run
	runs, batch, clients int
	now                  func() int64
	taken                func(runs []*messages.SubmittedRun, sent, now int64)
}

func (f *torrent) pour(ctx context.Context, s *submitter) {
	var next atomic.Int64
	var clients sync.WaitGroup
	for range f.clients {
		clients.Go(func() {
			req := s.request(f.batch)
			all := req.Submissions
			for ctx.Err() == nil {
				first := int(next.Add(int64(f.batch))) - f.batch
				if first >= f.runs {
					return
				}
				req.Submissions = all[:min(f.batch, f.runs-first)]
				sent := f.now()
				if runs := s.submit(ctx, req, f.first+first); runs != nil {
					f.taken(runs, sent, f.now())
				}
			}
		})
	}
	clients.Wait()
}
