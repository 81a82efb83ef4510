package testkit

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"yardmaster/actors"
	"yardmaster/domain/scale"
)

// Provider runs workers in a yard, or the thought of them, and can be made to
// fail. It implements actors.Provider and outlives nodes, as machines do.
type Provider struct {
	// OnLaunch, OnRemove and OnList are asked first; an error is the answer. Set them
	// before the provider is used, or by Change.
	OnLaunch, OnRemove, OnList func(ctx context.Context, name string) error
	// Start begins what runs under a name, and returns what ends it, on request or
	// by accident. Nil starts nothing.
	Start func(c scale.Class, name string) (stop func(requested bool))

	mu       sync.Mutex
	running  map[string]func(bool)
	launched []string // in order, each time
	removed  []string
}

var _ actors.Provider = (*Provider)(nil)

// NewProvider returns a provider that runs nothing.
func NewProvider() *Provider { return &Provider{running: map[string]func(bool){}} }

// Change changes the fields of a provider that is in use.
func (p *Provider) Change(f func(p *Provider)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f(p)
}

// ask asks one of the functions first.
func (p *Provider) ask(ctx context.Context, f *func(context.Context, string) error, name string) error {
	p.mu.Lock()
	first := *f
	p.mu.Unlock()
	if err := ctx.Err(); err != nil || first == nil {
		return err
	}
	return first(ctx, name)
}

// Launch implements actors.Provider.
func (p *Provider) Launch(ctx context.Context, c scale.Class, name string) error {
	if err := p.ask(ctx, &p.OnLaunch, name); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, runs := p.running[name]; runs {
		return nil
	}
	p.launched = append(p.launched, name)
	p.running[name] = func(bool) {}
	if p.Start != nil {
		p.running[name] = p.Start(c, name)
	}
	return nil
}

// Remove implements actors.Provider.
func (p *Provider) Remove(ctx context.Context, name string) error {
	if err := p.ask(ctx, &p.OnRemove, name); err != nil {
		return err
	}
	p.end(name, true)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.removed = append(p.removed, name)
	return nil
}

// Lose ends what runs under a name, without anybody having asked.
func (p *Provider) Lose(name string) { p.end(name, false) }

func (p *Provider) end(name string, requested bool) {
	p.mu.Lock()
	stop := p.running[name]
	delete(p.running, name)
	p.mu.Unlock()
	if stop != nil {
		stop(requested)
	}
}

// List implements actors.Provider.
func (p *Provider) List(ctx context.Context) ([]string, error) {
	if err := p.ask(ctx, &p.OnList, ""); err != nil {
		return nil, err
	}
	return p.Running(), nil
}

// Running returns the names that run, sorted.
func (p *Provider) Running() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	names := make([]string, 0, len(p.running))
	for name := range p.running {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Launched returns the names that were started, in order.
func (p *Provider) Launched() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.launched)
}

// Removed returns the names that were removed, in order.
func (p *Provider) Removed() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.removed)
}

// Machines is a provider whose workers join a yard so long after their launch, each
// with an executor that runs script. Its removal is the power switch, so that one
// that runs something then is an error of the test.
func (y *Yard) Machines(boot time.Duration, script Script) *Provider {
	p := NewProvider()
	p.Start = func(c scale.Class, name string) func(bool) {
		m := &powered{executor: NewExecutor(script)}
		up := time.AfterFunc(boot, func() {
			m.mu.Lock()
			defer m.mu.Unlock()
			if !m.off && !y.isOver() {
				m.worker = y.StartWorker(name, m.executor, func(cfg *actors.WorkerConfig) {
					cfg.Labels, cfg.Slots, cfg.Pool, cfg.Resources = c.Labels, c.Slots, c.Pool, c.Resources
				})
			}
		})
		return func(requested bool) {
			up.Stop()
			if runs := m.executor.Running(); requested && len(runs) > 0 {
				y.tb.Errorf("%s was removed while it ran %v", name, runs)
			}
			m.switchOff()
		}
	}
	return p
}

func (y *Yard) isOver() bool {
	y.mu.Lock()
	defer y.mu.Unlock()
	return y.over
}

// powered is a worker on a machine of its own.
type powered struct {
	executor *Executor
	mu       sync.Mutex
	worker   *Worker // nil while it boots
	off      bool
}

func (m *powered) switchOff() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.off = true
	if m.worker != nil {
		m.worker.Kill()
	}
}

// ErrBroken is what a broken provider answers.
var ErrBroken = errors.New("testkit: no machines today")
