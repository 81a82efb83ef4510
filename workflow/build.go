package workflow

import (
	"fmt"
	"strconv"
	"unicode/utf8"

	"yardmaster/domain/plan"
)

// build makes the plan of a file without faults. It returns nil after reporting
// that the plan would be too large.
func (d *decoder) build(f *file) *plan.Workflow {
	w := &plan.Workflow{
		Name: f.name, RunName: f.runName, Context: d.context(f.known), On: f.on, Concurrency: f.concurrency,
	}
	first := make([]int, len(f.jobs)+1) // of each draft, the index of its first cell
	for i, j := range f.jobs {
		first[i+1] = first[i] + max(1, len(j.cells))
		if first[i+1] > plan.MaxJobs {
			d.report(j.id.pos, fmt.Sprintf("the workflow has more than %d jobs with its matrices", plan.MaxJobs), "")
			return nil
		}
	}
	values := 0
	for _, j := range f.jobs {
		if values += sizeOfValues(j.cells); values > plan.MaxBytes {
			d.tooLarge(j)
			return nil
		}
		d.multiply(f, j)
		d.implyTools(f, j)
	}
	if d.any() || !d.affordable(f, w.Context, first) {
		return nil
	}
	w.Jobs = make([]plan.Job, 0, first[len(f.jobs)])
	for _, j := range f.jobs {
		j.job.Needs = cellsOf(j.job.Needs, first)
		complete(f, j)
		d.nameSteps(f, j)
		addJob(w, j)
	}
	return w
}

// nameOf makes the name of a file one that people can be shown.
func nameOf(path string) string {
	text := []rune(path)
	if len(text) == 0 {
		return "workflow"
	}
	return visible(text[:min(len(text), maxName)])
}

// affordable reports whether the plan keeps within its limits, before it is made.
func (d *decoder) affordable(f *file, context string, first []int) bool {
	edges, bytes, outer := 0, sizeOfFile(f)+len(context), sizeOf(f.env)
	for i, j := range f.jobs {
		cells, needs := first[i+1]-first[i], countCells(j.job.Needs, first)
		edges += cells * needs
		if edges > MaxNeeds {
			d.report(j.id.pos, fmt.Sprintf("the jobs have more than %d needs with their matrices", MaxNeeds),
				"put a job between two large matrices")
			return false
		}
		bytes += cells*(outer+needs*perNeed+sizeOfJob(j, j.run.or(f.run))) + sizeOfCells(j)
		if bytes > plan.MaxBytes {
			d.tooLarge(j)
			return false
		}
	}
	return true
}

func (d *decoder) tooLarge(j *draft) {
	d.report(j.id.pos, fmt.Sprintf("the plan has more than %d bytes with its matrices", plan.MaxBytes),
		"move long scripts into files of the repository")
}

// countCells returns how many cells the drafts have. First holds the index of each
// draft's first cell.
func countCells(drafts, first []int) (n int) {
	for _, i := range drafts {
		n += first[i+1] - first[i]
	}
	return n
}

// cellsOf returns the indexes of all cells of the drafts.
func cellsOf(drafts, first []int) []int {
	if len(drafts) == 0 {
		return nil
	}
	cells := make([]int, 0, countCells(drafts, first))
	for _, i := range drafts {
		for k := first[i]; k < first[i+1]; k++ {
			cells = append(cells, k)
		}
	}
	return cells
}

// How many bytes the stored form of a plan takes at most, beside its texts.
const (
	perJob  = 112 // numbers, and what surrounds them and the job
	perStep = 48
	perText = 16 // a text, or a variable
	perNeed = 2
	perCode = 2 // an exit code
)

// sizeOfFile returns how many bytes the plan takes at most beside its jobs.
func sizeOfFile(f *file) int {
	n := 2*perText + utf8.UTFMax*maxName + len(f.runName) + perText + len(f.concurrency.Group)
	for _, name := range f.on {
		n += perText + len(name)
	}
	return n
}

