// Package testkit is what tests of actors share: the ports in memory, an executor
// that does what it is told, a network between nodes, and a yard that puts all of
// it together.
//
// Everything works inside a testing/synctest bubble, where its clock is virtual.
// The ports are held to the same suites (actors/actorstest) as the real ones.
package testkit

import (
	"context"
	"slices"
	"sync"
	"time"

	"yardmaster/actors"
	"yardmaster/domain/partition"
)

// Disk keeps the journals of partitions in memory. It outlives the nodes that
// open them, as a disk does. It implements actors.Opener.
type Disk struct {
	turn   chan struct{} // held while something is stored: one after the other
	mu     sync.Mutex
	shelf  map[partition.Number]*shelf
	judge  func(p partition.Number, events [][]byte) error
	late   time.Duration
	stored int
	opened int
}

var _ actors.Opener = (*Disk)(nil)

// shelf is what is kept of one partition.
type shelf struct {
	snapshot []byte
	events   [][]byte
	owner    *tape // nil when nobody may write
}

// NewDisk returns an empty disk.
func NewDisk() *Disk {
	return &Disk{turn: make(chan struct{}, 1), shelf: map[partition.Number]*shelf{}}
}

// Judge has f asked before each append is stored; an error of f is the answer,
// and nothing is stored. A nil f ends it.
func (d *Disk) Judge(f func(p partition.Number, events [][]byte) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.judge = f
}

// Late has the answers to AppendAsync come late by that much.
func (d *Disk) Late(by time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.late = by
}

// Break makes every append fail after the next n, as if the node had died there.
func (d *Disk) Break(n int) {
	d.Judge(func(partition.Number, [][]byte) error {
		if n--; n < 0 {
			return actors.ErrLostOwnership
		}
		return nil
	})
}

// Appends returns how many appends were stored.
func (d *Disk) Appends() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.stored
}

// Opened returns how often a journal was opened.
func (d *Disk) Opened() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.opened
}

// Events returns what a partition's journal holds behind its snapshot.
func (d *Disk) Events(p partition.Number) [][]byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.of(p).events)
}

// Snapshot returns the snapshot of a partition, or nil.
func (d *Disk) Snapshot(p partition.Number) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.of(p).snapshot)
}

func (d *Disk) of(p partition.Number) *shelf {
	s := d.shelf[p]
	if s == nil {
		s = &shelf{}
		d.shelf[p] = s
	}
	return s
}

// Open implements actors.Opener.
func (d *Disk) Open(ctx context.Context, p partition.Number, snapshot, event func([]byte) error,
) (actors.Journal, error) {
	t := &tape{disk: d, number: p}
	d.mu.Lock()
	s := d.of(p)
	s.owner = t
	d.opened++
	kept, events := s.snapshot, slices.Clone(s.events)
	d.mu.Unlock()
	return t, replay(ctx, kept, events, snapshot, event)
}

// Compact implements actors.Opener. It is never too early for a snapshot.
func (d *Disk) Compact(ctx context.Context, p partition.Number, fold actors.Folder) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.of(p)
	if err := replay(ctx, s.snapshot, s.events, fold.Snapshot, fold.Event); err != nil {
		return err
	}
	s.snapshot, s.events = fold.Encode(), nil
	return nil
}

func replay(ctx context.Context, kept []byte, events [][]byte, snapshot, event func([]byte) error) error {
	if kept != nil {
		if err := snapshot(kept); err != nil {
			return err
		}
	}
	for _, e := range events {
		if err := event(e); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// tape is the journal of one owner of a partition.
type tape struct {
	disk   *Disk
	number partition.Number
}

// Append implements actors.Journal.
func (t *tape) Append(events ...[]byte) error {
	d := t.disk
	d.turn <- struct{}{} // no mutex: in a bubble the clock stands still for who waits for one
	defer func() { <-d.turn }()
	d.mu.Lock()
	owned, judge := d.of(t.number).owner == t, d.judge
	d.mu.Unlock()
	if !owned {
		return actors.ErrLostOwnership
	}
	if judge != nil {
		if err := judge(t.number, events); err != nil {
			return err
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.of(t.number)
	if s.owner != t { // lost while the disk was slow
		return actors.ErrLostOwnership
	}
	s.events = append(s.events, events...)
	d.stored++
	return nil
}

// AppendAsync implements actors.Journal.
func (t *tape) AppendAsync(events [][]byte, done func(error)) {
	err := t.Append(events...)
	t.disk.mu.Lock()
	late := t.disk.late
	t.disk.mu.Unlock()
	if late == 0 {
		done(err)
		return
	}
	time.AfterFunc(late, func() { done(err) })
}

// Close implements actors.Journal.
func (t *tape) Close() {
	t.disk.mu.Lock()
	defer t.disk.mu.Unlock()
	if s := t.disk.of(t.number); s.owner == t {
		s.owner = nil
	}
}
