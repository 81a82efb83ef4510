package workflow

import (
	"fmt"
	"strings"
	"time"

	"yardmaster/domain/plan"
)

const (
	maxID      = 100 // bytes of the id of a job or a step
	maxOutputs = 256 // of one job
)

// draft is a job as it is read, before its matrix is expanded.
type draft struct {
	id       *node
	job      plan.Job // what its cells share, less what the workflow adds
	base     cell     // what each cell begins with
	perCell  []perCell
	ownNames bool // the name says itself which cell it is of
	env      []plan.Var
	run      runDefaults
	needs    []need
	strategy
	steps  []stepDraft
	around surroundings
	made   []cell
}

// perCell is a part of a job that depends on its cell.
type perCell struct {
	value *node
	read  func(d *decoder, c *cell, v *node)
}

// jobFields are the keys of a job. Those that others depend on are read before.
func jobFields() []field[draft] {
	return []field[draft]{
		{"name", func(d *decoder, j *draft, v *node) {
			j.ownNames = d.reads(j, v, "matrix", func(d *decoder, c *cell, v *node) { c.name = d.cellName(v) })
		}},
		{"needs", func(*decoder, *draft, *node) {}},
		{"if", func(d *decoder, j *draft, v *node) {
			j.job.If, j.job.AsksStatus = d.condition(v, inCondition, &j.around)
		}},
		{"runs-on", cellField(func(d *decoder, c *cell, v *node) { c.runsOn = d.runsOn(v) })},
		{"permissions", func(d *decoder, _ *draft, v *node) { d.permissions(v) }},
		{"env", func(d *decoder, j *draft, v *node) { j.env = d.env(v, inJobEnv, &j.around) }},
		{"defaults", func(d *decoder, j *draft, v *node) { j.run = d.defaults(v, &j.around) }},
		{"timeout-minutes", cellField(func(d *decoder, c *cell, v *node) { c.timeout = d.minutes(v) })},
		{"continue-on-error", cellField(func(d *decoder, c *cell, v *node) { c.continueOnError = d.boolean(v) })},
		{"strategy", func(*decoder, *draft, *node) {}},
		{"outputs", func(d *decoder, j *draft, v *node) { j.job.Outputs = d.outputs(v, &j.around) }},
		{"steps", func(d *decoder, j *draft, v *node) { j.steps = d.steps(v, &j.around) }},
		{"yardmaster", cellField(func(d *decoder, c *cell, v *node) { d.settings(v, jobSettings(), &c.settings) })},
	}
}

// cellField reads a key of a job that each cell has for itself.
func cellField(read func(d *decoder, c *cell, v *node)) func(*decoder, *draft, *node) {
	return func(d *decoder, j *draft, v *node) { d.reads(j, v, "", read) }
}

// reads reads a part of a job, for each cell later if there are expressions in it. It
// reports whether these use a context.
func (d *decoder) reads(j *draft, v *node, context string, read func(d *decoder, c *cell, v *node)) bool {
	if !v.open {
		read(d, &j.base, v)
		return false
	}
	if !d.checkTree(v, inJob, &j.around) {
		return false
	}
	j.perCell = append(j.perCell, perCell{v, read})
	if t := d.templates[v]; t != nil && context != "" {
		for _, r := range t.References() {
			if r.Context == context {
				return true
			}
		}
	}
	return false
}

