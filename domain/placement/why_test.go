package placement_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/domain/job"
	"yardmaster/domain/placement"
	"yardmaster/domain/project"
	"yardmaster/domain/resource"
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
			y.Next(start)
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
					y.Hold(wid(i), placement.Request{Job: id(100 + 10*i + j)})
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
			y.Hold("w4", placement.Request{Job: id(9)})
		}},
		{"all drain", func(y *placement.Yard) {
			worksAt(y, "w1", 1, worker.Draining, "gpu", "linux")
			worksAt(y, "w2", 1, worker.Draining, "gpu", "linux")
		}},
		{"the only one that matches is busy", func(y *placement.Yard) {
			worksAt(y, "w1", 1, worker.Available, "gpu", "linux")
			y.Hold("w1", placement.Request{Job: id(9)})
		}},
		{"some are left, and one of them is busy", func(y *placement.Yard) {
			worksAt(y, "w1", 1, worker.Draining, "gpu", "linux")
			worksAt(y, "w2", 1, worker.Running, "gpu", "linux")
			worksAt(y, "w3", 2, worker.Running, "gpu", "linux")
			y.Hold("w2", placement.Request{Job: id(9)})
			y.Hold("w3", placement.Request{Job: id(8)})
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
			y.Hold("w1", placement.Request{Job: id(9)})
			_ = y.Push(placement.Request{Job: id(2)})
		}},
		{"another worker could take it some day", func(y *placement.Yard) {
			y.Remove(id(1))
			worksAt(y, "w1", 1, worker.Available)
			worksAt(y, "w2", 1, worker.Available)
			_ = y.Push(placement.Request{Job: id(0), Priority: 1})
			_ = y.Push(placement.Request{Job: id(1), Avoid: []worker.ID{"w1"}})
		}},
	}
	var got strings.Builder
	for _, c := range cases {
		y := placement.New(placement.Config{Limit: 100})
		require.NoError(t, y.Push(placement.Request{Job: id(1), Labels: []string{"gpu", "linux"}}))
		c.setup(y)
		got.WriteString("# " + c.title + "\n" + y.Why(id(1), start).String() + "\n\n")
	}
	golden(t, "why.golden", got.String())
}

// TestWhySaysWhoGoesFirstAndWhatIsMissing does likewise for what takes more to set up:
// testdata/rivals.golden.
func TestWhySaysWhoGoesFirstAndWhatIsMissing(t *testing.T) {
	t.Parallel()

	limits := map[string]project.Limits{
		"web": {Weight: 2}, "capped": {Running: 2}, "paced": {StartsPerSecond: 0.1},
	}
	mine := placement.Request{
		Job: id(1), Project: "web", Resources: resource.Amount{CPU: 4 * resource.Core, Memory: 8 << 30},
		QueuedAt: start.Add(-minute),
	}
	in := func(name string) placement.Request { r := mine; r.Project = name; return r }
	var got strings.Builder
	for _, c := range []struct {
		title string
		ask   placement.Request
		setup func(t *testing.T, y *placement.Yard)
	}{
		{"others of its project go first", mine, func(t *testing.T, y *placement.Yard) {
			for i := range 7 {
				r := placement.Request{Job: id(10 + i), Project: "web", QueuedAt: start.Add(-time.Duration(i) * time.Hour)}
				r.Priority = i % 2 * 9
				ask(t, y, r)
			}
			ask(t, y, placement.Request{Job: id(20), Project: "web", QueuedAt: start})
		}},
		{"other projects have less", mine, func(t *testing.T, y *placement.Yard) {
			joins(y, "w1", 40, resource.Amount{})
			for i := range 12 {
				y.Hold("w1", placement.Request{Job: id(100 + i), Project: "web"})
			}
			ask(t, y, placement.Request{Job: id(2), Project: "app", QueuedAt: start.Add(-26 * time.Hour)})
			ask(t, y, placement.Request{Job: id(3), Project: "doc", QueuedAt: start})
		}},
		{"its project is at its limit", in("capped"), func(t *testing.T, y *placement.Yard) {
			joins(y, "w1", 4, resource.Amount{})
			y.Hold("w1", placement.Request{Job: id(100), Project: "capped"})
			y.Hold("w1", placement.Request{Job: id(101), Project: "capped"})
			ask(t, y, placement.Request{Job: id(2), Project: "capped", QueuedAt: start.Add(-time.Hour)})
		}},
		{"its project starts slowly", in("paced"), func(t *testing.T, y *placement.Yard) {
			joins(y, "w1", 4, resource.Amount{})
			ask(t, y, placement.Request{Job: id(2), Project: "paced", QueuedAt: start.Add(-time.Hour)})
			require.Equal(t, "2>w1", placed(y))
		}},
		{"all are of another pool", mine, func(_ *testing.T, y *placement.Yard) {
			y.Join(placement.Worker{ID: "w1", Pool: "trusted", Slots: 1, State: worker.Available})
		}},
		{"all are too small", mine, func(_ *testing.T, y *placement.Yard) {
			joins(y, "w1", 1, resource.Amount{CPU: 2 * resource.Core, Memory: 16 << 30})
			joins(y, "w2", 1, resource.Amount{CPU: 8 * resource.Core, Memory: 4 << 30})
			joins(y, "w3", 1, resource.Amount{CPU: 1 * resource.Core, Memory: 1 << 30})
			y.Join(placement.Worker{ID: "w4", Pool: "trusted", Slots: 1, State: worker.Available})
		}},
		{"some are too small, and one has no slots", mine, func(_ *testing.T, y *placement.Yard) {
			joins(y, "w1", 1, resource.Amount{CPU: 2 * resource.Core, Memory: 16 << 30})
			joins(y, "w2", 0, resource.Amount{})
			joins(y, "w3", 1, resource.Amount{})
			y.Hold("w3", placement.Request{Job: id(100)})
		}},
		{"nobody has slots", mine, func(_ *testing.T, y *placement.Yard) { joins(y, "w1", 0, resource.Amount{}) }},
		{"there are slots, but too little beside", mine, func(_ *testing.T, y *placement.Yard) {
			for i := range 2 {
				joins(y, wid(i), 4, resource.Amount{CPU: 8 * resource.Core, Memory: 16 << 30})
				y.Hold(wid(i), placement.Request{Job: id(100 + i), Resources: resource.Amount{
					CPU: (6 - int64(i)) * resource.Core, Memory: int64(1+9*i) << 30,
				}})
			}
		}},
		{"all are busy until about some time", mine, func(t *testing.T, y *placement.Yard) {
			for i := range 3 {
				joins(y, wid(i), 1, resource.Amount{})
			}
			for i := range 4 {
				ask(t, y, placement.Request{Job: id(100 + i), Project: "web", Affinity: "like", Priority: 99})
			}
			a, _ := y.Next(start.Add(-20 * minute))
			y.Free(a.Worker, a.Job, start.Add(-5*minute))
			for i := range 3 {
				_, ok := y.Next(start.Add(time.Duration(i-10) * minute))
				require.True(t, ok)
			}
		}},
		{"the job that should have ended long ago may end at once", mine, func(t *testing.T, y *placement.Yard) {
			joins(y, "w1", 1, resource.Amount{})
			for i := range 2 {
				ask(t, y, placement.Request{Job: id(100 + i), Project: "web", Affinity: "like", Priority: 99})
			}
			a, _ := y.Next(start.Add(-time.Hour))
			y.Free(a.Worker, a.Job, start.Add(-59*minute))
			_, ok := y.Next(start.Add(-59 * minute))
			require.True(t, ok)
		}},
		{"a worker is kept free for it", mine, func(t *testing.T, y *placement.Yard) { keepOne(t, y, id(1), 10) }},
		{"a worker is kept free for another", placement.Request{
			Job: id(1), Project: "web", Resources: cores(1), QueuedAt: start.Add(time.Second),
		}, func(t *testing.T, y *placement.Yard) { keepOne(t, y, id(2), 10) }},
		{"an attempt failed on the others", placement.Request{
			Job: id(1), Avoid: []worker.ID{"w1", "w2"},
		}, func(_ *testing.T, y *placement.Yard) {
			for _, w := range []worker.ID{"w1", "w2", "w3"} {
				joins(y, w, 1, resource.Amount{})
			}
			y.Hold("w3", placement.Request{Job: id(100)})
		}},
	} {
		y := placement.New(by(limits))
		ask(t, y, c.ask)
		c.setup(t, y)
		why := y.Why(id(1), start.In(time.FixedZone("there", 3600)))
		got.WriteString("# " + c.title + "\n" + why.String() + "\n\n")
	}
	golden(t, "rivals.golden", got.String())
}

