package placement_test

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"yardmaster/domain/job"
	"yardmaster/domain/placement"
	"yardmaster/domain/project"
	"yardmaster/domain/worker"
)

// model says what a yard should do, the slow way: it looks at every job and every
// worker for each decision.
type model struct {
	config    placement.Config
	seq, turn uint64
	asked     time.Time // when Next was
	waiting   []modelJob
	workers   map[worker.ID]*modelWorker
	credit    map[string]*modelCredit
	recent    map[string][]worker.ID
	typical   map[string]time.Duration
	kept      map[job.ID]modelKept
	vacated   map[job.ID]worker.ID // where another job gives way
	common    map[string][]string  // labels, by pool
	changes   map[string]int       // of the workers of a pool, since these were counted
}

type modelJob struct {
	placement.Request
	seq   uint64
	since time.Time // when it was placed
	told  uint64    // choices and reservations before it was placed
	known bool      // it waited before it was placed
}

type modelWorker struct {
	placement.Worker
	chosen uint64
	held   []modelJob
}

// modelKept is that a worker is kept free for a job.
type modelKept struct {
	modelJob
	on   worker.ID
	told uint64
}

// modelCredit is how much time for starts a project has saved up.
type modelCredit struct {
	saved time.Duration
	at    time.Time
}

func newModel(c placement.Config) model {
	return model{
		config: c, workers: map[worker.ID]*modelWorker{}, credit: map[string]*modelCredit{},
		recent: map[string][]worker.ID{}, typical: map[string]time.Duration{}, kept: map[job.ID]modelKept{},
		vacated: map[job.ID]worker.ID{},
		common:  map[string][]string{}, changes: map[string]int{},
	}
}

func (m *model) due(j modelJob) time.Time {
	return j.QueuedAt.Add(-time.Duration(j.Priority) * m.config.Ageing)
}

func (m *model) byAge(a, b modelJob) int {
	return cmp.Or(m.due(a).Compare(m.due(b)), cmp.Compare(a.seq, b.seq))
}

func (m *model) isHeld(of job.ID) bool {
	for _, w := range m.workers {
		if slices.ContainsFunc(w.held, func(j modelJob) bool { return j.Job == of }) {
			return true
		}
	}
	return false
}

func (m *model) find(of job.ID) (modelJob, bool) {
	i := slices.IndexFunc(m.waiting, func(j modelJob) bool { return j.Job == of })
	if i < 0 {
		return modelJob{}, false
	}
	return m.waiting[i], true
}

func (m *model) push(r placement.Request) {
	if _, waits := m.find(r.Job); waits || m.isHeld(r.Job) {
		return
	}
	m.seq++
	m.waiting = append(m.waiting, modelJob{Request: r, seq: m.seq, known: true})
}

func (m *model) remove(of job.ID) bool {
	before := len(m.waiting)
	m.waiting = slices.DeleteFunc(m.waiting, func(j modelJob) bool { return j.Job == of })
	delete(m.kept, of)
	delete(m.vacated, of)
	return len(m.waiting) < before
}

func (m *model) release(id worker.ID, of job.ID) (modelJob, bool) {
	w := m.workers[id]
	if w == nil {
		return modelJob{}, false
	}
	i := slices.IndexFunc(w.held, func(j modelJob) bool { return j.Job == of })
	if i < 0 {
		return modelJob{}, false
	}
	j := w.held[i]
	w.held = slices.Delete(w.held, i, i+1)
	return j, true
}

// learn counts how long a job held its slot.
func (m *model) learn(j modelJob, now time.Time) {
	took := now.Sub(j.since)
	if j.Affinity == "" || j.since.IsZero() || took <= 0 {
		return
	}
	if old := m.typical[j.Affinity]; old > 0 {
		took = old + (took-old)/4
	}
	m.typical[j.Affinity] = took
}

// ran remembers the last four different workers of an affinity.
func (m *model) ran(affinity string, w worker.ID) {
	if affinity == "" {
		return
	}
	all := slices.DeleteFunc(slices.Clone(m.recent[affinity]), func(id worker.ID) bool { return id == w })
	all = slices.Insert(all, 0, w)
	m.recent[affinity] = all[:min(4, len(all))]
}

// held counts the slots of a project.
func (m *model) held(project string) (n int) {
	for _, w := range m.workers {
		for _, j := range w.held {
			if j.Project == project {
				n++
			}
		}
	}
	return n
}

func (m *model) ratio(project string, more int) float64 {
	return float64(m.held(project)+more) / m.config.Projects.Of(project).Share()
}

// creditOf returns what a project has saved up at a time: at most what a second has,
// or one start needs; and what one start costs.
func (m *model) creditOf(project string, now time.Time) (saved, cost time.Duration) {
	rate := m.config.Projects.Of(project).StartsPerSecond
	if rate == 0 {
		return 0, 0
	}
	cost = time.Duration(float64(time.Second) / rate)
	most := max(cost, time.Second)
	if c := m.credit[project]; c != nil {
		return min(most, c.saved+now.Sub(c.at)), cost
	}
	return most, cost
}

