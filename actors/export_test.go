package actors

import (
	"yardmaster/domain/ledger"
	"yardmaster/domain/run"
	"yardmaster/messages"
	"yardmaster/supervisor"
)

// Draw returns the tree of a coordinator node as text.
func (n *Node) Draw() string { return supervisor.Draw(n.tree()) }

// Draw returns the tree of a worker as text.
func (n *WorkerNode) Draw() string { return supervisor.Draw(n.tree()) }

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
	b.reset(ledger.New(10, messages.PackRun))
	e, _, err := b.submit(s)
	if err != nil {
		return nil, err
	}
	j := e.Jobs[0]
	return func() { b.putJob(j, s.At) }, nil
}
