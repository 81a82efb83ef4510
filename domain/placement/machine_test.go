package placement_test

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"pgregory.net/rapid"

	"yardmaster/domain/job"
	"yardmaster/domain/placement"
	"yardmaster/domain/project"
	"yardmaster/domain/resource"
	"yardmaster/domain/worker"
)

// machine drives a yard and the model side by side.
type machine struct {
	yard  *placement.Yard
	model model
	now   time.Time
	// narrow jobs differ in little but what they ask for beside a slot, so that they
	// compete for the same workers.
	narrow bool
	fleet  int // how many workers there may be
}

// newMachine returns a machine with some workers and jobs.
func newMachine(t *rapid.T) *machine {
	m := emptyMachine(t)
	for range rapid.IntRange(0, m.fleet).Draw(t, "joins") {
		m.Join(t)
	}
	for range rapid.IntRange(0, 15).Draw(t, "pushes") {
		m.Push(t)
	}
	return m
}

func drawLimits(t *rapid.T, narrow bool, name string) project.Limits {
	if narrow {
		return project.Limits{Weight: rapid.SampledFrom([]float64{1, 2}).Draw(t, name+" weight")}
	}
	return project.Limits{
		Weight:          rapid.SampledFrom([]float64{0, 1, 2, 2.5}).Draw(t, name+" weight"),
		Running:         rapid.SampledFrom([]int{0, 0, 1, 3}).Draw(t, name+" running"),
		StartsPerSecond: rapid.SampledFrom([]float64{0, 0, 0.5, 1, 2.5}).Draw(t, name+" rate"),
	}
}

func drawProjects(t *rapid.T, narrow bool) project.Set {
	return project.Set{
		Others: drawLimits(t, narrow, "others"), By: map[string]project.Limits{"a": drawLimits(t, narrow, "a")},
	}
}

func emptyMachine(t *rapid.T) *machine {
	narrow := rapid.Bool().Draw(t, "narrow")
	c := placement.Config{
		Limit:  1000,
		Ageing: 10 * time.Second, ReserveAfter: 30 * time.Second,
		Projects:  drawProjects(t, narrow),
		Preempt:   true,
		PreemptBy: 1,
	}
	fleet := rapid.SampledFrom([]int{2, 6, 25}).Draw(t, "fleet")
	return &machine{yard: placement.New(c), model: newModel(c), now: start, narrow: narrow, fleet: fleet}
}

func (m *machine) drawLabels(t *rapid.T) []string {
	if m.narrow && rapid.IntRange(0, 7).Draw(t, "plain") > 0 {
		return nil
	}
	return worker.CanonicalLabels(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c"}), 0, 3).Draw(t, "labels"))
}

func (m *machine) drawWorker(t *rapid.T) worker.ID {
	return wid(rapid.IntRange(0, m.fleet-1).Draw(t, "worker"))
}

func drawJob(t *rapid.T) job.ID { return id(rapid.IntRange(0, 20).Draw(t, "job")) }

func (m *machine) drawPool(t *rapid.T) string {
	if m.narrow {
		return ""
	}
	return rapid.SampledFrom([]string{"", "", "", "p"}).Draw(t, "pool")
}

func (m *machine) drawRequest(t *rapid.T) placement.Request {
	r := placement.Request{
		Job: drawJob(t), Labels: m.drawLabels(t), Priority: rapid.IntRange(-1, 1).Draw(t, "priority"),
		Project: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "project"), Pool: m.drawPool(t),
		QueuedAt: m.now.Add(-rapid.SampledFrom([]time.Duration{0, 10 * time.Second, time.Minute}).Draw(t, "waited")),
		Avoid:    rapid.SliceOfNDistinct(rapid.Custom(m.drawWorker), 0, 2, rapid.ID).Draw(t, "avoid"),
		Affinity: rapid.SampledFrom([]string{"", "x", "y"}).Draw(t, "affinity"),
		GivesWay: rapid.Bool().Draw(t, "gives way"),
	}
	if m.narrow || rapid.Bool().Draw(t, "asks") {
		r.Resources = resource.Amount{
			CPU: rapid.Int64Range(0, 3).Draw(t, "cpu"), Memory: rapid.Int64Range(0, 3).Draw(t, "memory"),
		}
	}
	return r
}

func (m *machine) Push(t *rapid.T) {
	r := m.drawRequest(t)
	if err := m.yard.Push(r); err != nil {
		t.Fatal(err)
	}
	m.model.push(r)
}

// SetProjects changes the limits. Jobs of the pool "p" come to it by their requests, so
// that what is said of pools is left as it is here.
func (m *machine) SetProjects(t *rapid.T) {
	set := drawProjects(t, m.narrow)
	m.yard.SetProjects(set, m.now)
	m.model.setProjects(set, m.now)
}

func (m *machine) PushAgain(t *rapid.T) { m.Push(t) } // makes pushing likelier

func (m *machine) Wait(t *rapid.T) {
	m.now = m.now.Add(time.Duration(rapid.SampledFrom([]int{1, 5, 10, 300}).Draw(t, "tenths")) * 100 * time.Millisecond)
}

