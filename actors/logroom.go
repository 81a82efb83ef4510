package actors

import (
	"sync"

	"yardmaster/domain/attempt"
)

// defaultLogRoom is how many bytes of log chunks wait to be stored, of all attempts
// together, unless an operator says otherwise.
const defaultLogRoom = 64 << 20

// logRoom is the memory for log chunks between their arrival and their storing, of
// all attempts on the node. A chunk that finds no room is put off: its attempt has
// it still, sends it again, and lets its step wait meanwhile.
//
// No attempt may take more than an even share of what those have that are under way
// and one more. So there is always room for the first chunk of one that comes anew,
// unless there are more attempts than chunks fit.
type logRoom struct {
	mu      sync.Mutex
	size    int64
	used    int64
	holders int64 // attempts with a chunk in it
	putOff  int64 // chunks, so far
}

// take makes room for n bytes of an attempt that has held so far, and reports
// whether there is any.
func (r *logRoom) take(held, n int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.used+n > r.size || held > 0 && held+n > r.size/(r.holders+1) {
		r.putOff++
		return false
	}
	r.used += n
	if held == 0 {
		r.holders++
	}
	return true
}

// giveBack frees n bytes of an attempt that has left still.
func (r *logRoom) giveBack(left, n int64) {
	if n == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.used -= n
	if left == 0 {
		r.holders--
	}
}

// fair reports whether an even share is a chunk at least. If it is not, who has just
// been served must queue up again like all others.
func (r *logRoom) fair() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.size/(r.holders+1) >= attempt.MaxChunk
}

// LogUse is how much of the memory for logs is in use.
type LogUse struct {
	Size, InUse int64 // bytes
	Attempts    int   // that have a chunk in it
	PutOff      int64 // chunks that found no room, so far
}

// LogUse returns how much of the memory for logs is in use now.
func (n *Node) LogUse() LogUse {
	r := n.logRoom
	r.mu.Lock()
	defer r.mu.Unlock()
	return LogUse{Size: r.size, InUse: r.used, Attempts: int(r.holders), PutOff: r.putOff}
}
