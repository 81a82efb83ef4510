package placement

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"yardmaster/domain/job"
	"yardmaster/domain/resource"
	"yardmaster/domain/worker"
)

// Lines returns the explanation as sentences for people, the most important first.
func (e Explanation) Lines() []string {
	switch {
	case e.Worker != "":
		return []string{fmt.Sprintf("job %s holds a slot of worker %s", e.Job, e.Worker)}
	case !e.Waiting:
		return []string{fmt.Sprintf("job %s does not wait for a worker", e.Job)}
	}
	lines := []string{e.place()}
	for _, r := range e.First {
		lines = append(lines, e.rival(r))
	}
	if s := e.Share; s != nil {
		lines = append(lines, fmt.Sprintf("project %s has %d of %s in use, its share is %s",
			e.Project, s.Held, count(s.Slots, "slot"), number(s.Fair)))
	}
	for _, b := range e.Bounds {
		lines = append(lines, b.Reason)
	}
	switch {
	case e.Workers == 0:
		lines = append(lines, "no worker is connected")
	case len(e.Demand) == 0 && e.Fitting == e.Workers:
		lines = append(lines, "it demands no label: any worker matches")
	case len(e.Demand) == 0:
		lines = append(lines, "it demands no label")
	case e.Matching == e.Workers:
		lines = append(lines, lackLabels(&e, 0, 0))
	}
	for _, x := range e.Excluded {
		lines = append(lines, x.Reason)
	}
	return append(lines, e.prospects()...)
}

// prospects says what will help.
func (e *Explanation) prospects() (lines []string) {
	switch {
	case e.Free > 0 && len(e.Bounds) > 0:
		lines = append(lines, fmt.Sprintf("%s %s room for it: it is placed when the limit allows",
			count(e.Free, "worker"), plural(e.Free, "has", "have")))
	case e.Free > 0:
		lines = append(lines, fmt.Sprintf("%s %s room for it: it is placed when its turn comes",
			count(e.Free, "worker"), plural(e.Free, "has", "have")))
	}
	switch {
	case e.Victim != job.ID{}:
		lines = append(lines, fmt.Sprintf(
			"job %s on worker %s, of lower priority, is being stopped: it gives way to this one", e.Victim, e.Reserved))
	case e.Reserved != "":
		lines = append(lines, fmt.Sprintf("worker %s is kept free for it", e.Reserved))
	}
	if len(e.Avoid) > 0 {
		lines = append(lines, fmt.Sprintf("it goes to %s %s only if no other could ever take it",
			plural(len(e.Avoid), "worker", "workers"), names(e.Avoid)))
	}
	return lines
}

func (e *Explanation) place() string {
	who := fmt.Sprintf("job %s waits at priority %d", e.Job, e.Priority)
	switch {
	case e.Competing == 1:
		return who + ": no other competes for the same workers"
	case e.Ahead == 0:
		return fmt.Sprintf("%s: it is the next of %d that compete for the same workers", who, e.Competing)
	}
	return fmt.Sprintf("%s: %s before it, of %d that compete for the same workers",
		who, plural(e.Ahead, "1 job goes", fmt.Sprint(e.Ahead)+" jobs go"), e.Competing)
}

func (e *Explanation) rival(r Rival) string {
	why := map[Reason]string{
		ReasonPriority: "its priority is higher", ReasonWaited: "it has waited longer",
		ReasonShare: "its project has less for its weight",
	}[r.Why]
	queued := ""
	if !r.QueuedAt.IsZero() {
		queued = ", queued at " + e.clock(r.QueuedAt, time.TimeOnly)
	}
	project := ""
	if r.Project != e.Project {
		project = " of project " + r.Project
	}
	return fmt.Sprintf("job %s%s, priority %d%s, goes first: %s", r.Job, project, r.Priority, queued, why)
}

// clock gives a time as the clock of whoever asked shows it, with the day if that is
// another.
func (e *Explanation) clock(t time.Time, layout string) string {
	t = t.In(e.At.Location())
	if t.Format(time.DateOnly) != e.At.Format(time.DateOnly) {
		layout = time.DateOnly + " " + layout
	}
	return t.Format(layout)
}

// bind adds a limit of the project that keeps the job waiting.
func (e *Explanation) bind(b Bound, held int) {
	if b.Until.IsZero() {
		b.Reason = fmt.Sprintf("project %s has %s running, and may have no more: one must end first",
			e.Project, count(held, "job"))
	} else {
		b.Reason = fmt.Sprintf("project %s may start %s jobs a second: the next at %s",
			e.Project, number(b.Most), e.clock(b.Until, "15:04:05.000"))
	}
	e.Bounds = append(e.Bounds, b)
}

// number gives a number as people write it, with one place after the point.
func number(f float64) string { return strconv.FormatFloat(math.Round(10*f)/10, 'f', -1, 64) }

func names(ids []worker.ID) string {
	var all []string
	for _, id := range ids {
		all = append(all, string(id))
	}
	return strings.Join(all, ", ")
}

// some names n of the workers that the filters before have left, which are all
// that match if only their labels excluded any.
func (e *Explanation) some(n, left int) string {
	match := left == e.Matching
	switch {
	case left == 1 && match:
		return "the only one that matches"
	case left == 1:
		return "the only one left"
	}
	which := "left"
	if match {
		which = "that match"
	}
	if n == left {
		return fmt.Sprintf("all %d %s", n, which)
	}
	return fmt.Sprintf("%d of the %d %s", n, left, which)
}

func count(n int, noun string) string { return fmt.Sprintf("%d %s", n, plural(n, noun, noun+"s")) }

func plural(n int, one, more string) string {
	if n == 1 {
		return one
	}
	return more
}

// needed names what a job asks for: of what the workers lack, if that is one resource.
func needed(need resource.Amount, cpu, memory bool) string {
	if cpu && !memory {
		need.Memory = 0
	}
	if memory && !cpu {
		need.CPU = 0
	}
	return need.String()
}
