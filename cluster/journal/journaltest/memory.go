// Package journaltest has what tests need in place of a disk: a Store and Marks
// in memory, a journal on them, and the suite every journal.Store passes.
package journaltest

import (
	"bytes"
	"context"
	"sync"

	"yardmaster/cluster/journal"
)

// Memory is a journal.Store and journal.Marks in memory. It outlives the
// journals opened on it, as a disk does. The zero value is empty.
type Memory struct {
	mu    sync.Mutex
	raws  [][]byte // raws[0] has position first
	below uint64   // positions purged
	marks map[uint32]journal.Point
	fail  func(call int, stored bool) error
	calls int
}

// NewMemory returns an empty Memory.
func NewMemory() *Memory { return &Memory{} }

// Open opens partition 0 of the memory for a node called "test".
func (m *Memory) Open(ctx context.Context, replay func(journal.Batch) error) (*journal.Journal, error) {
	return journal.Open(ctx, m, journal.Config{Owner: "test", Marks: m}, replay)
}

// FailAppends makes f judge every Append twice, before it stores (stored is
// false) and after: an error of f is the answer. calls counts from 1. A nil f ends it.
func (m *Memory) FailAppends(f func(call int, stored bool) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail, m.calls = f, 0
}

// Append implements journal.Store.
func (m *Memory) Append(ctx context.Context, raw []byte, last uint64) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	m.calls++
	if m.fail != nil {
		if err := m.fail(m.calls, false); err != nil {
			return 0, err
		}
	}
	if last != m.last() {
		return 0, journal.ErrWrongLast
	}
	m.raws = append(m.raws, bytes.Clone(raw))
	if m.fail != nil {
		if err := m.fail(m.calls, true); err != nil {
			return 0, err
		}
	}
	return m.last(), nil
}

// Bounds implements journal.Store.
func (m *Memory) Bounds(ctx context.Context) (first, last uint64, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.below + 1, m.last(), ctx.Err()
}

// Get implements journal.Store.
func (m *Memory) Get(ctx context.Context, position uint64) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if position <= m.below || position > m.last() || m.raws[position-m.below-1] == nil {
		return nil, journal.ErrMissing
	}
	return bytes.Clone(m.raws[position-m.below-1]), nil
}

// Read implements journal.Store.
func (m *Memory) Read(
	ctx context.Context, from, to uint64, fn func(position uint64, raw []byte) error,
) error {
	for p := from; p <= to; p++ {
		raw, err := m.Get(ctx, p)
		if err != nil {
			return err
		}
		if err := fn(p, raw); err != nil {
			return err
		}
	}
	return nil
}

// Purge implements journal.Store.
func (m *Memory) Purge(ctx context.Context, position uint64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := min(max(position, m.below+1)-m.below-1, uint64(len(m.raws)))
	m.raws, m.below = m.raws[n:], m.below+n
	return ctx.Err()
}

// Alter replaces the message at position by what f makes of it; nil removes it.
func (m *Memory) Alter(position uint64, f func(raw []byte) []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.raws[position-m.below-1] = f(m.raws[position-m.below-1])
}

// Truncate drops the newest n messages and forgets their positions, as a
// damaged disk does.
func (m *Memory) Truncate(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.raws = m.raws[:len(m.raws)-n]
}

// Load implements journal.Marks.
func (m *Memory) Load(partition uint32) (journal.Point, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.marks[partition], nil
}

// Set implements journal.Marks.
func (m *Memory) Set(partition uint32, p journal.Point) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.marks == nil {
		m.marks = make(map[uint32]journal.Point)
	}
	m.marks[partition] = p
	return nil
}

func (m *Memory) last() uint64 { return m.below + uint64(len(m.raws)) }
