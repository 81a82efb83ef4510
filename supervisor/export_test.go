package supervisor

import "time"

// Window opens the restart window to the property test.
type Window struct{ w window }

// Allow records a restart.
func (w *Window) Allow(limit Intensity, now time.Time) bool { return w.w.allow(limit, now) }

// Kept returns how many restarts are remembered.
func (w *Window) Kept() int { return len(w.w.at) }

// MaxRetained is how many slots a drained buffer may keep.
const MaxRetained = maxRetained

// Retained returns how many message slots an idle mailbox holds.
func (m *Mailbox) Retained() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.queue == nil {
		return 0
	}
	return cap(m.queue.user) + cap(m.queue.batch) + cap(m.queue.system)
}

// Trimmed returns the capacity that is kept of a drained buffer of capacity n.
func Trimmed(n int) int { return cap(trim(make([]any, 0, n))) }
