package scale_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/domain/resource"
	"yardmaster/domain/scale"
)

// decide decides once, without a memory.
func decide(classes []scale.Class, demands []scale.Demand, workers ...scale.Worker) []scale.Verdict {
	verdicts, _ := scale.Decide(classes, nil, scale.Situation{Now: noon, Demands: demands, Workers: workers})
	return verdicts
}

func TestHowManyWorkersWorkThatWaitsNeeds(t *testing.T) {
	t.Parallel()

	small := class("small", "linux")
	heavy := class("heavy", "linux")
	heavy.Slots, heavy.Resources = 4, resource.Amount{CPU: 4000, Memory: 8 << 30}
	tests := []struct {
		name    string
		class   scale.Class
		demands []scale.Demand
		workers []scale.Worker
		launch  int
		why     string
	}{
		{"nothing waits", small, nil, nil, 0, "nothing runs here, and nothing waits"},
		{"a slot for each long job", small, []scale.Demand{wait(3, time.Hour)}, nil, 2, "2 more needed"},
		{"a job that is not known counts as long as a boot", small, []scale.Demand{wait(3, 0)}, nil, 2, "3 jobs wait"},
		{"short jobs share a slot", small, []scale.Demand{wait(120, time.Second)}, nil, 1, "120 jobs wait"},
		{"never more than there may be", small, []scale.Demand{wait(100, time.Hour)}, nil, 10, "never be more than 10"},
		{
			"a free slot takes one at once", small,
			[]scale.Demand{wait(3, time.Hour)},
			of(small, scale.Ready, 1, 1),
			1, "2 jobs wait",
		},
		{
			"what busy slots will have done before a boot starts no machine", small,
			[]scale.Demand{wait(100, time.Second)},
			of(small, scale.Ready, 1, 2),
			0, "existing slots will do them before",
		},
		{
			"but what they will not does", small,
			[]scale.Demand{wait(200, time.Second)},
			of(small, scale.Ready, 1, 2),
			1, "82 jobs wait that will not be done", // each of the two slots will do 59
		},
		{
			"a worker that boots is not asked for twice", small,
			[]scale.Demand{wait(4, time.Hour)},
			of(small, scale.Booting, 2, 0),
			0, "4 jobs wait",
		},
		{
			"a worker of no class helps, too", small,
			[]scale.Demand{wait(3, time.Hour, "linux")},
			[]scale.Worker{{Name: "pet", Phase: scale.Ready, Labels: []string{"linux"}, Slots: 3, Since: noon}},
			0, "3 jobs wait",
		},
		{
			"one that leaves does not help, and counts as a machine", small,
			[]scale.Demand{wait(40, time.Hour)},
			of(small, scale.Leaving, 3, 0),
			7, "14 jobs wait that will not be done",
		},
		{
			"nor does one that is silent", small,
			[]scale.Demand{wait(1, time.Hour)},
			of(small, scale.Silent, 1, 0),
			1, "1 job waits",
		},
		{
			"jobs that fill a worker get one each", heavy,
			[]scale.Demand{{Waiting: 3, Typical: time.Hour, Resources: resource.Amount{CPU: 3000}}},
			nil, 3, "3 more needed",
		},
		{
			"two to a worker by its memory", heavy,
			[]scale.Demand{{Waiting: 3, Typical: time.Hour, Resources: resource.Amount{Memory: 4 << 30}}},
			nil, 2, "2 more needed",
		},
		{
			"a job that is too large is no matter of the class", heavy,
			[]scale.Demand{{Waiting: 3, Resources: resource.Amount{CPU: 5000}}},
			nil, 0, "nothing waits",
		},
		{"nor is one with other labels", small, []scale.Demand{wait(1, 0, "gpu", "linux")}, nil, 0, "nothing waits"},
		{"nor one of another pool", small, []scale.Demand{{Waiting: 1, Pool: "forks"}}, nil, 0, "nothing waits"},
		{
			"a job that waits beside an idle worker waits for something else", small,
			[]scale.Demand{wait(5, time.Hour)},
			idleFor(of(small, scale.Ready, 1, 0), time.Minute),
			0, "more workers would not help",
		},
		{
			"a job that has waited too long gets a worker, whatever the forecast", small,
			[]scale.Demand{{Waiting: 1, Typical: time.Second, OldestWait: 3 * time.Minute}},
			of(small, scale.Ready, 1, 2),
			1, "has waited for 3m0s",
		},
		{
			"one only, if none is on its way", small,
			[]scale.Demand{{Waiting: 1, Typical: time.Second, OldestWait: 3 * time.Minute}},
			slices.Concat(of(small, scale.Ready, 1, 2), of(small, scale.Booting, 1, 0)),
			0, "",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()

			v := decide([]scale.Class{tt.class}, tt.demands, tt.workers...)[0]
			assert.Equal(t, tt.launch, v.Launch, v.Why)
			assert.Contains(t, strings.Join(v.Why, "\n"), tt.why)
			assert.Empty(t, v.Alert)
		})
	}
}