// readJobs reads all jobs, in order.
func (d *decoder) readJobs(f *file) {
	n := f.jobsNode
	if !d.expect(n, mapping, "a mapping of jobs") {
		return
	}
	if len(n.pairs) == 0 {
		d.report(n.pos, "the workflow has no jobs", "add one, with steps")
		return
	}
	if len(n.pairs) > plan.MaxJobs {
		d.reportLimit(n.pos, fmt.Sprintf("the workflow has more than %d jobs", plan.MaxJobs), "")
		return
	}
	ids := make(map[string]*node, len(n.pairs))
	jobs := make(map[string]*node, len(n.pairs))
	f.file.jobs = jobs
	for _, p := range n.pairs {
		lower := strings.ToLower(p.key.text)
		switch first, twice := ids[lower]; {
		case !isID(p.key.text):
			d.report(p.key.pos, quote(p.key.text)+" is not the id of a job", idHint)
		case twice:
			d.report(p.key.pos, fmt.Sprintf("the jobs %s and %s differ only in case",
				quote(first.text), quote(p.key.text)), "rename one")
		default:
			ids[lower], jobs[lower] = p.key, p.value
		}
	}
	fields := jobFields()
	for _, p := range n.pairs {
		f.jobs = append(f.jobs, d.readJob(f, fields, p.key, p.value))
	}
}

const idHint = "letters, digits, _ and -, beginning with a letter or _, at most 100"

func isID(s string) bool { return len(s) <= maxID && identifier(s, "-") }

func (d *decoder) readJob(f *file, fields []field[draft], id, n *node) *draft {
	j := &draft{id: id, base: cell{settings: f.settings}}
	j.job.ID = id.text
	j.around.file = f.file
	if needs := n.value("needs"); needs != nil {
		j.needs = d.needs(needs)
		j.around.needs = j.needs
	}
	if s := n.value("strategy"); s != nil {
		j.strategy = d.readStrategy(s, f, &j.around)
		j.around.cells, j.around.unknown = j.cells, j.matrix == nil
	}
	if steps := n.value("steps"); steps != nil {
		j.around.steps = idsOf(steps)
	}
	switch ok := readFields(d, n, "job "+quote(id.text), fields, j); {
	case !ok || n.key("steps") != nil:
	case n.key("uses") != nil: // said already: it takes the place of steps
	default:
		d.report(id.pos, "job "+quote(id.text)+" has no steps", "add steps:, a list with a run each")
	}
	return j
}

// idsOf returns the ids of steps, "" for one without.
func idsOf(steps *node) []string {
	ids := make([]string, len(steps.items))
	for i, step := range steps.items {
		if id := step.value("id"); id != nil && id.kind == scalar {
			ids[i] = id.text
		}
	}
	return ids
}

// outputs reads what a job hands to those that need it.
func (d *decoder) outputs(n *node, s *surroundings) []plan.Var {
	if !d.expect(n, mapping, "a mapping of outputs") {
		return nil
	}
	if len(n.pairs) > maxOutputs {
		d.report(n.pos, fmt.Sprintf("the job has more than %d outputs", maxOutputs), "")
		return nil
	}
	s.step = len(s.steps)
	outputs := make([]plan.Var, 0, len(n.pairs))
	first := map[string]*node{}
	for _, p := range n.pairs {
		lower := strings.ToLower(p.key.text)
		switch other, twice := first[lower]; {
		case !isID(p.key.text):
			d.report(p.key.pos, quote(p.key.text)+" is not the name of an output", idHint)
		case twice:
			d.report(p.key.pos, fmt.Sprintf("the outputs %s and %s differ only in case", quote(other.text),
				quote(p.key.text)), "rename one")
		}
		first[lower] = p.key
		if text, ok := d.template(p.value, inOutputs, s); ok {
			outputs = append(outputs, plan.Var{Name: p.key.text, Value: text})
		}
	}
	return outputs
}

// minutes reads a time limit.
func (d *decoder) minutes(n *node) time.Duration {
	const what = "timeout-minutes"
	v, ok := d.number(n, what)
	if !ok {
		return 0
	}
	limit := time.Duration(min(max(v, 0), plan.MaxTimeout.Minutes()+1) * float64(time.Minute))
	if limit <= 0 || limit > plan.MaxTimeout {
		d.report(n.pos, fmt.Sprintf("%s must be above 0 and at most %.0f (%.0f days)", what,
			plan.MaxTimeout.Minutes(), plan.MaxTimeout.Hours()/24), "")
		return 0
	}
	return limit
}