func (m *machine) Join(t *rapid.T) {
	state := rapid.SampledFrom([]worker.State{
		worker.Available, worker.Running, worker.Running, worker.Running, worker.Unhealthy, worker.Draining,
	}).Draw(t, "state")
	w := placement.Worker{
		ID: m.drawWorker(t), Labels: m.drawLabels(t), Pool: m.drawPool(t), State: state,
		Slots: rapid.SampledFrom([]int{0, 1, 2, 3, 4, 4}).Draw(t, "slots"),
		Total: resource.Amount{
			CPU:    rapid.SampledFrom([]int64{0, 2, 4, 4}).Draw(t, "cpu"),
			Memory: rapid.SampledFrom([]int64{0, 2, 4, 4}).Draw(t, "memory"),
		},
	}
	m.yard.Join(w)
	m.model.join(w)
	m.model.prune()
}

func (m *machine) SetState(t *rapid.T) {
	w, s := m.drawWorker(t), rapid.SampledFrom([]worker.State{worker.Available, worker.Draining}).Draw(t, "state")
	of := m.model.workers[w]
	if got := m.yard.SetState(w, s); got != (of != nil) {
		t.Fatalf("known is %v", got)
	}
	if of != nil {
		of.State = s
	}
	m.model.prune()
}

func (m *machine) Leave(t *rapid.T) {
	w := m.drawWorker(t)
	var want []job.ID
	if of := m.model.workers[w]; of != nil {
		for _, j := range of.held {
			want = append(want, j.Job)
		}
	}
	m.model.leave(w)
	m.model.prune()
	got := slices.SortedFunc(slices.Values(m.yard.Leave(w)), byIndex)
	slices.SortFunc(want, byIndex)
	if !slices.Equal(got, want) {
		t.Fatalf("%s held %v, want %v", w, got, want)
	}
}

func byIndex(a, b job.ID) int { return cmp.Compare(a.Index, b.Index) }

func (m *machine) Remove(t *rapid.T) {
	of := drawJob(t)
	if got, want := m.yard.Remove(of), m.model.remove(of); got != want {
		t.Fatalf("removed %v, want %v", got, want)
	}
}

func (m *machine) Free(t *rapid.T) {
	w, of := m.drawWorker(t), drawJob(t)
	j, want := m.model.release(w, of)
	if got := m.yard.Free(w, of, m.now); got != want {
		t.Fatalf("freed %v, want %v", got, want)
	}
	if want {
		m.model.learn(j, m.now)
	}
}

func (m *machine) Return(t *rapid.T) {
	w, of := m.drawWorker(t), drawJob(t)
	held := m.model.workers[w]
	if held != nil && slices.ContainsFunc(held.held, func(j modelJob) bool { return j.Job == of && !j.known }) {
		if m.yard.Return(w, of) {
			t.Fatalf("%v never waited", of)
		}
		return
	}
	j, want := m.model.release(w, of)
	if got := m.yard.Return(w, of); got != want {
		t.Fatalf("returned %v, want %v", got, want)
	}
	if want {
		j.Avoid = append(slices.Clone(j.Avoid), w)
		j.since = time.Time{}
		m.model.waiting = append(m.model.waiting, j)
	}
}

func (m *machine) Hold(t *rapid.T) {
	w, r := m.drawWorker(t), m.drawRequest(t)
	of, there := m.model.workers[w]
	held := m.model.isHeld(r.Job)
	has := there && slices.ContainsFunc(of.held, func(j modelJob) bool { return j.Job == r.Job })
	if got := m.yard.Hold(w, r); got != (there && (!held || has)) {
		t.Fatalf("held %v, there %v, held already %v", got, there, held)
	}
	if !there || held {
		return
	}
	j, waited := m.model.find(r.Job)
	if !waited {
		j = modelJob{Request: r}
	}
	m.model.remove(r.Job)
	m.model.turn++
	j.told = m.model.turn
	of.held = append(of.held, j)
}

// Next reads from the yard which workers it has chosen to keep free, checks that it
// may and had to, and that it then does what it should.
func (m *machine) Next(t *rapid.T) {
	m.model.asked = m.now
	m.model.pruneLimited()
	_, could := m.model.next()
	a, ok := m.yard.Next(m.now)
	fresh := m.learnKept(t, a.Job, could != nil)

	j, best := m.model.next()
	if ok != (best != nil) || ok && a.Job != j.Job {
		t.Fatalf("placed %v, %v; want %v", a, ok, j.Job)
	}
	if !ok {
		return
	}
	m.checkOvertaken(t, j)
	for _, k := range fresh {
		if m.model.order(k.modelJob, j) >= 0 {
			t.Fatalf("%s is kept free for %v, which nobody overtakes", k.on, k.Job)
		}
	}
	i := slices.IndexFunc(best, func(w *modelWorker) bool { return w.ID == a.Worker })
	if i < 0 {
		t.Fatalf("%v went to %s, want one of %d others", a.Job, a.Worker, len(best))
	}
	m.model.place(j, best[i], m.now)
}

