package actors_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/domain/job"
	"yardmaster/domain/partition"
	"yardmaster/domain/project"
	"yardmaster/internal/testkit"
	"yardmaster/messages"
)

var (
	seed  = flag.Uint64("seed", 0, "simulate only this seed")
	seeds = flag.Uint64("seeds", 50, "how many seeds to simulate")
)

// TestSimulation runs a yard through minutes of lost, late and doubled frames,
// workers that are cut off, killed and started anew, and nodes that die, all as a
// seed says, and then a time without faults. The clock is virtual; how goroutines
// interleave is not the seed's to say. It then checks what must hold:
//
//  1. every run that was acknowledged has ended, each of its jobs exactly once;
//  2. a result that counted was reported under the token of its assignment, and
//     no worker began an attempt twice;
//  3. no worker ever held more attempts than slots;
//  4. only the owner of a partition wrote it: its history folds without a fault;
//  5. nothing waits any more, and no attempt runs.
func TestSimulation(t *testing.T) {
	t.Parallel()
	first, last := uint64(1), *seeds
	if *seed != 0 {
		first, last = *seed, *seed
	}
	for s := first; s <= last; s++ {
		t.Run(fmt.Sprint("seed ", s), func(t *testing.T) {
			t.Parallel()
			inYard(t, func(t *testing.T, y *testkit.Yard) { newSimulation(t, y, s).run() })
			if t.Failed() {
				t.Logf("again: go test ./actors -run Simulation -seed=%d", s)
			}
		})
	}
}

type simulation struct {
	t         *testing.T
	y         *testkit.Yard
	rand      *rand.Rand
	node      *testkit.Node
	workers   []*testkit.Worker
	executors []*testkit.Executor
	runs      []string
}

func newSimulation(t *testing.T, y *testkit.Yard, seed uint64) *simulation {
	s := &simulation{t: t, y: y, rand: rand.New(rand.NewPCG(seed, 1)), node: y.StartNode()}
	s.workers = make([]*testkit.Worker, 3)
	for i := range s.workers {
		s.begin(i)
	}
	return s
}

// begin starts worker i, again.
func (s *simulation) begin(i int) {
	e := testkit.NewExecutor(testkit.ByKey(map[string]testkit.Script{
		"quick": writing("a\n", "b\n"), "slow": testkit.Take(20 * time.Second), "bad": testkit.Fail,
	}))
	s.executors = append(s.executors, e)
	s.workers[i] = s.y.StartWorker(fmt.Sprint("w", i), e)
}

func (s *simulation) run() {
	fates := rand.New(rand.NewPCG(s.rand.Uint64(), 2)) // used under the network's lock only
	s.y.Net.Suffer(func(string, string, []byte) (int, time.Duration) {
		switch n := fates.IntN(100); {
		case n < 10:
			return 0, 0
		case n < 20:
			return 2, time.Duration(fates.IntN(3000)) * time.Millisecond
		default:
			return 1, time.Duration(fates.IntN(200)) * time.Millisecond
		}
	})
	for range 40 {
		s.step()
		elapse(time.Duration(s.rand.IntN(5000)) * time.Millisecond)
	}
	s.y.Net.Suffer(nil)
	for _, w := range s.workers {
		w.Mend()
	}
	elapse(15 * time.Minute)
	s.check()
}

// step does one thing that may happen in a yard.
func (s *simulation) step() {
	i := s.rand.IntN(len(s.workers))
	switch s.rand.IntN(13) {
	case 0:
		s.workers[i].Cut()
	case 1:
		s.workers[i].Mend()
		s.workers[i].Reconnected()
	case 2:
		s.workers[i].Kill()
		s.begin(i)
	case 3:
		s.node.Kill()
		s.node = s.y.StartNode()
	case 4:
		if len(s.runs) > 0 {
			c, stop := withTimeout(s.t, time.Second)
			_ = s.node.Backend().Cancel(c, cancelOf(s.runs[s.rand.IntN(len(s.runs))]), "bob")
			stop()
		}
	case 5:
		if len(s.runs) > 0 {
			s.retry(s.runs[s.rand.IntN(len(s.runs))])
		}
	default:
		keys := []string{"quick", "slow", "bad"}
		w := workflow(aJob(keys[s.rand.IntN(3)]), aJob(keys[s.rand.IntN(2)]), aJob(keys[s.rand.IntN(2)], 1))
		s.runs = append(s.runs, submit(s.t, s.node, w))
	}
}

// retry tries a run again, if it has ended and something of it failed.
func (s *simulation) retry(id string) {
	c, stop := withTimeout(s.t, time.Second)
	defer stop()
	request := &messages.RetryRunRequest{RunId: id, FailedOnly: s.rand.IntN(2) == 0}
	again, err := s.node.Backend().Retry(c, request, "bob", "")
	if err == nil {
		s.runs = append(s.runs, again.Run.RunId)
	}
}

func (s *simulation) check() {
	for _, id := range s.runs {
		r := get(s.t, s.node, id)
		assert.True(s.t, messages.StateFromProto(r.State).Final(), "1: %v", r)
	}
	if s.t.Failed() {
		workers, _ := s.node.Backend().Workers(s.t.Context())
		s.t.Log("workers: ", workers)
	}
	for _, e := range s.executors {
		assert.LessOrEqual(s.t, e.Most(), 2, "3")
		assert.Empty(s.t, e.Running(), "5")
		begun := e.Begun()
		slices.Sort(begun)
		assert.Len(s.t, slices.Compact(begun), len(e.Begun()), "2: an attempt was begun twice: %v", begun)
	}
	for p := range partition.Number(2) {
		s.checkHistory(s.y.Disk.Events(p))
	}
	now := s.node.Metrics.Jobs()
	require.Zero(s.t, now[job.Pending], "5")
	require.Zero(s.t, now[job.Running], "5")
	jobs, promised := s.node.Metrics.Waiting(project.Default)
	require.Zero(s.t, jobs, "5")
	require.Zero(s.t, promised, "5")
	require.Zero(s.t, s.node.Metrics.Projects(), "5")
}

// checkHistory checks what a journal says of its jobs.
func (s *simulation) checkHistory(events [][]byte) {
	open, ended, plans := map[job.ID]job.Token{}, map[job.ID]bool{}, messages.NewPlans()
	for _, e := range events {
		h, err := messages.DecodeHistory(e, plans)
		require.NoError(s.t, err, "4")
		require.False(s.t, h.JobEvent != nil && ended[h.Job], "1: %s goes on after its end: %T", h.Job, h.JobEvent)
		switch e := h.JobEvent.(type) {
		case job.Assigned:
			require.Greater(s.t, e.Token, open[h.Job], "2: a token was given twice")
			open[h.Job] = e.Token
		case job.AttemptEnded:
			require.Equal(s.t, open[h.Job], e.Token, "2")
		case job.Ended:
			ended[h.Job] = true
			if e.Result.Outcome == job.OutcomeSucceeded {
				require.Equal(s.t, open[h.Job], e.Token, "2")
			}
		}
	}
}
