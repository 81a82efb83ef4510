package loadtest

import (
	"context"
	"time"

	"yardmaster/messages"
)

// Histogram lets tests look into a histogram.
type Histogram = histogram

// What tests look at.
var (
	NewHistogram = newHistogram
	CPUSeconds   = cpuSeconds
	Kilobytes    = kilobytes
	Metric       = metric
	ProgressLine = progressLine
	FileSystem   = fileSystem
	Workflow     = workflow
	Environment  = environment
)

// Add is histogram.add.
func (h *histogram) Add(d time.Duration) { h.add(int64(d)) }

// Latency is histogram.latency.
func (h *histogram) Latency() Latency { return h.latency() }

// Tracker is a tracker.
type Tracker struct{ t *tracker }

// NewTracker returns one.
func NewTracker(planned int, base time.Time) Tracker { return Tracker{newTracker(planned, base)} }

// Acknowledge tells it of answers, Change of changes, List of a list.
func (t Tracker) Acknowledge(runs []*messages.SubmittedRun, sent, now int64) {
	t.t.acknowledged(runs, sent, now)
}

func (t Tracker) Change(now int64, all ...*messages.RunChange) { t.t.changes(all, now) }
func (t Tracker) List(runs ...*messages.Run)                   { t.t.listed(runs) }
func (t Tracker) Seal()                                        { t.t.seal() }

// Done reports whether everything has ended.
func (t Tracker) Done() bool {
	select {
	case <-t.t.done:
		return true
	default:
		return false
	}
}

// Outcome returns what it reports.
func (t Tracker) Outcome(alone bool) *Report {
	r := &Report{Load: &Load{}, Counts: &Counts{}}
	t.t.outcome(r, alone, 0, latencyNames{"ack", "start", "finish"})
	r.judge()
	return r
}

// Wait waits as an alarm does.
func Wait(ctx context.Context, d time.Duration) (bool, error) {
	a, err := newAlarm()
	if err != nil {
		return false, err
	}
	defer a.close()
	return a.wait(ctx, d), nil
}

// ReadyLine returns the API that a log names, written in pieces.
func ReadyLine(pieces ...string) (api, last string) {
	l := newReadyLog()
	for _, p := range pieces {
		_, _ = l.Write([]byte(p))
	}
	select {
	case line := <-l.ready:
		return line.API, l.tail()
	default:
		return "", l.tail()
	}
}

// ParseSystem is parseSystem.
func ParseSystem(text string) (busy, total, switches int64) {
	s := parseSystem(text)
	return s.busy, s.total, s.switches
}
