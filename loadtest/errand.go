package loadtest

import (
	"context"
	"fmt"
	"time"

	"yardmaster/messages"
)

// errand is what a user has a server do, from the submission to the end.
type errand struct {
	name  string
	share int // of all errands together
	file  string
	want  messages.JobState // that its run ends in
	// meanwhile does something about the run once it is acknowledged, and afterwards
	// once it has ended.
	meanwhile, afterwards func(ctx context.Context, e *errands, run string) error
}

const (
	noopStep = "    yardmaster: {executor: noop}\n    steps: [{run: nothing}]\n"
	logLines = 200
)

// allErrands are few processes beside many jobs that start none, so that an hour of
// them leaves a machine to others.
func allErrands() []errand {
	success, failed, cancelled := messages.JobState_JOB_STATE_SUCCESS, messages.JobState_JOB_STATE_FAILED,
		messages.JobState_JOB_STATE_CANCELLED
	script := func(s string) string { return "  a:\n    steps:\n      - shell: sh\n        run: " + s + "\n" }
	return []errand{
		{name: "one job", share: 640, want: success, file: "  a:\n" + noopStep},
		{name: "a graph", share: 100, want: success, file: "  a:\n" + noopStep + "  b:\n    needs: a\n" + noopStep +
			"  c:\n    needs: a\n" + noopStep + "  d:\n    needs: [b, c]\n" + noopStep},
		{
			name: "a matrix", share: 80, want: success,
			file: "  a:\n    strategy:\n      matrix: {n: [1, 2, 3, 4]}\n" + noopStep,
		},
		{name: "a repeated key", share: 50, want: success, file: "  a:\n" + noopStep, meanwhile: repeatSubmission},
		{
			name: "a queued job that is cancelled", share: 80, want: cancelled,
			file: "  a:\n    runs-on: [" + nobody + "]\n" + noopStep, meanwhile: cancelRun,
		},
		{
			name: "a running job that is cancelled", share: 10, want: cancelled, file: script("sleep 300"),
			meanwhile: cancelSoon,
		},
		{name: "a log that is read", share: 15, want: success, afterwards: readLog, file: script(logScript())},
		{name: "a log that is followed", share: 5, want: success, meanwhile: readLog, file: script(logScript())},
		{name: "a job that fails and is retried", share: 10, want: failed, file: script("exit 3"), afterwards: retryRun},
		{
			name: "a job that is tried twice", share: 10, want: failed,
			file: "  a:\n    yardmaster:\n      retry: {attempts: 2, delay: 500ms}\n" + script("exit 4")[len("  a:\n"):],
		},
	}
}

func logScript() string {
	return fmt.Sprintf("i=0; while [ $i -lt %d ]; do i=$((i+1)); echo \"line $i of a log\"; done", logLines)
}

// errandAt spreads the errands evenly over the numbers of submissions.
func errandAt(all []errand, number int) *errand {
	total := 0
	for i := range all {
		total += all[i].share
	}
	const stride = 613 // a prime, so that it visits every place
	place := number * stride % total
	for i := range all {
		if place -= all[i].share; place < 0 {
			return &all[i]
		}
	}
	return &all[0]
}

func cancelRun(ctx context.Context, e *errands, run string) error {
	return e.client.Cancel(ctx, &messages.CancelRunRequest{RunId: run, Reason: "the load test wants it so"})
}

// cancelSoon cancels a run that, in all likelihood, runs by then. It ends the same if
// it does not.
func cancelSoon(ctx context.Context, e *errands, run string) error {
	if !sleep(ctx, time.Second) {
		return ctx.Err()
	}
	return cancelRun(ctx, e, run)
}

// readLog reads or follows the log of the only job to its end.
func readLog(ctx context.Context, e *errands, run string) error {
	complete := false
	req := &messages.ReadLogRequest{RunId: run, Follow: true}
	err := e.client.ReadLog(ctx, req, func(res *messages.ReadLogResponse) error {
		complete = complete || res.GetEnd().GetComplete()
		return nil
	})
	if err == nil && !complete {
		err = fmt.Errorf("loadtest: the log of run %s is not complete", run)
	}
	return err
}

// retryRun tries what failed of a run again, which fails again.
func retryRun(ctx context.Context, e *errands, run string) error {
	req := &messages.RetryRunRequest{RunId: run, FailedOnly: true, IdempotencyKey: "retry-" + run}
	res, err := e.client.Retry(ctx, req)
	if err != nil {
		return err
	}
	return e.ends(ctx, res.GetRun().GetRunId(), messages.JobState_JOB_STATE_FAILED)
}

// repeatSubmission submits under the same key again, which answers the same run.
func repeatSubmission(ctx context.Context, e *errands, run string) error {
	r, err := e.client.Run(ctx, run)
	if err != nil || r.GetIdempotencyKey() == "" {
		return err
	}
	again, err := e.client.Submit(ctx, e.request(r.GetIdempotencyKey(), "  a:\n"+noopStep))
	if err == nil && (again[0].GetRunId() != run || !again[0].GetExisting()) {
		err = fmt.Errorf("loadtest: key %s answered run %s and then %s", r.GetIdempotencyKey(), run, again[0].GetRunId())
	}
	return err
}