// sizeOfJob returns how many bytes each cell of j takes in the plan at most, without
// what is its own, its needs and the variables of the workflow. What all cells share in
// memory is stored with each of them.
func sizeOfJob(j *draft, run runDefaults) int {
	n := perJob + 2*len(j.job.ID) + perText + len(j.job.If) + sizeOf(j.env) + sizeOf(j.job.Outputs)
	for i := range j.steps {
		s := &j.steps[i]
		own := runDefaults{s.Shell, s.WorkingDirectory}.or(run)
		n += perStep + len(s.ID) + len(s.Name) + len(s.Run) + len(own.shell) + len(own.workingDirectory) + sizeOf(s.Env)
		for _, text := range []string{s.If, s.Uses, s.TimeoutText, s.ContinueOnErrorText} {
			if text != "" {
				n += perText + len(text)
			}
		}
		n += sizeOf(s.With)
	}
	return n
}

// sizeOfCells returns how many bytes all cells of j take at most beside that: the values
// stand in the matrix, the key and the name of each.
func sizeOfCells(j *draft) (n int) {
	for i := range j.made {
		c := &j.made[i]
		n += max(len(c.name), len(j.job.ID)) + perCode*len(c.settings.retry.ExitCodes)
		for _, label := range c.runsOn {
			n += perText + len(label)
		}
		if len(c.values) > 0 {
			n += 2 * (len(suffix(c.values)) + len(" #256"))
		}
	}
	return n + sizeOfValues(j.cells)
}

func sizeOfValues(cells [][]cellVar) (n int) {
	for _, cell := range cells {
		for i := range cell {
			n += 2*perText + len(cell[i].Name) + len(cell[i].Text) + len(cell[i].JSON)
		}
	}
	return n
}

func sizeOf(vars []plan.Var) (n int) {
	for _, v := range vars {
		n += perText + len(v.Name) + len(v.Value)
	}
	return n
}

// complete fills the defaults in. The cells of j share what it makes.
func complete(f *file, j *draft) {
	job := &j.job
	job.Env = merged(f.env, j.env)
	run := j.run.or(f.run)
	job.Steps = j.steps
	for i := range job.Steps {
		s := &job.Steps[i]
		if s.Uses != "" {
			continue // they are those of scripts
		}
		own := runDefaults{s.Shell, s.WorkingDirectory}.or(run)
		s.Shell, s.WorkingDirectory = own.shell, own.workingDirectory
	}
}

// addJob appends each cell of j to the plan.
func addJob(w *plan.Workflow, j *draft) {
	job := j.job
	job.Group = plan.NoGroup
	if j.matrix != nil {
		job.Group = len(w.Groups)
		w.Groups = append(w.Groups, j.group)
	}
	used := make(map[string]bool, len(j.made))
	for i := range j.made {
		c := &j.made[i]
		values := suffix(c.values)
		for n := 2; used[values]; n++ { // include may repeat a combination
			values = suffix(c.values) + " #" + strconv.Itoa(n)
		}
		used[values] = true
		job.Matrix, job.Key = c.values, job.ID+values
		job.Name = job.Key
		switch {
		case c.name != "" && j.ownNames:
			job.Name = c.name
		case c.name != "":
			job.Name = c.name + values
		}
		w.Jobs = append(w.Jobs, c.of(job))
	}
}

// of returns the job with what the cell has for itself.
func (c *cell) of(job plan.Job) plan.Job {
	job.RunsOn, job.Timeout, job.ContinueOnError = c.runsOn, c.timeout, c.continueOnError
	if job.Timeout == 0 {
		job.Timeout = plan.DefaultTimeout
	}
	if c.steps != nil {
		job.Steps = c.steps
	}
	s := &c.settings
	job.Retry, job.Priority, job.Idempotent, job.Resources = s.retry, s.priority, s.idempotent, s.resources
	if job.Executor = s.executor; job.Executor == "" {
		job.Executor = plan.ExecutorProcess
	}
	return job
}
