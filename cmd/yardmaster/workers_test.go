package main

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/api/apitest"
	"yardmaster/domain/problem"
	"yardmaster/domain/resource"
	"yardmaster/messages"
)

func TestWorkersAreChangedAsTheCommandLineSays(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		args []string
		want *messages.ChangeWorkerRequest
	}{
		{[]string{"drain", "w1", "--reason", "old disk"}, &messages.ChangeWorkerRequest{
			WorkerId: "w1", HeldBack: new(true), Reason: "old disk",
		}},
		{[]string{"resume", "worker-"}, &messages.ChangeWorkerRequest{WorkerId: "worker-two", HeldBack: new(false)}},
		{[]string{"label", "w1", "gpu", "cuda=12", "big-"}, &messages.ChangeWorkerRequest{
			WorkerId: "w1", AddLabels: []string{"gpu", "cuda=12"}, RemoveLabels: []string{"big"},
		}},
	} {
		b := filled()
		c := newCLI(t, b)
		require.Zero(t, c.run(append([]string{"workers"}, tt.args...)...), c.err.String())
		changes, _ := b.Changes()
		require.Len(t, changes, 1)
		assert.Equal(t, tt.want.String(), changes[0].String())
	}
}

// looks is a backend whose worker looks different each time; nil means that the
// server does not answer.
func looks(all ...*messages.Worker) *apitest.Backend {
	var n atomic.Int64
	return &apitest.Backend{
		WorkerList: []*messages.Worker{{WorkerId: "w1"}},
		OnWorker: func(string) (*messages.GetWorkerResponse, error) {
			w := all[min(int(n.Add(1)), len(all))-1]
			if w == nil {
				return nil, problem.New(problem.Unavailable, "the node is recovering")
			}
			return &messages.GetWorkerResponse{Worker: w}, nil
		},
	}
}

func heldBack(jobs ...string) *messages.Worker {
	return &messages.Worker{
		WorkerId: "w1", HeldBack: true, Jobs: jobs, State: messages.WorkerState_WORKER_STATE_DRAINING,
	}
}

func TestADrainIsWaitedFor(t *testing.T) {
	t.Parallel()
	c := newCLI(t, looks(heldBack(), heldBack("R.0", "R.1"), heldBack("R.1"), nil, nil, heldBack("R.1"), heldBack()))
	require.Zero(t, c.run("workers", "drain", "w1", "--wait"), c.err.String())
	assert.Equal(t, "w1 still runs R.0, R.1\nw1 still runs R.1\nw1 runs nothing any more\n", c.out.String())
	assert.Equal(t, "yardmaster: the server does not answer: waiting\n", c.err.String())

	c = newCLI(t, looks(heldBack("R.0"), heldBack()))
	require.Zero(t, c.run("workers", "drain", "w1", "--wait", "-o", "json"), c.err.String())
	assert.True(t, strings.HasPrefix(c.out.String(), "{"), c.out.String())
	assert.Contains(t, c.out.String(), `"held_back": true`)
}

func TestADrainThatIsCalledOffFails(t *testing.T) {
	t.Parallel()
	c := newCLI(t, looks(heldBack("R.0"), &messages.Worker{WorkerId: "w1"}))
	assert.Equal(t, exitFailed, c.run("workers", "drain", "w1", "--wait"))
	assert.Contains(t, c.err.String(), "somebody lets w1 take jobs again")
}

func TestADrainThatIsInterruptedGoesOn(t *testing.T) {
	t.Parallel()
	c := newCLI(t, looks(heldBack("R.0")))
	seen := c.out.seen("still runs R.0")
	go func() { // ends with the first words
		<-seen
		c.interrupt()
	}()
	assert.Equal(t, exitCancelled, c.run("workers", "drain", "w1", "--wait"))
	assert.Contains(t, c.err.String(), "w1 stays held back")
}

func TestAWorkerThatVanishesIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	b := looks(heldBack("R.0"))
	first := b.OnWorker
	var n atomic.Int64
	b.OnWorker = func(id string) (*messages.GetWorkerResponse, error) {
		if n.Add(1) > 1 {
			return nil, problem.New(problem.NotFound, "there is no worker %s", id)
		}
		return first(id)
	}
	c := newCLI(t, b)
	assert.Equal(t, exitUsage, c.run("workers", "drain", "w1", "--wait"))
	assert.Contains(t, c.err.String(), "there is no worker w1")
}

func TestWorkersAreCompleted(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"workers show w":      "w1\nworker-two\n:4\n",
		"workers drain wo":    "worker-two\n:4\n",
		"workers label w1 gp": ":4\n",
	} {
		c := newCLI(t, filled())
		require.Zero(t, c.run(append([]string{"__complete"}, strings.Fields(args)...)...))
		assert.Equal(t, want, c.out.String(), args)
	}
	c := newCLI(t, &apitest.Backend{Fail: errors.New("no")})
	require.Zero(t, c.run("__complete", "workers", "show", "w"))
	assert.Equal(t, ":1\n", c.out.String())
}