// setProjects changes the limits. What a project has used of its credit it owes still,
// but no more than the new one can be.
func (m *model) setProjects(set project.Set, now time.Time) {
	owed := map[string]time.Duration{}
	for name := range m.credit {
		saved, cost := m.creditOf(name, now)
		if cost > 0 {
			owed[name] = max(cost, time.Second) - saved
		}
	}
	m.config.Projects, m.asked, m.credit = set, now, map[string]*modelCredit{}
	for name, owes := range owed {
		if rate := set.Of(name).StartsPerSecond; rate > 0 {
			most := max(time.Duration(float64(time.Second)/rate), time.Second)
			m.credit[name] = &modelCredit{most - min(most, owes), now}
		}
	}
}

// may reports whether no limit keeps a project from another slot.
func (m *model) may(project string) bool {
	running := m.config.Projects.Of(project).Running
	saved, cost := m.creditOf(project, m.asked)
	return (running == 0 || m.held(project) < running) && saved >= cost
}

func (m *model) start(project string, now time.Time) {
	if saved, cost := m.creditOf(project, now); cost > 0 {
		m.credit[project] = &modelCredit{saved - cost, now}
	}
}

// nextAt returns when the first project with waiting jobs has saved up enough.
func (m *model) nextAt(now time.Time) (first time.Time, ok bool) {
	for _, j := range m.waiting {
		saved, cost := m.creditOf(j.Project, m.asked)
		if saved >= cost {
			continue
		}
		at := m.asked.Add(cost - saved)
		if at.Before(now) {
			at = now
		}
		if !ok || at.Before(first) {
			first, ok = at, true
		}
	}
	return first, ok
}

// order compares by whose turn it is.
func (m *model) order(a, b modelJob) int {
	return cmp.Or(cmp.Compare(m.ratio(a.Project, 0), m.ratio(b.Project, 0)), m.byAge(a, b))
}

func alike(a, b modelJob) bool {
	return slices.Equal(a.Labels, b.Labels) && a.Pool == b.Pool && a.Resources == b.Resources
}

// lanes returns the waiting jobs, those alike and of one project together and in
// order, of the projects that may have another slot.
func (m *model) lanes() (all [][]modelJob) {
	waiting := slices.SortedFunc(slices.Values(m.waiting), m.byAge)
	for _, j := range waiting {
		i := slices.IndexFunc(all, func(l []modelJob) bool { return alike(l[0], j) && l[0].Project == j.Project })
		switch {
		case !m.may(j.Project):
		case i < 0:
			all = append(all, []modelJob{j})
		default:
			all[i] = append(all[i], j)
		}
	}
	return all
}

// next returns the job that is to be placed, and the workers that are equally good
// for it, or none.
func (m *model) next() (next modelJob, on []*modelWorker) {
	for _, lane := range m.lanes() {
		for _, j := range lane[:min(16, len(lane))] {
			if best := m.best(j); len(best) > 0 {
				if on == nil || m.order(j, next) < 0 {
					next, on = j, best
				}
				break
			}
		}
	}
	return next, on
}

// place gives a job a worker.
func (m *model) place(j modelJob, w *modelWorker, now time.Time) {
	m.turn++
	w.chosen = m.turn
	m.remove(j.Job)
	j.since, j.told = now, m.turn
	w.held = append(w.held, j)
	m.start(j.Project, now)
	m.ran(j.Affinity, w.ID)
}

// prune lets go of workers that are kept free for what cannot be placed there.
func (m *model) prune() {
	maps.DeleteFunc(m.kept, func(_ job.ID, k modelKept) bool {
		w := m.workers[k.on]
		return w == nil || !w.possible(k.modelJob)
	})
	maps.DeleteFunc(m.vacated, func(of job.ID, on worker.ID) bool {
		w, j := m.workers[on], m.must(of)
		return w == nil || !w.possible(j)
	})
}

// must returns a job that waits.
func (m *model) must(of job.ID) modelJob {
	j, waits := m.find(of)
	if !waits {
		panic("it does not wait")
	}
	return j
}

// vacates reports whether a job gives way on a worker.
func (m *model) vacates(on worker.ID) bool {
	return slices.Contains(slices.Collect(maps.Values(m.vacated)), on)
}

// pruneLimited lets go of workers that are kept free for projects at a limit.
func (m *model) pruneLimited() {
	maps.DeleteFunc(m.kept, func(_ job.ID, k modelKept) bool { return !m.may(k.Project) })
	maps.DeleteFunc(m.vacated, func(of job.ID, _ worker.ID) bool { return !m.may(m.must(of).Project) })
}
