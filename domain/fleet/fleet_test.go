package fleet_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"yardmaster/domain/fleet"
	"yardmaster/domain/resource"
	"yardmaster/domain/worker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	epoch = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	says  = fleet.Says{
		Labels: []string{"gpu", "linux"}, Slots: 4, Resources: resource.Amount{CPU: 4000, Memory: 1 << 30}, Pool: "trusted",
	}
	held = worker.Settings{HeldBack: true, Added: []string{"big"}, Removed: []string{"gpu"}}
)

// change is a change d after the epoch.
func change(d time.Duration, s worker.State, settings worker.Settings) fleet.Change {
	return fleet.Change{At: epoch.Add(d), Principal: "w1", Incarnation: "a", State: s, Settings: settings}
}

// ids returns the workers of a fleet in the order of All.
func ids(f *fleet.Fleet) (all []worker.ID) {
	for r := range f.All() {
		all = append(all, r.ID)
	}
	return all
}

func TestChangesAddUpToARecord(t *testing.T) {
	t.Parallel()

	f := fleet.New()
	_, known := f.Worker("w1")
	require.False(t, known)
	first, second := change(0, worker.Available, worker.Settings{}), change(time.Minute, worker.Draining, held)
	second.Reason, second.Principal, second.Alert = "its disk is old", "ann", true
	f.Apply("w1", says, first)
	before, _ := f.Worker("w1")
	f.Apply("w1", says, second)
	r, known := f.Worker("w1")
	require.True(t, known)
	assert.Equal(t, fleet.Record{ID: "w1", Says: says, History: []fleet.Change{first, second}}, r)
	assert.Equal(t, second, r.Last())
	assert.Len(t, before.History, 1, "what was handed out stays as it was")
	assert.Equal(t, 1, f.Len())
}

func TestAnOwnerGoesOnFromARecord(t *testing.T) {
	t.Parallel()

	f := fleet.New()
	f.Apply("w1", says, change(0, worker.Draining, held))
	r, _ := f.Worker("w1")
	w := r.Worker()
	assert.Equal(t, worker.Worker{
		ID: "w1", Incarnation: "a", Said: says.Labels, Settings: held, Labels: []string{"big", "linux"}, Slots: 4,
		Resources: says.Resources, Pool: "trusted",
	}, w)
	assert.Equal(t, worker.Draining, w.State())
	events, err := worker.Decide(w, worker.Register{
		ID: "w1", Incarnation: "a", Labels: says.Labels, Slots: 4, Resources: says.Resources, Pool: "trusted",
	})
	require.NoError(t, err)
	assert.Empty(t, events, "nothing has happened to the worker while its owner was away")

	f.Apply("w1", says, change(1, worker.Unhealthy, held))
	r, _ = f.Worker("w1")
	assert.Equal(t, worker.Unhealthy, r.Worker().State())
	f.Apply("w1", says, change(2, worker.Gone, held))
	r, _ = f.Worker("w1")
	assert.Equal(t, worker.Unknown, r.Worker().State(), "it may come back")
	assert.Equal(t, held, r.Worker().Settings)
}

func TestOnlySoMuchOfALifeIsKept(t *testing.T) {
	t.Parallel()

	f := fleet.New()
	for i := range 3 * fleet.MaxHistory {
		f.Apply("w1", says, change(time.Duration(i), worker.Available, worker.Settings{}))
	}
	r, _ := f.Worker("w1")
	require.Len(t, r.History, fleet.MaxHistory)
	assert.Equal(t, epoch.Add(2*fleet.MaxHistory), r.History[0].At)
	assert.Equal(t, epoch.Add(3*fleet.MaxHistory-1), r.Last().At)
}

func TestOfManyWorkersLessIsKeptOfEach(t *testing.T) {
	t.Parallel()

	f := fleet.New()
	const many = 20_000
	for range 6 {
		for i := range many {
			f.Apply(worker.ID(fmt.Sprintf("w%d", i)), says, change(0, worker.Available, worker.Settings{}))
		}
	}
	r, _ := f.Worker("w7")
	assert.Len(t, r.History, 5)
}