func TestErrorsOfWorkersHaveExitCodes(t *testing.T) {
	t.Parallel()
	for _, args := range []string{"list", "show w1", "drain w1", "drain w1 --wait", "resume w1", "label w1 gpu"} {
		c := newCLI(t, &apitest.Backend{Fail: problem.New(problem.Unavailable, "so it is")})
		assert.Equal(t, exitUnreachable, c.run(append([]string{"workers"}, strings.Fields(args)...)...), args)
		c = newCLI(t, nil)
		assert.Equal(t, exitUsage, c.run(append([]string{"workers", "--api", "nonsense"}, strings.Fields(args)...)...), args)
	}
	many := new(apitest.Backend)
	for i := range 9 {
		many.WorkerList = append(many.WorkerList, &messages.Worker{WorkerId: fmt.Sprintf("w%d", i)})
	}
	c := newCLI(t, many)
	assert.Equal(t, exitUsage, c.run("workers", "show", "w"))
	assert.Contains(t, c.err.String(), `"w" could be any of w0, w1, w2, w3, w4, ...`)
}

func TestLabelsOfAListAreShort(t *testing.T) {
	t.Parallel()
	for want, labels := range map[string]string{
		"":                             "",
		"amd64,go=1.26.8,linux":        "amd64 go go=1 go=1.26 go=1.26.8 linux",
		"a.b,a.b.c":                    "a.b a.b.c", // no versions
		"java=17,java=21.0.2":          "java java=17 java=21 java=21.0 java=21.0.2",
		"sandbox=landlock,sandbox=ns2": "sandbox=landlock sandbox=ns2",
	} {
		assert.Equal(t, want, shortLabels(strings.Fields(labels)))
	}
}

func TestAmountsAreReadFromFlags(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"4": 4000, "0.5": 500, "1.25": 1250, "0.001": 1, "4096": resource.MaxCPU,
		"": 0, "0": 0, "-1": 0, "4097": 0, "x": 0, "NaN": 0, "Inf": 0, "0.0001": 0,
	} {
		var milli int64
		err := (&cpuFlag{&milli}).Set(text)
		assert.Equal(t, want, milli, text)
		assert.Equal(t, want == 0, err != nil, text)
	}
	for text, want := range map[string]int64{
		"1B": 1, "8GiB": 8 << 30, "512 MiB": 512 << 20, "1.5KiB": 1536, "2TB": 2e12, "1KB": 1000,
		"1024TiB": resource.MaxMemory,
		"":        0, "8": 0, "GiB": 0, "8G": 0, "-1B": 0, "0B": 0, "1025TiB": 0, "8gib": 0, "NaNB": 0,
	} {
		var bytes int64
		err := (&memoryFlag{&bytes}).Set(text)
		assert.Equal(t, want, bytes, text)
		assert.Equal(t, want == 0, err != nil, text)
	}
	var room resource.Amount
	assert.Empty(t, (&cpuFlag{&room.CPU}).String()+(&memoryFlag{&room.Memory}).String()+(&cpuFlag{}).String())
	room = resource.Amount{CPU: 1500, Memory: 8 << 30}
	assert.Equal(t, "1.5", (&cpuFlag{&room.CPU}).String())
	assert.Equal(t, "8 GiB", (&memoryFlag{&room.Memory}).String())
}

// TestAWorkerOffersWhatItFinds runs a worker as an operator starts it, who names
// what jobs may take of the machine.
func TestAWorkerOffersWhatItFinds(t *testing.T) {
	t.Parallel()
	cfg := testNode(t)
	cfg.Projects.Others.Pool = "trusted"
	u := userOf(t, nodeOf(t, cfg))
	w := testWorker(t, cfg.NATSListen)
	w.NoProbe, w.Labels, w.Pool = false, []string{"gpu"}, "trusted"
	w.Resources = resource.Amount{CPU: 500}
	workerOf(t, w)
	u.await(u.submit(strings.Replace(helloFile, "runs-on: linux", "runs-on: [linux, gpu, go]", 1)), success)
	answer, err := u.Worker(t.Context(), "w1")
	require.NoError(t, err)
	got := answer.GetWorker()
	assert.Subset(t, got.GetLabels(), []string{"go", "gpu", "linux"})
	assert.NotContains(t, got.GetFound(), "gpu")
	assert.Equal(t, "trusted", got.GetPool())
	assert.Equal(t, uint64(500), got.GetResources().GetCpuMilli())
	assert.Positive(t, got.GetResources().GetMemoryBytes())

	bare := testWorker(t, cfg.NATSListen)
	bare.ID, bare.Resources.Memory = "w2", 1<<30
	workerOf(t, bare)
	require.Eventually(t, func() bool {
		answer, err = u.Worker(t.Context(), "w2")
		return err == nil
	}, partsDeadline, 10*time.Millisecond)
	assert.Equal(t, []string{"linux"}, answer.GetWorker().GetLabels())
	assert.Positive(t, answer.GetWorker().GetResources().GetCpuMilli())
	assert.Equal(t, uint64(1<<30), answer.GetWorker().GetResources().GetMemoryBytes())
}
