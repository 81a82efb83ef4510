package supervisor_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/supervisor"
)

func TestATreeIsDrawn(t *testing.T) {
	t.Parallel()
	partition := func(name string) supervisor.Spec {
		return supervisor.Spec{
			Name: name, Strategy: supervisor.RestForOne, Intensity: limit(5, 30*time.Second), Why: "a replay takes 5 s",
			Children: []supervisor.Child{
				{Name: "journal", Does: "the only writer"},
				{Supervisor: &supervisor.Spec{
					Name: "jobs", Intensity: limit(50, time.Minute), Why: "more is no job's fault",
					Children: []supervisor.Child{{
						Name: "job", Does: "one job, from submission to end",
						Template: &supervisor.Template{Limit: 1_000_000, Within: time.Hour},
					}},
				}},
			},
		}
	}
	golden(t, "tree.txt", supervisor.Draw(supervisor.Spec{
		Name: "yardmaster", Strategy: supervisor.RestForOne, Intensity: limit(3, 5*time.Minute),
		Why: "beyond it a new process is the better start",
		Children: []supervisor.Child{
			{Name: "membership", Does: "which nodes are here"},
			{Supervisor: &supervisor.Spec{
				Name: "partitions", Intensity: limit(10, time.Hour),
				Children: []supervisor.Child{{
					Name: "partition", Does: "one partition", Template: &supervisor.Template{Supervisor: partition},
				}},
			}},
			{Name: "gateway", Does: "requests from outside"},
		},
	}))
}

// golden compares got with a file, or rewrites the file when UPDATE is set.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("UPDATE") != "" {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got, "rewrite it with UPDATE=1 if the change is meant")
}

func TestAFaultySpecIsRefusedWithAllItsFaults(t *testing.T) {
	t.Parallel()
	spec := supervisor.Spec{
		Name: "a/b", Strategy: 9,
		Children: []supervisor.Child{
			{Name: "x"},
			{Name: "x", Start: func() actor.Actor { return nil }},
			{Name: "", Start: func() actor.Actor { return nil }},
			{Name: "t", Template: &supervisor.Template{
				Start:      func(string) actor.Actor { return nil },
				Supervisor: func(string) supervisor.Spec { return supervisor.Spec{} },
			}},
			{Supervisor: &supervisor.Spec{}},
		},
	}
	_, err := supervisor.Start(system(), spec, nil)
	for _, want := range []string{
		`name "a/b"`, "unknown strategy", "intensity needs", "a/b/x: need one of", `"x" is listed twice`,
		"both Start and Supervisor", "only child", `a/b/t/*: intensity`, `name ""`,
	} {
		require.ErrorContains(t, err, want)
	}
	assert.Equal(t, "unknown strategy", supervisor.Strategy(9).String())
}

func TestTwoTreesCannotShareAName(t *testing.T) {
	t.Parallel()
	sys := system()
	spec := supervisor.Spec{Name: "root", Intensity: limit(1, time.Second)}
	tree := start(t, sys, spec)
	_, err := supervisor.Start(sys, spec, nil)
	require.ErrorIs(t, err, actor.ErrNameExists)
	stop(t, tree)
}

type secret struct{ password string }

// TestLogsTellNoSecrets crashes an actor with a message in its hands, and with
// the message as the panic's value.
func TestLogsTellNoSecrets(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T) {
		var out bytes.Buffer
		log := slog.New(slog.NewTextHandler(&out, nil))
		sys := supervisor.NewSystem(log, actor.WithDeadLetterThrottleInterval(50*time.Millisecond))
		hooks := supervisor.Hooks{Restarted: func(supervisor.Failure) { panic("careless hook") }}
		tree := start(t, sys, supervisor.Spec{
			Name: "root", Intensity: limit(5, time.Minute),
			Children: []supervisor.Child{{Name: "a", Start: receive(func(ctx actor.Context) {
				if m, ok := ctx.Message().(secret); ok {
					panic(m)
				}
			})}},
		}, supervisor.WithHooks(hooks), supervisor.WithLogger(log))
		synctest.Wait()
		sys.Root.Send(tree.PID("a"), secret{"hunter2"})
		sys.Root.Send(tree.PID("nobody"), secret{"hunter2"})
		sys.Root.Send(tree.PID(""), secret{"hunter2"})
		synctest.Wait()
		stop(t, tree)
		time.Sleep(time.Second)
		assert.NotContains(t, out.String(), "hunter2")
		assert.Contains(t, out.String(), "supervisor_test.secret")
		assert.Contains(t, out.String(), "careless hook")
		assert.Equal(t, 1, strings.Count(out.String(), "stack="), out.String())
	})
}

// TestCurrentTellsLivesApart is what a continuation needs after a restart.
func TestCurrentTellsLivesApart(t *testing.T) {
	t.Parallel()
	sys := system()
	var lives atomic.Int32
	seen := make(chan actor.Actor, 1)
	pid := sys.Root.Spawn(supervisor.Props(nil, func() actor.Actor { return &looker{lives.Add(1), seen} }))
	sys.Root.Send(pid, ask{})
	first := received(t, seen)
	sys.Root.Send(pid, boom{})
	sys.Root.Send(pid, ask{})
	assert.NotEqual(t, first, received(t, seen))
	require.NoError(t, sys.Root.StopFuture(pid).Wait())
	plain := sys.Root.Spawn(actor.PropsFromProducer(func() actor.Actor { return &looker{0, seen} }))
	sys.Root.Send(plain, ask{})
	assert.Equal(t, &looker{0, seen}, received(t, seen))
	require.NoError(t, sys.Root.StopFuture(plain).Wait())
}

type looker struct {
	life int32
	seen chan actor.Actor
}

func (*looker) Receive(ctx actor.Context) {
	switch ctx.Message().(type) {
	case ask:
		supervisor.Current(ctx).(*looker).seen <- supervisor.Current(ctx)
	case boom:
		panic("boom")
	}
}
