package supervisor_test

import (
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/supervisor"
)

// slowToStop stops only when its gate opens.
type slowToStop struct {
	crasher
	gate chan struct{}
}

func (s *slowToStop) Receive(ctx actor.Context) {
	if _, stopping := ctx.Message().(*actor.Stopping); stopping {
		<-s.gate
	}
	s.crasher.Receive(ctx)
}

// The first of a group gives up while the failure of the second is being handled,
// and its child takes a while to stop: of the two Restarts that it gets, the
// second comes while it is restarting and begins no life of its own.
func TestTwoRestartsThatBecomeOneKeepNobodyWaiting(t *testing.T) {
	t.Parallel()

	bubble(t, func(t *testing.T) {
		var lives, ofTemplate atomic.Int32
		gate, handled, goOn := make(chan struct{}), make(chan struct{}), make(chan struct{})
		spec := supervisor.Spec{
			Name: "root", Strategy: supervisor.OneForAll, Intensity: limit(10, patience), Backoff: noJitter(),
			Children: []supervisor.Child{
				{Supervisor: &supervisor.Spec{
					Name: "many", Intensity: limit(0, patience), Backoff: noJitter(),
					Children: []supervisor.Child{{Name: "one", Template: &supervisor.Template{
						Start: func(string) actor.Actor { return &slowToStop{crasher{&ofTemplate}, gate} },
					}}},
				}},
				{Name: "owner", Start: func() actor.Actor { return &crasher{&lives} }},
			},
		}
		first := true
		sys := system()
		hooks := supervisor.Hooks{Restarted: func(f supervisor.Failure) {
			if f.Class == "root/owner" && first {
				first = false
				close(handled)
				<-goOn
			}
		}}
		tree := start(t, sys, spec, supervisor.WithLogger(slog.New(slog.DiscardHandler)), supervisor.WithHooks(hooks))
		synctest.Wait()
		for _, name := range []string{"slow", "bad"} {
			sys.Root.Send(tree.PID("many"), &supervisor.Spawn{Name: name})
		}
		synctest.Wait()
		require.EqualValues(t, 2, ofTemplate.Load())
		sys.Root.Send(tree.PID("owner"), boom{})
		<-handled
		sys.Root.Send(tree.PID("many/bad"), boom{})
		synctest.Wait() // many has given up, which its parent has yet to hear
		close(goOn)
		synctest.Wait()
		close(gate)
		synctest.Wait()
		assert.GreaterOrEqual(t, lives.Load(), int32(2), "the owner was never started again")
		sys.Root.Send(tree.PID("many"), &supervisor.Spawn{Name: "new"})
		synctest.Wait()
		assert.EqualValues(t, 3, ofTemplate.Load(), "the template starts nothing any more")
		stop(t, tree)
	})
}
