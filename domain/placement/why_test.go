package placement_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/domain/placement"
	"yardmaster/domain/worker"
)

func worksAt(y *placement.Yard, id worker.ID, slots int, state worker.State, labels ...string) {
	y.Join(placement.Worker{ID: id, Slots: slots, State: state, Labels: labels})
}

// TestWhyReadsWell compares what people are told with testdata/why.golden. Rewrite
// it with UPDATE=1 and read the difference.
func TestWhyReadsWell(t *testing.T) {
	t.Parallel()

	cases := []struct {
		title string
		setup func(*placement.Yard)
	}{
		{"nobody knows the job", func(y *placement.Yard) { y.Remove(id(1)) }},
		{"no worker is connected", func(*placement.Yard) {}},
		{"it holds a slot", func(y *placement.Yard) {
			worksAt(y, "w1", 1, worker.Available, "gpu", "linux")
			y.Next()
		}},
		{"a label is on no worker", func(y *placement.Yard) {
			worksAt(y, "w1", 1, worker.Available, "linux")
			worksAt(y, "w2", 1, worker.Available, "macos")
		}},
		{"no label is on any worker", func(y *placement.Yard) { worksAt(y, "w1", 1, worker.Available) }},
		{"no worker has all labels", func(y *placement.Yard) {
			worksAt(y, "w1", 1, worker.Available, "linux")
			worksAt(y, "w2", 1, worker.Available, "linux")
			worksAt(y, "w3", 1, worker.Available, "gpu")
		}},
		{"all that match are busy, and many lack a label", func(y *placement.Yard) {
			for i := range 3 {
				worksAt(y, wid(i), 1+i, worker.Running, "gpu", "linux", "x64")
				for j := range 1 + i {
					y.Hold(wid(i), id(100+10*i+j))
				}
			}
			for i := 3; i < 11; i++ {
				worksAt(y, wid(i), 1, worker.Available, "x64")
			}
			worksAt(y, "w11", 1, worker.Available, "linux")
		}},
		{"some are not healthy, and the only one left is busy", func(y *placement.Yard) {
			worksAt(y, "w1", 1, worker.Draining, "gpu", "linux")
			worksAt(y, "w2", 1, worker.Unhealthy, "gpu", "linux")
			worksAt(y, "w3", 1, worker.Unhealthy, "gpu", "linux")
			worksAt(y, "w4", 1, worker.Running, "gpu", "linux")
			y.Hold("w4", id(9))
		}},
		{"all drain", func(y *placement.Yard) {
			worksAt(y, "w1", 1, worker.Draining, "gpu", "linux")
			worksAt(y, "w2", 1, worker.Draining, "gpu", "linux")
		}},
		{"the only one that matches is busy", func(y *placement.Yard) {
			worksAt(y, "w1", 1, worker.Available, "gpu", "linux")
			y.Hold("w1", id(9))
		}},
		{"some are left, and one of them is busy", func(y *placement.Yard) {
			worksAt(y, "w1", 1, worker.Draining, "gpu", "linux")
			worksAt(y, "w2", 1, worker.Running, "gpu", "linux")
			worksAt(y, "w3", 2, worker.Running, "gpu", "linux")
			y.Hold("w2", id(9))
			y.Hold("w3", id(8))
		}},
		{"others go first, and one does not compete", func(y *placement.Yard) {
			worksAt(y, "w1", 1, worker.Available, "gpu", "linux")
			worksAt(y, "w2", 1, worker.Available, "macos")
			_ = y.Push(placement.Request{Job: id(2), Priority: 3, Labels: []string{"linux"}})
			_ = y.Push(placement.Request{Job: id(3), Priority: 3})
			_ = y.Push(placement.Request{Job: id(4), Priority: 3, Labels: []string{"macos"}})
			_ = y.Push(placement.Request{Job: id(5), Labels: []string{"gpu"}})
		}},
		{"it is the next of several", func(y *placement.Yard) {
			worksAt(y, "w1", 1, worker.Running, "gpu", "linux")
			y.Hold("w1", id(9))
			_ = y.Push(placement.Request{Job: id(2)})
		}},
		{"any worker will do", func(y *placement.Yard) {
			y.Remove(id(1))
			worksAt(y, "w1", 1, worker.Available)
			worksAt(y, "w2", 1, worker.Available)
			_ = y.Push(placement.Request{Job: id(0), Priority: 1})
			_ = y.Push(placement.Request{Job: id(1), Avoid: "w1"})
		}},
	}
	var got strings.Builder
	for _, c := range cases {
		y := placement.New(100)
		require.NoError(t, y.Push(placement.Request{Job: id(1), Labels: []string{"gpu", "linux"}}))
		c.setup(y)
		got.WriteString("# " + c.title + "\n" + y.Why(id(1)).String() + "\n\n")
	}
	golden(t, "why.golden", got.String())
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("UPDATE") != "" {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o600))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
}

func TestWhyIsAlsoData(t *testing.T) {
	t.Parallel()

	y := placement.New(10)
	require.NoError(t, y.Push(placement.Request{Job: id(1), Priority: 2, Labels: []string{"linux", "gpu"}}))
	worksAt(y, "w1", 1, worker.Available, "linux")
	worksAt(y, "w2", 4, worker.Draining, "linux", "gpu")
	worksAt(y, "w3", 1, worker.Running, "linux", "gpu")
	y.Hold("w3", id(7))
	got := y.Why(id(1))
	for i := range got.Excluded {
		assert.NotEmpty(t, got.Excluded[i].Reason)
		got.Excluded[i].Reason = ""
	}
	assert.Equal(t, placement.Explanation{
		Job: id(1), Waiting: true, Priority: 2, Competing: 1, Demand: []string{"gpu", "linux"},
		Workers: 3, Matching: 2, Ready: 1, Used: 1, Slots: 1,
		Labels: []placement.LabelCount{{Label: "gpu", Workers: 2, OnlyLack: 1}, {Label: "linux", Workers: 3}},
		States: []placement.StateCount{{State: worker.Draining, Workers: 1}},
		Excluded: []placement.Exclusion{
			{Filter: "labels", Workers: 1}, {Filter: "state", Workers: 1}, {Filter: "room", Workers: 1},
		},
	}, got)
}