// idleFor moves the beginning of workers' idleness into the past.
func idleFor(all []scale.Worker, d time.Duration) []scale.Worker {
	for i := range all {
		all[i].Since = noon.Add(-d)
	}
	return all
}

func TestWorkGoesToTheCheapestClassThatCanServeIt(t *testing.T) {
	t.Parallel()

	small, big := class("small", "linux"), class("big", "gpu", "linux")
	big.Cost, small.Most = 5, 2
	launches := func(classes []scale.Class, demands ...scale.Demand) []int {
		var n []int
		for _, v := range decide(classes, demands) {
			n = append(n, v.Launch)
		}
		return n
	}
	both := []scale.Class{big, small}
	assert.Equal(t, []int{0, 1}, launches(both, wait(2, time.Hour, "linux")))
	assert.Equal(t, []int{1, 0}, launches(both, wait(2, time.Hour, "gpu")))
	assert.Equal(t, []int{1, 1}, launches(both, wait(2, time.Hour, "linux"), wait(1, time.Hour, "gpu")))
	assert.Equal(t, []int{3, 2}, launches(both, wait(10, time.Hour, "linux")), "what has no room spills over")
	big.Slots = 20
	assert.Equal(t, []int{1, 0}, launches([]scale.Class{big, small}, wait(10, time.Hour, "linux")),
		"a slot is what costs, not a worker")
}

func TestRareWorkersAreLeftForWhoNeedsThem(t *testing.T) {
	t.Parallel()

	small, big := class("small", "linux"), class("big", "gpu", "linux")
	v := decide([]scale.Class{small, big}, []scale.Demand{wait(2, time.Hour, "linux"), wait(2, time.Hour, "gpu")},
		slices.Concat(of(big, scale.Ready, 1, 0))...)
	assert.Equal(t, 1, v[0].Launch)
	assert.Zero(t, v[1].Launch)
}

func TestAClassIsNeverSmallerThanItsLeastNorLargerThanItsMost(t *testing.T) {
	t.Parallel()

	c := class("small")
	c.Least, c.Most = 2, 3
	v := decide([]scale.Class{c}, nil)[0]
	assert.Equal(t, 2, v.Launch)
	assert.Equal(t, 2, v.Desired)

	v = decide([]scale.Class{c}, nil, idleFor(of(c, scale.Ready, 5, 0), time.Hour)...)[0]
	assert.Equal(t, 3, v.Desired)
	assert.Len(t, v.Drain, 2, "the limit was lowered")
	v = decide([]scale.Class{c}, nil, of(c, scale.Ready, 5, 1)...)[0]
	assert.Empty(t, v.Drain, "they hold something")
	assert.Contains(t, v.Why, "2 workers are too many, and none idle")
}

// after decides every second for so long, and returns the last verdict and memory.
func after(c scale.Class, m scale.Memory, d time.Duration, s scale.Situation) (scale.Verdict, scale.Memory) {
	memories := map[string]scale.Memory{c.Name: m}
	var v []scale.Verdict
	for past := time.Duration(0); past <= d; past += time.Second {
		now := s
		now.Now = s.Now.Add(past)
		v, memories = scale.Decide([]scale.Class{c}, memories, now)
	}
	return v[0], memories[c.Name]
}

