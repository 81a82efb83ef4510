package workflow

import (
	"fmt"
	"strings"
	"time"

	"yardmaster/domain/plan"
)

const maxID = 100 // bytes of the id of a job or a step

// draft is a job as it is read, before its matrix is expanded.
type draft struct {
	id    *node
	job   plan.Job // what its cells share, less what the workflow adds
	name  string   // as the file gives it
	env   []plan.Var
	run   runDefaults
	needs []need
	strategy
	settings settings
	steps    []stepDraft
}

func jobFields() []field[draft] {
	return []field[draft]{
		{"name", func(d *decoder, j *draft, v *node) { j.name = d.name(v) }},
		{"needs", func(d *decoder, j *draft, v *node) { j.needs = d.needs(v) }},
		{"runs-on", func(d *decoder, j *draft, v *node) { j.job.RunsOn = d.runsOn(v) }},
		{"env", func(d *decoder, j *draft, v *node) { j.env = d.env(v) }},
		{"defaults", func(d *decoder, j *draft, v *node) { j.run = d.defaults(v) }},
		{"timeout-minutes", func(d *decoder, j *draft, v *node) { j.job.Timeout = d.minutes(v) }},
		{"continue-on-error", func(d *decoder, j *draft, v *node) { j.job.ContinueOnError = d.boolean(v) }},
		{"strategy", func(d *decoder, j *draft, v *node) { j.strategy = d.strategy(v) }},
		{"steps", func(d *decoder, j *draft, v *node) { j.steps = d.steps(v) }},
		{"yardmaster", func(d *decoder, j *draft, v *node) { d.settings(v, jobSettings(), &j.settings) }},
	}
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
	for _, p := range n.pairs {
		lower := strings.ToLower(p.key.text)
		switch first, twice := ids[lower]; {
		case !isID(p.key.text):
			d.report(p.key.pos, quote(p.key.text)+" is not the id of a job", idHint)
		case twice:
			d.report(p.key.pos, fmt.Sprintf("the jobs %s and %s differ only in case",
				quote(first.text), quote(p.key.text)), "rename one")
		default:
			ids[lower] = p.key
		}
		f.jobs = append(f.jobs, d.readJob(p.key, p.value, f.settings))
	}
}

const idHint = "letters, digits, _ and -, beginning with a letter or _, at most 100"

func isID(s string) bool { return len(s) <= maxID && identifier(s, "-") }

func (d *decoder) readJob(id, n *node, outer settings) *draft {
	j := &draft{id: id, settings: outer}
	j.job.ID = id.text
	switch ok := readFields(d, n, "job "+quote(id.text), jobFields(), j); {
	case !ok || n.key("steps") != nil:
	case n.key("uses") != nil: // said already: it takes the place of steps
	default:
		d.report(id.pos, "job "+quote(id.text)+" has no steps", "add steps:, a list with a run each")
	}
	return j
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
