package actors

import (
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"yardmaster/domain/job"
	"yardmaster/domain/ledger"
	"yardmaster/domain/placement"
	"yardmaster/domain/run"
	"yardmaster/messages"
)

// explainState says in plain words why a job stands where it stands, as far as
// its own history and its run's say. held is the run that goes before its own, or "".
func explainState(e *ledger.Entry, j *job.Job, held run.ID) []string {
	var reasons []string
	switch {
	case j.State.Final():
		reasons = append(reasons, explainEnd(j))
		if last := whyTheLast(j); last != "" {
			reasons = append(reasons, last)
		}
	case j.Cancelling:
		reasons = append(reasons, "it is being cancelled: "+j.Reason)
	case j.Preempting != "":
		reasons = append(reasons, "it is being stopped, and will be queued again: "+j.Preempting)
	case j.Open:
		a := j.Attempts[len(j.Attempts)-1]
		reasons = append(reasons, fmt.Sprintf("attempt %d runs on worker %s since %s", a.Number, a.Worker,
			a.AssignedAt.Local().Format(time.TimeOnly)))
	case !e.Released(j.ID.Index) && held != "":
		reasons = append(reasons, fmt.Sprintf("its run waits for run %s: of the concurrency group %q one goes on at a time",
			held, e.Run.Plan.Concurrency.Group))
	case !e.Released(j.ID.Index):
		end := "to succeed"
		if j.Spec.AsksStatus {
			end = "to end"
		}
		if needs := e.Run.WaitsFor(j.ID.Index); len(needs) > 0 {
			reasons = append(reasons, "it needs "+strings.Join(needs, ", ")+" "+end+" first")
		} else {
			reasons = append(reasons, "as many jobs of its matrix run as max-parallel allows")
		}
	case j.Wait > 0:
		reasons = append(reasons, fmt.Sprintf("it waits %s before attempt %d", j.Wait.Round(time.Millisecond),
			len(j.Attempts)+1))
	}
	if n := j.Preempted(); n > 0 && !j.State.Final() {
		reasons = append(reasons, fmt.Sprintf(
			"it gave way to jobs of higher priority %d of at most %d times: that counts against none of its attempts",
			n, job.MaxPreempted))
	}
	return reasons
}

func explainEnd(j *job.Job) string {
	text := "it ended: " + j.State.String()
	if cause := j.Cause.String(); cause != "" {
		text += " (" + cause + ")"
	}
	if j.Reason != "" {
		text += ": " + j.Reason
	}
	return text
}

// whyTheLast says of a job that failed in an attempt why no other one followed.
func whyTheLast(j *job.Job) string {
	if j.State != job.Failed || j.Cause != job.CauseNone || len(j.Attempts) == 0 {
		return ""
	}
	last, policy := j.Attempts[len(j.Attempts)-1].Result, j.Spec.Retry
	switch {
	case last.Fault != job.FaultUser:
		return fmt.Sprintf("it was lost %d times, and is tried again after a loss at most %d times", j.Lost, job.MaxLost)
	case policy.MaxAttempts <= 1:
		return "its file asks for no retry"
	case j.Tries >= policy.MaxAttempts:
		return fmt.Sprintf("its file allows %d attempts, and they are used up", policy.MaxAttempts)
	}
	return fmt.Sprintf("its file asks for no retry after exit code %d", last.ExitCode)
}

// explainWait adds why a job waits for a worker.
func explainWait(out *messages.ExplainJobResponse, why *placement.Explanation) {
	out.Queued, out.Ahead = why.Waiting, uint32(why.Ahead)
	out.Reasons = append(out.Reasons, why.Lines()...)
	out.Workers, out.Matching, out.Ready = uint32(why.Workers), uint32(why.Fitting), uint32(why.Ready)
	out.Never = why.Waiting && why.Fitting == 0
	if !why.FreeAt.IsZero() {
		out.FreeAt = timestamppb.New(why.FreeAt)
	}
	for _, r := range why.First {
		ahead := &messages.JobAhead{
			RunId: string(r.Job.Run), JobIndex: r.Job.Index, Project: r.Project, Priority: int32(r.Priority), Why: string(r.Why),
		}
		if !r.QueuedAt.IsZero() {
			ahead.QueuedAt = timestamppb.New(r.QueuedAt)
		}
		out.FirstAhead = append(out.FirstAhead, ahead)
	}
	for _, x := range why.Excluded {
		out.Excluded = append(out.Excluded, &messages.Excluded{
			Filter: x.Filter, Workers: uint32(x.Workers), Reason: x.Reason,
		})
	}
	for _, b := range why.Bounds {
		out.Limits = append(out.Limits, b.Reason)
	}
}