func TestWorkersThatAreGoneAreLetGoOf(t *testing.T) {
	t.Parallel()

	f := fleet.New()
	f.Apply("lives", says, change(0, worker.Available, worker.Settings{}))
	f.Apply("gone", says, change(0, worker.Gone, worker.Settings{}))
	f.Apply("back", says, change(0, worker.Gone, worker.Settings{}))
	f.Apply("back", says, change(1, worker.Available, worker.Settings{}))
	f.Apply("wanted", says, change(0, worker.Gone, held))
	assert.Equal(t, []worker.ID{"gone", "wanted", "back", "lives"}, ids(f))

	f.Apply("lives", says, change(fleet.GoneLife, worker.Available, worker.Settings{}))
	assert.Len(t, ids(f), 4)
	f.Apply("lives", says, change(fleet.GoneLife+1, worker.Available, worker.Settings{}))
	assert.Equal(t, []worker.ID{"wanted", "back", "lives"}, ids(f))
	f.Apply("wanted", says, change(fleet.GoneLife+2, worker.Gone, worker.Settings{}))
	f.Apply("lives", says, change(2*fleet.GoneLife+3, worker.Available, worker.Settings{}))
	assert.Equal(t, []worker.ID{"back", "lives"}, ids(f), "nobody wants anything of it any more")

	f.Apply("wanted", says, change(0, worker.Gone, held))
	f.Apply("lives", says, change(fleet.SettingsLife+1, worker.Available, worker.Settings{}))
	assert.Equal(t, []worker.ID{"back", "lives"}, ids(f))
}

func TestOnlySoManyGoneWorkersAreKept(t *testing.T) {
	t.Parallel()

	f := fleet.New()
	name := func(i int) worker.ID { return worker.ID(fmt.Sprintf("w%05d", i)) }
	for _, settings := range []worker.Settings{{}, held} {
		for i := range fleet.MaxGone + 100 {
			id := name(i)
			if settings.HeldBack {
				id = "held-" + id
			}
			f.Apply(id, says, change(time.Duration(i), worker.Available, settings))
			f.Apply(id, says, change(time.Duration(i), worker.Gone, settings))
		}
	}
	assert.Equal(t, 2*fleet.MaxGone, f.Len())
	_, known := f.Worker(name(99))
	assert.False(t, known, "the oldest went first")
	_, known = f.Worker("held-" + name(100))
	assert.True(t, known)
}

// A worker that comes and goes without end leaves no trace behind the first place.
func TestComingAndGoingLeavesNothing(t *testing.T) {
	t.Parallel()

	f := fleet.New()
	f.Apply("first", says, change(0, worker.Gone, worker.Settings{}))
	for i := range 1000 {
		f.Apply("w1", says, change(time.Duration(i), worker.Gone, worker.Settings{}))
		f.Apply("w1", says, change(time.Duration(i), worker.Available, worker.Settings{}))
	}
	assert.Less(t, f.Places(), 100)
	assert.Equal(t, []worker.ID{"first", "w1"}, ids(f))
}

func TestAMistypedNameHasNeighbours(t *testing.T) {
	t.Parallel()

	f := fleet.New()
	for _, id := range []worker.ID{"build-1", "build-2", "Build-10", "gpu-1", "x"} {
		f.Apply(id, says, change(0, worker.Available, worker.Settings{}))
	}
	for typed, want := range map[worker.ID][]worker.ID{
		"build":   {"Build-10", "build-1", "build-2"},
		"biuld-1": {"build-1"},
		"build-3": {"build-1", "build-2", "Build-10"},
		"gpu1":    {"gpu-1"},
		"upg-1":   {"gpu-1"},
		"nobody":  {},
		"y":       {"x"},
	} {
		assert.Equal(t, want, f.Near(typed), typed)
	}
	for i := range 20 {
		f.Apply(worker.ID(fmt.Sprintf("many-%02d", i)), says, change(0, worker.Available, worker.Settings{}))
	}
	assert.Equal(t, []worker.ID{"many-00", "many-01", "many-02", "many-03", "many-04"}, f.Near("many"))
	assert.True(t, slices.IsSorted(f.Near("many")))
}

func TestWhoHoldsAWorkerBackIsKnownFromItsHistory(t *testing.T) {
	t.Parallel()

	hold := worker.Settings{HeldBack: true}
	by := func(principal string, c fleet.Change) fleet.Change {
		c.Principal = principal
		return c
	}
	registered := change(0, worker.Available, worker.Settings{})
	for want, history := range map[string][]fleet.Change{
		"":    {registered},
		"ann": {registered, by("ann", change(1, worker.Draining, hold)), by("bob", change(2, worker.Draining, held))},
		"bob": {
			by("ann", change(0, worker.Draining, hold)), by("ann", change(1, worker.Available, worker.Settings{})),
			by("bob", change(2, worker.Draining, hold)), change(3, worker.Unhealthy, hold),
		},
		"cat": { // since before it came
			by("cat", fleet.Change{State: worker.Gone, Settings: hold}), change(1, worker.Draining, hold),
		},
	} {
		f := fleet.New()
		for _, c := range history {
			f.Apply("w1", says, c)
		}
		r, _ := f.Worker("w1")
		assert.Equal(t, want, r.HeldBackBy())
	}
	f := fleet.New()
	f.Apply("w1", says, registered)
	for i := range fleet.MaxHistory {
		f.Apply("w1", says, by("ann", change(time.Duration(i), worker.Draining, hold)))
	}
	r, _ := f.Worker("w1")
	assert.Empty(t, r.HeldBackBy(), "its beginning is not kept any more")
}