// joins adds a worker without labels.
func joins(y *placement.Yard, id worker.ID, slots int, total resource.Amount) {
	y.Join(placement.Worker{ID: id, Slots: slots, Total: total, State: worker.Available})
}

// keepOne has a worker kept free for a job that needs four cores, while a smaller one
// overtakes it.
func keepOne(t *testing.T, y *placement.Yard, of job.ID, small int) {
	t.Helper()
	joins(y, "w1", 8, cores(5))
	y.Hold("w1", placement.Request{Job: id(100), Resources: cores(2)})
	require.NoError(t, y.Push(placement.Request{
		Job: of, Project: "web", Resources: cores(4), QueuedAt: start.Add(-minute), Priority: 1,
	}))
	ask(t, y, placement.Request{Job: id(small), Project: "web", Resources: cores(1), QueuedAt: start})
	a, ok := y.Next(start)
	require.True(t, ok)
	require.Equal(t, id(small), a.Job)
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

	y := placement.New(placement.Config{Limit: 10})
	require.NoError(t, y.Push(placement.Request{Job: id(1), Priority: 2, Labels: []string{"linux", "gpu"}}))
	worksAt(y, "w1", 1, worker.Available, "linux")
	worksAt(y, "w2", 4, worker.Draining, "linux", "gpu")
	worksAt(y, "w3", 1, worker.Running, "linux", "gpu")
	y.Hold("w3", placement.Request{Job: id(7)})
	got := y.Why(id(1), start)
	for i := range got.Excluded {
		assert.NotEmpty(t, got.Excluded[i].Reason)
		got.Excluded[i].Reason = ""
	}
	assert.Equal(t, placement.Explanation{
		Job: id(1), Waiting: true, Priority: 2, Competing: 1, Demand: []string{"gpu", "linux"},
		At: start, Workers: 3, Matching: 2, Fitting: 2, Ready: 1, Used: 1, Slots: 1,
		Labels: []placement.LabelCount{{Label: "gpu", Workers: 2, OnlyLack: 1}, {Label: "linux", Workers: 3}},
		States: []placement.StateCount{{State: worker.Draining, Workers: 1}},
		Excluded: []placement.Exclusion{
			{Filter: "labels", Workers: 1}, {Filter: "state", Workers: 1}, {Filter: "room", Workers: 1},
		},
	}, got)
}
