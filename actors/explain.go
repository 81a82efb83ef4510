package actors

import (
	"fmt"
	"strings"
	"time"

	"yardmaster/domain/job"
	"yardmaster/domain/ledger"
)

// explainState says in plain words why a job stands where it stands, as far as
// its own history and its run's say.
func explainState(e *ledger.Entry, j *job.Job) []string {
	var reasons []string
	switch {
	case j.State.Final():
		reasons = append(reasons, explainEnd(j))
		if last := whyTheLast(j); last != "" {
			reasons = append(reasons, last)
		}
	case j.Cancelling:
		reasons = append(reasons, "it is being cancelled: "+j.Reason)
	case j.Open:
		a := j.Attempts[len(j.Attempts)-1]
		reasons = append(reasons, fmt.Sprintf("attempt %d runs on worker %s since %s", a.Number, a.Worker,
			a.AssignedAt.Local().Format(time.TimeOnly)))
	case !e.Released(j.ID.Index):
		if needs := e.Run.WaitsFor(j.ID.Index); len(needs) > 0 {
			reasons = append(reasons, "it needs "+strings.Join(needs, ", ")+" to succeed first")
		} else {
			reasons = append(reasons, "as many jobs of its matrix run as max-parallel allows")
		}
	case j.Wait > 0:
		reasons = append(reasons, fmt.Sprintf("it waits %s before attempt %d", j.Wait.Round(time.Millisecond),
			len(j.Attempts)+1))
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
