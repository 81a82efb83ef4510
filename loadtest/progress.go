package loadtest

import (
	"fmt"
	"io"
	"sync"
	"time"
)

const progressEvery = time.Second

// Sample is how far a scenario is.
type Sample struct{ Planned, Acknowledged, Done int }

// Progress says how far a scenario is, once a second.
type Progress struct {
	w    io.Writer // nil: in silence
	live bool      // a terminal, where a line may replace the one before
}

// NewProgress returns a progress that writes to w, nil meaning nowhere. On a
// terminal it keeps to one line.
func NewProgress(w io.Writer, terminal bool) *Progress { return &Progress{w, terminal} }

// say writes a line.
func (p *Progress) say(format string, args ...any) {
	if p.w != nil {
		fmt.Fprintf(p.w, format+"\n", args...)
	}
}

// follow says what sample tells, until the function it returns is called.
func (p *Progress) follow(sample func() Sample) (stop func()) {
	if p.w == nil {
		return func() {}
	}
	stopped := make(chan struct{})
	var ended sync.WaitGroup
	ended.Go(func() {
		tick := time.NewTicker(progressEvery)
		defer tick.Stop()
		begin, last := time.Now(), time.Now()
		before := sample()
		for {
			select {
			case <-stopped:
				p.end(begin, sample())
				return
			case now := <-tick.C:
				s := sample()
				p.show(progressLine(now.Sub(begin), now.Sub(last), before, s))
				before, last = s, now
			}
		}
	})
	return func() { close(stopped); ended.Wait() }
}

func (p *Progress) show(line string) {
	if p.live {
		fmt.Fprintf(p.w, "\r\x1b[K%s", line)
		return
	}
	fmt.Fprintln(p.w, line)
}

func (p *Progress) end(begin time.Time, s Sample) {
	took := time.Since(begin)
	p.show(progressLine(took, took, Sample{}, s))
	if p.live {
		fmt.Fprintln(p.w)
	}
}

// progressLine says where s is and how quickly it went on since before.
func progressLine(elapsed, since time.Duration, before, s Sample) string {
	speed := func(n int) float64 { return float64(n) / max(since.Seconds(), 1e-3) }
	return fmt.Sprintf("%5.1fs  submitted %d of %d (%.0f/s)  done %d (%.0f/s)  queue %d", elapsed.Seconds(),
		s.Acknowledged, s.Planned, speed(s.Acknowledged-before.Acknowledged),
		s.Done, speed(s.Done-before.Done), s.Acknowledged-s.Done)
}