// GiveWay has the victim, if there is one, give way.
func (m *machine) GiveWay(t *rapid.T) {
	victim, of, ok := m.yard.Preempt(m.now)
	m.model.asked = m.now
	if !ok {
		return
	}
	if !m.yard.GiveWay(victim, of) {
		t.Fatalf("%v does not give way to %v", victim, of)
	}
	m.model.turn++
	maps.DeleteFunc(m.model.kept, func(id job.ID, k modelKept) bool { return id == of || k.on == victim.Worker })
	maps.DeleteFunc(m.model.vacated, func(_ job.ID, on worker.ID) bool { return on == victim.Worker })
	m.model.vacated[of] = victim.Worker
}

func (m *machine) Forgo(t *rapid.T) {
	of := drawJob(t)
	m.yard.Forgo(of)
	delete(m.model.vacated, of)
}

func (m *machine) NextAgain(t *rapid.T) { m.Next(t) } // makes placing likelier

func (m *machine) NextOnceMore(t *rapid.T) { m.Next(t) }

// learnKept adds the workers that are kept free since Next was asked.
func (m *machine) learnKept(t *rapid.T, placed job.ID, could bool) map[job.ID]modelKept {
	fresh := map[job.ID]modelKept{}
	for _, j := range m.model.waiting {
		_, old := m.model.kept[j.Job]
		_, served := m.model.vacated[j.Job]
		if old || served || j.Job == placed {
			continue
		}
		if on := m.yard.Why(j.Job, m.now).Reserved; on != "" {
			m.model.turn++
			fresh[j.Job] = modelKept{j, on, m.model.turn}
		}
	}
	for of, k := range fresh {
		m.checkFirst(t, k)
		if !could || !m.mayKeep(k.modelJob) || !m.couldKeep(k.modelJob, m.model.workers[k.on]) {
			t.Fatalf("%s is kept free for %v", k.on, of)
		}
		m.model.kept[of] = k
	}
	for of := range fresh {
		if j, _ := m.model.find(of); len(m.model.eligible(j)) > 0 {
			t.Fatalf("%v has room elsewhere", of)
		}
	}
	return fresh
}

// mayKeep reports whether a worker may be kept free for a job, as far as the job goes.
func (m *machine) mayKeep(j modelJob) bool {
	first := true
	for _, other := range m.model.waiting {
		first = first && (!alike(j, other) || other.Project != j.Project || m.model.byAge(j, other) <= 0)
	}
	for _, k := range m.model.kept {
		first = first && !alike(j, k.modelJob)
	}
	return first && !j.Resources.IsZero() && m.model.may(j.Project) &&
		m.now.Sub(j.QueuedAt) >= m.model.config.ReserveAfter && len(m.model.kept) < max(1, len(m.model.workers)/10)
}

// checkFirst looks for a job whose turn would have come before that of the one for
// which a worker is kept free.
func (m *machine) checkFirst(t *rapid.T, k modelKept) {
	for _, lane := range m.model.lanes() {
		j := lane[0]
		before := m.model.order(j, k.modelJob) < 0 && m.mayKeep(j) && len(m.model.eligible(j)) == 0 && !m.hidden(j)
		if before && m.couldKeep(j, m.model.workers[k.on]) {
			t.Fatalf("%s is kept free for %v, and not for %v", k.on, k.Job, j.Job)
		}
	}
}

func (m *machine) couldKeep(j modelJob, w *modelWorker) bool {
	for _, k := range m.model.kept {
		if k.on == w.ID {
			return false
		}
	}
	if _, served := m.model.vacated[j.Job]; served || m.model.vacates(w.ID) {
		return false
	}
	return w.possible(j) && !m.model.passes(j, w.ID)
}

// checkOvertaken looks for a job that a placed one overtakes although a worker could
// have been kept free for it.
func (m *machine) checkOvertaken(t *rapid.T, placed modelJob) {
	for _, lane := range m.model.lanes() {
		j := lane[0]
		if m.model.order(j, placed) >= 0 || !m.mayKeep(j) || len(m.model.eligible(j)) > 0 || m.hidden(j) {
			continue
		}
		for _, w := range m.model.workers {
			if m.couldKeep(j, w) {
				t.Fatalf("%v overtook %v, for which %s could have been kept free", placed.Job, j.Job, w.ID)
			}
		}
	}
}

// hidden reports whether another project is before a job's among those that want the
// same, and no worker has room for any of these: only the first is looked at.
func (m *machine) hidden(j modelJob) bool {
	later, first := false, j
	for _, lane := range m.model.lanes() {
		later = later || alike(lane[0], j) && m.model.order(lane[0], j) < 0
	}
	for _, other := range m.model.waiting {
		if alike(other, j) && m.model.byAge(other, first) < 0 {
			first = other
		}
	}
	for _, w := range m.model.workers {
		if w.possible(first) && w.room(first) && m.model.spares(w, first) {
			return false
		}
	}
	return later
}
