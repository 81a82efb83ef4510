package plan

import "fmt"

// The texts below say which thing it is and no more: a variable's value or a
// script may be a secret, and what is printed ends up in logs.

// String names the workflow and counts its jobs.
func (w Workflow) String() string {
	return fmt.Sprintf("workflow %q with %d jobs", w.Name, len(w.Jobs))
}

// String returns the job's key.
func (j Job) String() string { return j.Key }

// String returns the variable's name, and hides its value.
func (v Var) String() string { return v.Name + "=***" }

// String returns the key, and hides its value.
func (v MatrixValue) String() string { return v.Name + "=***" }

// String returns the step's name.
func (s Step) String() string { return s.Name }
