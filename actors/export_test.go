package actors

import (
	"yardmaster/domain/job"
	"yardmaster/domain/ledger"
	"yardmaster/domain/plan"
	"yardmaster/domain/run"
	"yardmaster/messages"
	"yardmaster/supervisor"
)

// Draw returns the tree of a coordinator node as text.
func (n *Node) Draw() string { return supervisor.Draw(n.tree()) }

// Draw returns the tree of a worker as text.
func (n *WorkerNode) Draw() string { return supervisor.Draw(n.tree()) }

// Waiting returns how many jobs of a project wait, and how many of all projects
// were promised room.
func (m *Metrics) Waiting(project string) (jobs, promised int64) {
	m.waiting.mu.Lock()
	defer m.waiting.mu.Unlock()
	return m.waiting.by[project].jobs, m.waiting.promised
}

// Projects returns how many projects are remembered because of jobs that wait.
func (m *Metrics) Projects() int {
	m.waiting.mu.Lock()
	defer m.waiting.mu.Unlock()
	return len(m.waiting.by)
}

// LogRoom is a logRoom for tests.
type LogRoom struct{ logRoom }

// NewLogRoom returns memory for so many bytes of logs.
func NewLogRoom(size int64) *LogRoom { return &LogRoom{logRoom{size: size}} }

// Take is logRoom.take.
func (r *LogRoom) Take(held, n int64) bool { return r.take(held, n) }

// GiveBack is logRoom.giveBack.
func (r *LogRoom) GiveBack(left, n int64) { r.giveBack(left, n) }

// Used returns the bytes in use, and by how many attempts.
func (r *LogRoom) Used() (used, holders int64) { return r.used, r.holders }

// FeedLimit is how many changes wait for a slow watcher.
const FeedLimit = feedLimit

// BenchBoard returns a function that shows a job of a run as it runs and waits in
// turn, for benchmarks.
func BenchBoard(s run.Submission) (put func(), err error) {
	b := NewBoard(NewFeed())
	b.reset(ledger.New(10, messages.PackRun), NewMetrics())
	e, _, err := b.submit(s)
	if err != nil {
		return nil, err
	}
	j := e.Jobs[0]
	return func() { b.putJob(j, s.At) }, nil
}

// BenchAssign returns a function that has assignments take up the attempt of a job
// on a worker that has many, and its end.
func BenchAssign(spec *plan.Job, many int) func() {
	a := NewAssignments()
	open := func(i int) (idle, busy *job.Job) {
		idle = &job.Job{ID: job.ID{Run: "r", Index: uint32(i)}, Spec: spec, State: job.Pending}
		busy = &job.Job{ID: idle.ID, Spec: spec, State: job.Running, Open: true}
		busy.Attempts = []job.Attempt{{Number: 1, Token: 1, Worker: "w1"}}
		return idle, busy
	}
	for i := range many {
		a.changed(open(i))
	}
	idle, busy := open(many)
	return func() {
		a.changed(idle, busy)
		a.changed(busy, idle)
	}
}
