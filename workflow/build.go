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
	w := &plan.Workflow{Name: f.name, On: f.on}
	if w.Name == "" {
		w.Name = nameOf(d.file)
	}
	first := make([]int, len(f.jobs)+1) // of each draft, the index of its first cell
	for i, j := range f.jobs {
		first[i+1] = first[i] + max(1, len(j.cells))
		if first[i+1] > plan.MaxJobs {
			d.report(j.id.pos, fmt.Sprintf("the workflow has more than %d jobs with its matrices", plan.MaxJobs), "")
			return nil
		}
	}
	if !d.affordable(f, first) {
		return nil
	}
	w.Jobs = make([]plan.Job, 0, first[len(f.jobs)])
	for _, j := range f.jobs {
		j.job.Needs = cellsOf(j.job.Needs, first)
		complete(f, j)
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
func (d *decoder) affordable(f *file, first []int) bool {
	edges, bytes, outer := 0, sizeOfFile(f), sizeOf(f.env)
	for i, j := range f.jobs {
		cells, needs := first[i+1]-first[i], countCells(j.job.Needs, first)
		edges += cells * needs
		if edges > MaxNeeds {
			d.report(j.id.pos, fmt.Sprintf("the jobs have more than %d needs with their matrices", MaxNeeds),
				"put a job between two large matrices")
			return false
		}
		bytes += cells*(outer+needs*perNeed+sizeOfCell(j, j.run.or(f.run))) + sizeOfMatrix(j)
		if bytes > plan.MaxBytes {
			d.report(j.id.pos, fmt.Sprintf("the plan has more than %d bytes with its matrices", plan.MaxBytes),
				"move long scripts into files of the repository")
			return false
		}
	}
	return true
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
	n := perText + utf8.UTFMax*maxName
	for _, name := range f.on {
		n += perText + len(name)
	}
	return n
}

// sizeOfCell returns how many bytes one cell of j takes in the plan at most,
// without its values, its needs and the variables of the workflow. What all cells
// share in memory is stored with each of them.
func sizeOfCell(j *draft, run runDefaults) int {
	n := perJob + 2*len(j.job.ID) + max(len(j.name), len(j.job.ID)) + perCode*len(j.settings.retry.ExitCodes)
	n += sizeOf(j.env)
	for _, label := range j.job.RunsOn {
		n += perText + len(label)
	}
	for _, s := range j.steps {
		own := runDefaults{s.Shell, s.WorkingDirectory}.or(run)
		n += perStep + len(s.ID) + len(s.Name) + len(s.Run) + len(own.shell) + len(own.workingDirectory) + sizeOf(s.Env)
	}
	return n
}

// sizeOfMatrix returns how many bytes the values of all cells of j take at most:
// each stands in the matrix, the key and the name of its cell.
func sizeOfMatrix(j *draft) (n int) {
	for _, cell := range j.cells {
		n += sizeOf(cell) + 2*(len(suffix(cell))+len(" #256"))
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
	if job.Timeout == 0 {
		job.Timeout = plan.DefaultTimeout
	}
	job.Retry, job.Priority, job.Idempotent = j.settings.retry, j.settings.priority, j.settings.idempotent
	job.Executor, job.Resources = j.settings.executor, j.settings.resources
	if job.Executor == "" {
		job.Executor = plan.ExecutorProcess
	}
	run := j.run.or(f.run)
	job.Steps = j.steps
	for i := range job.Steps {
		s := &job.Steps[i]
		own := runDefaults{s.Shell, s.WorkingDirectory}.or(run)
		s.Shell, s.WorkingDirectory = own.shell, own.workingDirectory
	}
}

// addJob appends j, or each of its cells, to the plan.
func addJob(w *plan.Workflow, j *draft) {
	job := j.job
	job.Group = plan.NoGroup
	if j.matrix == nil {
		job.Key, job.Name = job.ID, j.name
		if job.Name == "" {
			job.Name = job.Key
		}
		w.Jobs = append(w.Jobs, job)
		return
	}
	job.Group = len(w.Groups)
	w.Groups = append(w.Groups, j.group)
	used := make(map[string]bool, len(j.cells))
	for _, cell := range j.cells {
		values := suffix(cell)
		for n := 2; used[values]; n++ { // include may repeat a combination
			values = suffix(cell) + " #" + strconv.Itoa(n)
		}
		used[values] = true
		job.Matrix, job.Key = nil, job.ID+values
		for _, v := range cell {
			job.Matrix = append(job.Matrix, plan.MatrixValue{Name: v.Name, Text: v.Value})
		}
		job.Name = job.Key
		if j.name != "" {
			job.Name = j.name + values
		}
		w.Jobs = append(w.Jobs, job)
	}
}
