package testkit

import (
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"slices"
	"sync"
	"time"

	"yardmaster/actors"
	"yardmaster/domain/attempt"
	"yardmaster/domain/job"
)

// Script is what an executor does with a task.
type Script func(ctx context.Context, task attempt.Task, out attempt.Observer) job.Result

// Executor runs a script instead of steps, and keeps account. It implements
// actors.Executor.
type Executor struct {
	script Script

	mu      sync.Mutex
	begun   []string // names of attempts, in the order of their beginning
	running map[string]bool
	most    int
}

var _ actors.Executor = (*Executor)(nil)

// NewExecutor returns an executor that does what script says.
func NewExecutor(script Script) *Executor {
	return &Executor{script: script, running: map[string]bool{}}
}

// Execute implements actors.Executor.
func (e *Executor) Execute(ctx context.Context, task attempt.Task, out attempt.Observer) job.Result {
	name := task.Name()
	e.mu.Lock()
	e.begun = append(e.begun, name)
	e.running[name] = true
	e.most = max(e.most, len(e.running))
	e.mu.Unlock()
	began := time.Now()
	r := e.script(ctx, task, out)
	e.mu.Lock()
	delete(e.running, name)
	e.mu.Unlock()
	if r.StartedAt.IsZero() {
		r.StartedAt, r.EndedAt = began, time.Now()
	}
	return r
}

// Begun returns the attempts that were begun, in order.
func (e *Executor) Begun() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.begun)
}

// Running returns the attempts that run now, sorted.
func (e *Executor) Running() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	names := make([]string, 0, len(e.running))
	for name := range e.running {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Most returns how many ran at once, at most.
func (e *Executor) Most() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.most
}

// Succeed ends at once, in success and without a log.
func Succeed(context.Context, attempt.Task, attempt.Observer) job.Result {
	return job.Result{Outcome: job.OutcomeSucceeded}
}

// Fail ends at once with exit code 1.
func Fail(context.Context, attempt.Task, attempt.Observer) job.Result { return Failure(1) }

// Failure is the result of a step that ended with an exit code.
func Failure(code int) job.Result {
	return job.Result{Outcome: job.OutcomeFailed, Fault: job.FaultUser, ExitCode: code}
}

// Interrupted is the result of an attempt whose context has ended.
func Interrupted(ctx context.Context) job.Result {
	cause := context.Cause(ctx)
	if errors.Is(cause, attempt.ErrCancelled) {
		return job.Result{Outcome: job.OutcomeCancelled, Reason: "it was cancelled"}
	}
	return job.Result{Outcome: job.OutcomeLost, Fault: job.FaultInfrastructure, Reason: cause.Error()}
}

// Take returns a script that runs for d, if it is let, and succeeds.
func Take(d time.Duration) Script {
	return func(ctx context.Context, _ attempt.Task, _ attempt.Observer) job.Result {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
			return job.Result{Outcome: job.OutcomeSucceeded}
		case <-ctx.Done():
			return Interrupted(ctx)
		}
	}
}

// ByKey returns a script that does what the map says for the job's key, and
// succeeds at once for others.
func ByKey(scripts map[string]Script) Script {
	return func(ctx context.Context, task attempt.Task, out attempt.Observer) job.Result {
		if s := scripts[task.Spec.Key]; s != nil {
			return s(ctx, task, out)
		}
		return Succeed(ctx, task, out)
	}
}

// Hands is a script whose ends the test decides.
type Hands struct {
	mu   sync.Mutex
	ends map[string]chan job.Result
}

// NewHands returns hands with nothing in them.
func NewHands() *Hands { return &Hands{ends: map[string]chan job.Result{}} }

func (h *Hands) end(name string) chan job.Result {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ends[name] == nil {
		h.ends[name] = make(chan job.Result, 1)
	}
	return h.ends[name]
}

// Script waits until the attempt is told to end.
func (h *Hands) Script(ctx context.Context, task attempt.Task, _ attempt.Observer) job.Result {
	select {
	case r := <-h.end(task.Name()):
		return r
	case <-ctx.Done():
		return Interrupted(ctx)
	}
}

// End has the attempt of that name end so.
func (h *Hands) End(name string, r job.Result) { h.end(name) <- r }

// Pen writes an attempt's log and counts it.
type Pen struct {
	out  attempt.Observer
	hash hash.Hash
	sum  job.LogSum
}

// NewPen returns a pen that writes to out.
func NewPen(out attempt.Observer) *Pen { return &Pen{out: out, hash: sha256.New()} }

// Write writes a chunk of step 0.
func (p *Pen) Write(text string) {
	p.sum.Chunks++
	p.sum.Bytes += uint64(len(text))
	p.hash.Write([]byte(text))
	p.out.Output(attempt.Chunk{Seq: p.sum.Chunks, Time: time.Now(), Data: []byte(text)})
}

// Sum returns the sum of what was written.
func (p *Pen) Sum() job.LogSum {
	p.sum.SHA256 = [32]byte(p.hash.Sum(nil))
	return p.sum
}
