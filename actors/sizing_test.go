package actors_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"yardmaster/actors"
	"yardmaster/domain/job"
	"yardmaster/domain/sizing"
	"yardmaster/internal/testkit"
	"yardmaster/messages"
)

// gauge is a machine that shows what a test says.
type gauge struct {
	mu     sync.Mutex
	sample sizing.Sample
}

func (g *gauge) Look(time.Time) sizing.Sample {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.sample
}

func (g *gauge) show(s sizing.Sample) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sample = s
}

var (
	idle = sizing.Sample{
		Known: true, Cores: 2, CPU: 0.1, CPUPressure: 0.01, MemoryPressure: 0, MemoryFree: 900 << 20, MemoryTotal: 1 << 30,
	}
	full  = sizing.Sample{Known: true, Cores: 2, CPU: 1, Runnable: 3, MemoryFree: 900 << 20, MemoryTotal: 1 << 30}
	short = sizing.Sample{Known: true, Cores: 2, CPU: 0.5, MemoryFree: 1 << 20, MemoryTotal: 1 << 30}
)

// sized has a worker size its slots between 1 and 8, from 2 on.
func sized(g *gauge) func(*actors.WorkerConfig) {
	return func(c *actors.WorkerConfig) { c.SlotsMin, c.SlotsMax, c.Machine = 1, 8, g }
}

func submitMany(t testing.TB, n *testkit.Node, count int) (ids []string) {
	t.Helper()
	for range count {
		ids = append(ids, submit(t, n, workflow(aJob("a"))))
	}
	return ids
}

func worker1(t testing.TB, n *testkit.Node) *messages.Worker {
	t.Helper()
	all, err := n.Backend().Workers(t.Context())
	require.NoError(t, err)
	require.Len(t, all, 1)
	return all[0]
}

func TestAWorkerSizesItsSlotsByItself(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n, g := y.StartNode(), &gauge{}
		e := testkit.NewExecutor(testkit.Take(time.Hour))
		g.show(full)
		w := y.StartWorker("w1", e, sized(g))
		elapse(time.Second)
		submitMany(t, n, 12)
		elapse(time.Minute)
		require.Len(t, e.Running(), 2, "the processors are in use")
		before := y.Disk.Appends()

		g.show(idle)
		elapse(3 * time.Second)
		require.Len(t, e.Running(), 8, "as many as it may, within seconds")
		got := worker1(t, n)
		require.EqualValues(t, 8, got.GetSlots())
		require.EqualValues(t, 1, got.GetSlotsMin())
		require.EqualValues(t, 8, got.GetSlotsMax())
		require.EqualValues(t, 100, got.GetLoad().GetCpuPermille())
		require.EqualValues(t, 10, got.GetLoad().GetCpuPressurePermille())
		require.EqualValues(t, 900<<20, got.GetLoad().GetMemoryFreeBytes())
		require.Equal(t, actors.WorkerSize{Slots: 8, Busy: 8, CPU: 0.1}, w.Size())
		require.LessOrEqual(t, y.Disk.Appends()-before, 6, "the jobs' assignments, and no event of the worker")
	})
}

func TestASizeThatShrinksStopsNothing(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n, g, hands := y.StartNode(), &gauge{}, testkit.NewHands()
		e := testkit.NewExecutor(hands.Script)
		g.show(idle)
		y.StartWorker("w1", e, sized(g))
		elapse(time.Second)
		ids := submitMany(t, n, 9)
		elapse(5 * time.Second)
		require.Len(t, e.Running(), 8)

		g.show(short)
		elapse(10 * time.Second)
		require.Len(t, e.Running(), 8)
		require.EqualValues(t, 4, worker1(t, n).GetSlots())
		g.show(full)
		names := e.Running()
		end := func(name string) { hands.End(name, job.Result{Outcome: job.OutcomeSucceeded}) }
		for _, name := range names[:4] {
			end(name)
			elapse(time.Second)
			require.Len(t, e.Begun(), 8, "until it has less than its size, it is given nothing")
		}
		end(names[4])
		elapse(time.Second)
		require.Len(t, e.Begun(), 9)
		for _, id := range ids {
			require.Empty(t, get(t, n, id).Jobs[0].Reason)
			require.Len(t, get(t, n, id).Jobs[0].Attempts, 1, "no attempt is lost")
		}
	})
}

// The size shrinks while assignments are under way: their attempts run.
func TestAnAssignmentThatCrossesASmallerSizeRuns(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n, g := y.StartNode(), &gauge{}
		e := testkit.NewExecutor(testkit.Take(time.Hour))
		g.show(short)
		w := y.StartWorker("w1", e, sized(g))
		elapse(20 * time.Second)
		require.EqualValues(t, 1, worker1(t, n).GetSlots())
		owner, err := testkit.NewProbe(w.System, "owner")
		require.NoError(t, err)
		for i := range 8 {
			spawnOn(w, owner, fmt.Sprintf("01RUN%d", i), 1)
		}
		elapse(time.Millisecond)
		require.Len(t, e.Begun(), 8)
		spawnOn(w, owner, "01RUN8", 1)
		elapse(time.Millisecond)
		require.Len(t, e.Begun(), 8, "but no more than ever can be right")
	})
}

func TestANewNodeHearsTheSizeThatAWorkerHas(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n, g := y.StartNode(), &gauge{}
		e := testkit.NewExecutor(testkit.Take(time.Hour))
		g.show(idle)
		y.StartWorker("w1", e, sized(g))
		elapse(time.Second)
		submitMany(t, n, 10)
		elapse(5 * time.Second)
		require.Len(t, e.Running(), 8)
		n.Kill()
		n = y.StartNode()
		elapse(time.Minute)
		require.EqualValues(t, 8, worker1(t, n).GetSlots())
		require.Len(t, e.Running(), 8)
	})
}

func TestAFixedSizeStaysAndTellsHowBusyItsMachineIs(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n, g := y.StartNode(), &gauge{}
		e := testkit.NewExecutor(testkit.Take(time.Hour))
		g.show(idle)
		y.StartWorker("w1", e, func(c *actors.WorkerConfig) { c.Machine = g })
		submitMany(t, n, 10)
		elapse(time.Minute)
		require.Len(t, e.Running(), 2)
		got := worker1(t, n)
		require.EqualValues(t, 2, got.GetSlots())
		require.Equal(t, got.GetSlotsMin(), got.GetSlotsMax())
		require.EqualValues(t, 100, got.GetLoad().GetCpuPermille())
	})
}

func TestASizeThatCannotBeIsRefused(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n, g := y.StartNode(), &gauge{}
		g.show(idle)
		w := y.StartWorker("w1", testkit.NewExecutor(testkit.Succeed), sized(g))
		elapse(time.Second)
		liar, err := testkit.NewProbe(w.System, "liar")
		require.NoError(t, err)
		session := n.PID("yardmaster/fleet/sessions/w1")
		_, incarnation, _ := strings.Cut(w.System.Address(), ".")
		w.System.Root.RequestWithCustomSender(session,
			&messages.Heartbeat{Incarnation: incarnation, Seq: 99, Slots: 1 << 30}, liar.PID)
		elapse(time.Second)
		require.NotEmpty(t, testkit.Of[*messages.HeartbeatAck](liar.Take()), "it was heard")
		require.EqualValues(t, 2, worker1(t, n).GetSlots())
	})
}
