package loadtest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"
)

// probe measures a fleet again and again.
type probe struct {
	fleet  *Fleet
	base   time.Time
	series []*Series
	index  map[string]*Series
}

func newProbe(f *Fleet, base time.Time) *probe {
	return &probe{fleet: f, base: base, index: map[string]*Series{}}
}

// look adds a point to each series.
func (p *probe) look(ctx context.Context) error {
	at := time.Since(p.base).Seconds()
	if err := p.process(ctx, at, "server", p.fleet.APIURL()); err != nil {
		return err
	}
	for i, w := range p.fleet.workers {
		url, err := w.log.metricsURL(ctx)
		if err == nil {
			err = p.process(ctx, at, fmt.Sprintf("worker %d", i+1), url)
		}
		if err != nil {
			return err
		}
	}
	size, err := directorySize(p.fleet.DataDir())
	if err != nil {
		return err
	}
	p.add("data directory", "bytes", at, float64(size))
	return nil
}

// process adds what the metrics of a process tell.
func (p *probe) process(ctx context.Context, at float64, name, url string) error {
	text, err := Metrics(url, "")(ctx)
	if err != nil {
		return fmt.Errorf("loadtest: read the metrics of %s: %w", name, err)
	}
	for _, m := range []struct{ metric, name, unit string }{
		{"process_resident_memory_bytes", "resident", "bytes"},
		{"go_gc_heap_live_bytes", "live heap", "bytes"},
		{"go_memstats_stack_inuse_bytes", "stacks", "bytes"},
		{"go_goroutines", "goroutines", ""},
		{"go_threads", "threads", ""},
		{"process_open_fds", "open files", ""},
	} {
		p.add(name+": "+m.name, m.unit, at, metric(text, m.metric))
	}
	return nil
}

func (p *probe) add(name, unit string, at, value float64) {
	s := p.index[name]
	if s == nil {
		s = &Series{Name: name, Unit: unit}
		p.index[name] = s
		p.series = append(p.series, s)
	}
	s.At, s.Values = append(s.At, at), append(s.Values, value)
}

// directorySize adds up the files below dir. Some may go meanwhile.
func directorySize(dir string) (size int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			info, gone := entry.Info()
			if err = gone; err == nil {
				size += info.Size()
			}
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	return size, err
}
