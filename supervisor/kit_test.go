package supervisor_test

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"yardmaster/supervisor"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	patience = 30 * time.Second // for events that must come
	tick     = time.Millisecond
)

type (
	boom  struct{} // makes a crasher panic
	block struct{ gate chan struct{} }
	late  struct{ gate chan struct{} } // makes a crasher panic when the gate opens
	ask   struct{}                     // a request that is answered with its own type
)

// system returns a silent actor system.
func system() *actor.ActorSystem {
	return supervisor.NewSystem(slog.New(slog.DiscardHandler), actor.WithDeadLetterThrottleInterval(50*time.Millisecond))
}

// crasher panics on boom, blocks on block, answers ask, and counts its lives.
type crasher struct{ lives *atomic.Int32 }

func (c *crasher) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		c.lives.Add(1)
	case boom:
		panic("boom")
	case block:
		<-m.gate
	case late:
		<-m.gate
		panic("late")
	case ask:
		ctx.Respond(m)
	}
}

// journal records what happened, in order.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) add(line string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, line)
}

func (j *journal) take() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	lines := j.lines
	j.lines = nil
	return lines
}

func start(t *testing.T, sys *actor.ActorSystem, spec supervisor.Spec, options ...supervisor.Option) *supervisor.Tree {
	t.Helper()
	tree, err := supervisor.Start(sys, spec, nil, options...)
	require.NoError(t, err)
	return tree
}

func stop(t *testing.T, tree *supervisor.Tree) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	require.NoError(t, supervisor.Stop(ctx, tree))
}

func limit(restarts int, period time.Duration) supervisor.Intensity {
	return supervisor.Intensity{Restarts: restarts, Period: period}
}

func noJitter() supervisor.Backoff { return supervisor.Backoff{Jitter: supervisor.NoJitter} }

// received waits for a value that must come.
func received[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		require.FailNow(t, "nothing came")
		panic("unreachable")
	}
}

// bubble runs a test on a virtual clock, and at its end lets the log throttle of
// dead letters run out.
func bubble(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		defer time.Sleep(time.Second)
		test(t)
	})
}