func TestFewerAreKeptWhenFewerHaveBeenEnoughForTheWholeTime(t *testing.T) {
	t.Parallel()

	c := class("small")
	workers := slices.Concat(of(c, scale.Ready, 3, 0), of(c, scale.Ready, 1, 1))
	workers[1].Since = noon.Add(-time.Minute) // the longest idle
	s := scale.Situation{Now: noon, Workers: workers}
	v, m := after(c, scale.Memory{}, 5*time.Minute-time.Second, s)
	assert.Empty(t, v.Drain)
	assert.Equal(t, 4, v.Desired)
	assert.Contains(t, v.Why, "1 would do; fewer are kept when that has been so for 5m0s")
	s.Now = noon.Add(5 * time.Minute)
	v, _ = after(c, m, 0, s)
	assert.Equal(t, 1, v.Desired)
	assert.Equal(t, []string{"small-101", "small-100", "small-102"}, v.Drain)
	assert.Contains(t, v.Why, "3 workers are drained, the longest idle first: small-101, small-100, small-102")

	// A moment of load in between, and the time begins anew.
	busy := s
	busy.Now, busy.Workers = noon.Add(5*time.Minute), of(c, scale.Ready, 4, 2)
	_, m = after(c, m, 0, busy)
	s.Now = busy.Now.Add(time.Second)
	v, _ = after(c, m, 4*time.Minute, s)
	assert.Empty(t, v.Drain)
}

func TestAfterAStepUpTheNextWaits(t *testing.T) {
	t.Parallel()

	c := class("small")
	c.CooldownUp = time.Minute
	s := scale.Situation{Now: noon, Demands: []scale.Demand{wait(2, time.Hour)}}
	v, m := after(c, scale.Memory{}, 0, s)
	require.Equal(t, 1, v.Launch)
	s.Workers, s.Demands[0].Waiting = of(c, scale.Booting, 1, 0), 6
	s.Now = noon.Add(time.Second)
	v, m = after(c, m, 58*time.Second-time.Second, s)
	assert.Zero(t, v.Launch)
	assert.Contains(t, v.Why, "nothing is started for 2s, so soon after the last step up")
	s.Now = noon.Add(time.Minute)
	v, _ = after(c, m, 0, s)
	assert.Equal(t, 2, v.Launch)
	assert.Contains(t, v.Why, "2 workers are asked for")
}

func TestAWorkerThatWasLostIsReplacedOnlyIfItIsNeeded(t *testing.T) {
	t.Parallel()

	c := class("small")
	s := scale.Situation{Now: noon, Workers: of(c, scale.Ready, 3, 2)}
	_, m := after(c, scale.Memory{}, 0, s)
	s.Now, s.Workers = noon.Add(time.Minute), s.Workers[:2]
	v, m := after(c, m, 0, s)
	assert.Equal(t, 3, v.Desired)
	assert.Zero(t, v.Launch)
	s.Demands = []scale.Demand{wait(1, time.Hour)}
	v, _ = after(c, m, 0, s)
	assert.Equal(t, 1, v.Launch)
}

func TestSomebodyElsesWorkersAreOnlyCounted(t *testing.T) {
	t.Parallel()

	c := class("pods")
	c.Provider = ""
	s := scale.Situation{Now: noon, Demands: []scale.Demand{wait(6, time.Hour)}, Workers: of(c, scale.Ready, 1, 2)}
	v, m := after(c, scale.Memory{}, 0, s)
	assert.Equal(t, 4, v.Desired)
	assert.Equal(t, 3, v.Booting)
	assert.Zero(t, v.Launch)
	s.Now, s.Demands, s.Workers = noon.Add(time.Minute), nil, of(c, scale.Ready, 4, 0)
	v, m = after(c, m, 5*time.Minute, s)
	assert.Zero(t, v.Desired)
	assert.Empty(t, v.Drain)
	s.Now = s.Now.Add(5 * time.Minute)
	v, _ = after(c, m, 10*time.Minute, s)
	assert.Zero(t, v.Desired, "it stays so, however long that takes")
}

func TestTheSameSituationGivesTheSameVerdict(t *testing.T) {
	t.Parallel()

	small, big := class("small", "linux"), class("big", "gpu", "linux")
	s := scale.Situation{
		Now: noon, Demands: []scale.Demand{wait(2, time.Hour, "linux"), wait(7, time.Second, "gpu"), wait(9, 0)},
		Workers: slices.Concat(of(big, scale.Ready, 3, 0), of(small, scale.Booting, 2, 0), of(small, scale.Ready, 2, 1)),
	}
	want, _ := scale.Decide([]scale.Class{small, big}, nil, s)
	slices.Reverse(s.Workers)
	slices.Reverse(s.Demands)
	got, _ := scale.Decide([]scale.Class{small, big}, nil, s)
	assert.Equal(t, want, got)
}
