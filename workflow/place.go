package workflow

import (
	"slices"
	"strings"

	"yardmaster/workflow/expr"
)

// place is where in a file an expression stands. It decides what the expression may
// use, as GitHub's schema of workflows says, and who evaluates it.
type place uint8

const (
	inRunName   place = iota // and whatever else is evaluated once, at submission
	inEnv                    // of the workflow; from here on, it is the worker that evaluates
	inStrategy               // evaluated at submission
	inJob                    // name, runs-on, timeout-minutes, ...: at submission, for each cell
	inCondition              // of a job: by the owner of the run
	inJobEnv                 // by the worker, as all below
	inDefaults               // of a job
	inOutputs                // of a job
	inStepIf
	inScript
	inStep
	places // how many there are
)

// submitted reports whether expressions there are evaluated at submission.
func (p place) submitted() bool { return p == inRunName || p == inStrategy || p == inJob }

// contexts returns the contexts that are there. What GitHub has beside them, refuse has a
// better word about.
func (p place) contexts() []string {
	base := []string{"github", "inputs", "vars"}
	switch p {
	case inEnv:
		return append(base, "secrets")
	case inCondition:
		return append(base, "needs")
	case inJob:
		return append(base, "strategy", "matrix")
	case inJobEnv:
		return append(base, "needs", "strategy", "matrix", "secrets")
	case inDefaults:
		return append(base, "needs", "strategy", "matrix", "env")
	case inStepIf, inScript:
		return append(base, "needs", "strategy", "matrix", "steps", "job", "runner", "env")
	case inOutputs, inStep:
		return append(base, "needs", "strategy", "matrix", "secrets", "steps", "job", "runner", "env")
	case inRunName, inStrategy, places:
	}
	return base
}

// functions returns the functions that are there and not everywhere.
func (p place) functions() []string {
	status := []string{"success", "failure", "always", "cancelled"}
	switch p {
	case inCondition:
		return status
	case inStepIf:
		return append(status, "hashFiles")
	case inScript, inStep:
		return []string{"hashFiles"}
	case inRunName, inEnv, inStrategy, inJob, inJobEnv, inDefaults, inOutputs, places:
	}
	return nil
}

// refuse returns what is wrong with using r there, if it is something that a Scope does
// not say.
func (p place) refuse(r *expr.Reference, s *surroundings) (message, hint string) {
	switch {
	case (p == inStrategy || p == inJob) && r.Context == "needs":
		return "needs is not known before the run begins",
			"what depends on other jobs can stand in the steps, the env, the outputs and the if of a job"
	case p.submitted() && r.Context == "github" && len(r.Path) > 0 && isLate(r.Path[0]):
		return "github." + r.Path[0] + " is not known before the run begins", "it can stand in the steps of a job"
	case p == inScript && r.Context == "secrets":
		return "a secret cannot stand in a script",
			"give it to the step in env, as TOKEN: ${{ secrets.TOKEN }}, and have the script read the variable"
	case p >= inOutputs && r.Context == "steps" && len(r.Path) > 0:
		return s.later(r.Path[0])
	}
	return "", ""
}

// late are the properties of github that are not known at submission: the run has them,
// or only the worker.
func late() []string {
	return []string{
		"action", "action_path", "action_ref", "action_repository", "action_status", "env", "event_path", "job", "path",
		"run_attempt", "run_id", "run_number", "token", "workspace",
	}
}

func isLate(property string) bool { return slices.Contains(late(), strings.ToLower(property)) }
