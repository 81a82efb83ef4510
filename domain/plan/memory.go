package plan

// What the parts of a plan take beside their texts, in bytes. A test holds them to
// the truth.
const (
	workflowBytes = 152
	jobBytes      = 352
	stepBytes     = 216
	varBytes      = 32
	cellBytes     = 48
	groupBytes    = 16
	textBytes     = 16
	numberBytes   = 8
)

// Memory estimates how many bytes a plan takes while it is held, if it shares nothing
// with another.
func (w *Workflow) Memory() int {
	n := workflowBytes + len(w.Name) + len(w.RunName) + len(w.Context) + len(w.Concurrency.Group) + texts(w.On) +
		groupBytes*len(w.Groups)
	for i := range w.Jobs {
		n += w.Jobs[i].memory()
	}
	return n
}

func (j *Job) memory() int {
	n := jobBytes + len(j.Key) + len(j.ID) + len(j.Name) + len(j.Executor) + texts(j.RunsOn) +
		numberBytes*(len(j.Needs)+len(j.Retry.ExitCodes)) + vars(j.Env) + vars(j.Outputs) + len(j.If)
	for _, v := range j.Matrix {
		n += cellBytes + len(v.Name) + len(v.Text) + len(v.JSON)
	}
	for i := range j.Steps {
		s := &j.Steps[i]
		n += stepBytes + len(s.ID) + len(s.Name) + len(s.Run) + len(s.Shell) + len(s.WorkingDirectory) + vars(s.Env) +
			len(s.If) + len(s.Uses) + vars(s.With) + len(s.TimeoutText) + len(s.ContinueOnErrorText)
	}
	return n
}

func texts(list []string) int {
	n := textBytes * len(list)
	for _, text := range list {
		n += len(text)
	}
	return n
}

func vars(list []Var) int {
	n := varBytes * len(list)
	for _, v := range list {
		n += len(v.Name) + len(v.Value)
	}
	return n
}
