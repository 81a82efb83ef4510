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
	for _, a := range j.Attempts {
		if a.Result.Outcome == job.OutcomeUnknown || a.Result.Outcome == job.OutcomeSucceeded {
			continue
		}
		reasons = append(reasons, fmt.Sprintf("attempt %d on worker %s ended: %s (%s)", a.Number, a.Worker,
			describe(a.Result), blame(a.Result.Fault)))
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

func describe(r job.Result) string {
	if r.Reason != "" {
		return r.Reason
	}
	return fmt.Sprintf("exit code %d", r.ExitCode)
}

func blame(f job.Fault) string {
	switch f {
	case job.FaultUser:
		return "fault of the job itself"
	case job.FaultInfrastructure:
		return "fault of the infrastructure"
	case job.FaultSystem:
		return "fault of Yardmaster"
	case job.FaultNone:
	}
	return "nobody's fault"
}
