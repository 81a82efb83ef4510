package worker_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"yardmaster/domain/worker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// given folds a history into a state.
func given(events ...worker.Event) worker.Worker {
	var w worker.Worker
	for _, e := range events {
		w = worker.Evolve(w, e)
	}
	return w
}

var (
	join       = worker.Register{ID: "w1", Incarnation: "a", Labels: []string{"Linux", "gpu", "linux"}, Slots: 2}
	registered = worker.Registered{ID: "w1", Incarnation: "a", Labels: []string{"gpu", "linux"}, Slots: 2}
	again      = worker.Registered{ID: "w1", Incarnation: "b", Labels: []string{"gpu", "linux"}, Slots: 2}
	rejoin     = worker.Register{ID: "w1", Incarnation: "b", Labels: join.Labels, Slots: 2}
	superseded = worker.Superseded{Old: "a", New: "b"}
)

func TestDecide(t *testing.T) {
	t.Parallel()

	type events = []worker.Event
	bigger := join
	bigger.Slots = 3
	tests := []struct {
		name  string
		given events
		when  worker.Command
		then  events
		err   error
		state worker.State // of the worker afterwards
	}{
		{"a worker that registers is available", nil, join, events{registered}, nil, worker.Available},
		{"a registration that is repeated says nothing new", events{registered}, join, nil, nil, worker.Available},
		{
			"a worker that registers with another owner brings its attempts", nil,
			worker.Register{ID: "w1", Incarnation: "a", Slots: 2, Held: 1},
			events{worker.Registered{ID: "w1", Incarnation: "a", Labels: []string{}, Slots: 2, Held: 1}},
			nil, worker.Running,
		},
		{
			"a worker that registers with more slots keeps its attempts",
			events{registered, worker.Taken{}},
			bigger,
			events{worker.Registered{ID: "w1", Incarnation: "a", Labels: registered.Labels, Slots: 3, Held: 1}},
			nil, worker.Running,
		},
		{
			"a new incarnation supersedes the old and its attempts",
			events{registered, worker.Taken{}, worker.DrainStarted{}},
			rejoin,
			events{worker.Superseded{Old: "a", New: "b", Attempts: 1}, again},
			nil, worker.Available,
		},
		{
			"a late registration of the old incarnation is refused",
			events{registered, superseded, again},
			join,
			nil, worker.ErrSuperseded, worker.Available,
		},
		{
			"a registration ends a silence",
			events{registered, worker.HeartbeatMissed{Misses: 1}},
			join,
			events{registered},
			nil, worker.Available,
		},
		{
			"nobody else registers in a worker's name",
			events{registered},
			worker.Register{ID: "w2", Incarnation: "x", Slots: 1},
			nil, worker.ErrOtherWorker, worker.Available,
		},
		{
			"a bad registration is refused", nil, worker.Register{}, nil, worker.ErrBadRegistration, worker.Unknown,
		},

		{
			"a heartbeat in time says nothing new",
			events{registered},
			worker.Heartbeat{Incarnation: "a", Held: 1},
			nil, nil, worker.Available,
		},
		{
			"a heartbeat of a stranger asks it to register",
			nil,
			worker.Heartbeat{Incarnation: "a"},
			nil, worker.ErrNotRegistered, worker.Unknown,
		},
		{
			"a heartbeat of the old incarnation changes nothing",
			events{registered, superseded, again, worker.HeartbeatMissed{Misses: 1}},
			worker.Heartbeat{Incarnation: "a"},
			nil, worker.ErrSuperseded, worker.Unhealthy,
		},
		{
			"a heartbeat with an impossible number is refused",
			events{registered, worker.HeartbeatMissed{Misses: 1}},
			worker.Heartbeat{Incarnation: "a", Held: -1},
			nil, worker.ErrBadHeld, worker.Unhealthy,
		},
		{
			"a worker whose lease ran out is unhealthy",
			events{registered, worker.Taken{}},
			worker.MissHeartbeat{Incarnation: "a"},
			events{worker.HeartbeatMissed{Misses: 1, Attempts: 1}},
			nil, worker.Unhealthy,
		},
		{
			"a longer silence is counted",
			events{registered, worker.HeartbeatMissed{Misses: 1}},
			worker.MissHeartbeat{Incarnation: "a"},
			events{worker.HeartbeatMissed{Misses: 2}},
			nil, worker.Unhealthy,
		},
		{
			"the lease of an old incarnation is over and done with",
			events{registered, superseded, again},
			worker.MissHeartbeat{Incarnation: "a"},
			nil, worker.ErrSuperseded, worker.Available,
		},
		{
			"a worker that is heard of again is available, and its misses are forgotten",
			events{registered, worker.Taken{}, worker.HeartbeatMissed{Misses: 7}},
			worker.Heartbeat{Incarnation: "a"},
			events{worker.Recovered{}},
			nil, worker.Available,
		},
		{
			"a worker that kept an attempt through the silence is running",
			events{registered, worker.HeartbeatMissed{Misses: 1}},
			worker.Heartbeat{Incarnation: "a", Held: 2},
			events{worker.Recovered{Held: 2}},
			nil, worker.Running,
		},
		{
			"a drain outlasts a silence",
			events{registered, worker.Taken{}, worker.DrainStarted{}, worker.HeartbeatMissed{Misses: 1}},
			worker.Heartbeat{Incarnation: "a"},
			events{worker.Recovered{}, worker.Drained{}},
			nil, worker.Draining,
		},

		{
			"a busy worker drains",
			events{registered, worker.Taken{}},
			worker.Drain{},
			events{worker.DrainStarted{}},
			nil, worker.Draining,
		},
		{
			"an idle worker is drained at once",
			events{registered},
			worker.Drain{},
			events{worker.DrainStarted{}, worker.Drained{}},
			nil, worker.Draining,
		},
		{
			"a silent worker is not said to be drained",
			events{registered, worker.HeartbeatMissed{Misses: 1}},
			worker.Drain{},
			events{worker.DrainStarted{}},
			nil, worker.Unhealthy,
		},
		{
			"a second drain says nothing new",
			events{registered, worker.DrainStarted{}},
			worker.Drain{},
			nil, nil, worker.Draining,
		},
		{
			"nobody drains a stranger",
			nil,
			worker.Drain{},
			nil, &worker.InvalidStateTransition{From: worker.Unknown, To: worker.Draining}, worker.Unknown,
		},
		{
			"the last attempt that ends completes a drain",
			events{registered, worker.Taken{}, worker.DrainStarted{}},
			worker.Release{},
			events{worker.Released{}, worker.Drained{}},
			nil, worker.Draining,
		},
		{
			"an attempt that ends before the last does not",
			events{registered, worker.Taken{}, worker.Taken{}, worker.DrainStarted{}},
			worker.Release{},
			events{worker.Released{}},
			nil, worker.Draining,
		},
		{
			"a drain can be called off",
			events{
				registered,
				worker.Taken{},
				worker.DrainStarted{},
			},
			worker.Resume{},
			events{worker.Resumed{}},
			nil, worker.Running,
		},
		{"without a drain there is nothing to resume", events{registered}, worker.Resume{}, nil, nil, worker.Available},
		{
			"a worker that has left does not resume",
			events{registered, worker.Left{}},
			worker.Resume{},
			nil,
			&worker.InvalidStateTransition{Worker: "w1", From: worker.Gone, To: worker.Available}, worker.Gone,
		},

		{
			"a worker that leaves takes its attempts with it",
			events{registered, worker.Taken{}},
			worker.Leave{Incarnation: "a"},
			events{worker.Left{Attempts: 1}},
			nil, worker.Gone,
		},
		{
			"a second farewell says nothing new",
			events{registered, worker.Left{}},
			worker.Leave{Incarnation: "a"},
			nil, nil, worker.Gone,
		},
		{
			"the farewell of an old incarnation is refused",
			events{registered, superseded, again},
			worker.Leave{Incarnation: "a"},
			nil, worker.ErrSuperseded, worker.Available,
		},
		{
			"who has left does not come back",
			events{registered, worker.Left{}},
			join, nil,
			&worker.InvalidStateTransition{Worker: "w1", From: worker.Gone, To: worker.Available}, worker.Gone,
		},
		{
			"who has left has no heartbeat",
			events{registered, worker.Left{}},
			worker.Heartbeat{Incarnation: "a"},
			nil,
			&worker.InvalidStateTransition{Worker: "w1", From: worker.Gone, To: worker.Available}, worker.Gone,
		},
		{
			"a silent worker can be given up",
			events{registered, worker.Taken{}, worker.HeartbeatMissed{Misses: 9}},
			worker.Forget{},
			events{worker.Forgotten{Attempts: 1}},
			nil, worker.Gone,
		},
		{
			"a worker that is heard of cannot be given up",
			events{registered},
			worker.Forget{},
			nil,
			&worker.InvalidStateTransition{Worker: "w1", From: worker.Available, To: worker.Gone}, worker.Available,
		},
		{"who is gone need not be given up", events{registered, worker.Left{}}, worker.Forget{}, nil, nil, worker.Gone},

		{
			"a worker with an attempt is running",
			events{registered},
			worker.Take{},
			events{worker.Taken{}},
			nil, worker.Running,
		},
		{
			"a worker takes no more than its slots",
			events{registered, worker.Taken{}, worker.Taken{}},
			worker.Take{},
			nil, worker.ErrNoFreeSlot, worker.Running,
		},
		{
			"a draining worker takes nothing",
			events{registered, worker.DrainStarted{}},
			worker.Take{},
			nil,
			&worker.InvalidStateTransition{Worker: "w1", From: worker.Draining, To: worker.Running}, worker.Draining,
		},
		{
			"an unhealthy worker takes nothing",
			events{registered, worker.HeartbeatMissed{Misses: 1}},
			worker.Take{},
			nil,
			&worker.InvalidStateTransition{Worker: "w1", From: worker.Unhealthy, To: worker.Running}, worker.Unhealthy,
		},
		{
			"a worker without attempts is available",
			events{registered, worker.Taken{}},
			worker.Release{},
			events{worker.Released{}},
			nil, worker.Available,
		},
		{
			"an attempt may end in a silence",
			events{registered, worker.Taken{}, worker.DrainStarted{}, worker.HeartbeatMissed{Misses: 1}},
			worker.Release{},
			events{worker.Released{}},
			nil, worker.Unhealthy,
		},
		{
			"nothing is released that was not taken",
			events{registered},
			worker.Release{},
			nil, worker.ErrNothingHeld, worker.Available,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()

			w := given(tt.given...)
			got, err := worker.Decide(w, tt.when)
			if want, ok := tt.err.(*worker.InvalidStateTransition); ok { //nolint:errorlint // compared whole
				var is *worker.InvalidStateTransition
				require.ErrorAs(t, err, &is)
				assert.Equal(t, want, is)
			} else {
				require.ErrorIs(t, err, tt.err)
			}
			assert.Equal(t, tt.then, got)
			for _, e := range got {
				w = worker.Evolve(w, e)
			}
			assert.Equal(t, tt.state, w.State())
		})
	}
}

func TestAWorkerHasWhatItsLabelsSay(t *testing.T) {
	t.Parallel()

	w := given(registered)
	assert.True(t, w.Has(nil))
	assert.True(t, w.Has([]string{"gpu", "linux"}))
	assert.False(t, w.Has([]string{"gpu", "macos"}))
}

func TestOnlySoManyFormerIncarnationsAreRemembered(t *testing.T) {
	t.Parallel()

	w := given(registered)
	for _, name := range []worker.Incarnation{"b", "c", "d", "e", "f", "g"} {
		w = worker.Evolve(w, worker.Superseded{Old: w.Incarnation, New: name})
		w = worker.Evolve(w, worker.Registered{ID: "w1", Incarnation: name, Slots: 1})
	}
	assert.Equal(t, []worker.Incarnation{"c", "d", "e", "f"}, w.Former)
}

func TestStatesAndRefusalsReadAsPeopleKnowThem(t *testing.T) {
	t.Parallel()

	var names []string
	for s := worker.Unknown; s <= worker.Gone+1; s++ {
		names = append(names, s.String())
		assert.False(t, s.May(s), "%s may become itself", s)
		assert.False(t, worker.Gone.May(s), "gone may become %s", s)
	}
	assert.Equal(t, "UNKNOWN AVAILABLE RUNNING UNHEALTHY DRAINING GONE State(6)", strings.Join(names, " "))
	assert.False(t, worker.State(99).May(worker.Gone))
	err := &worker.InvalidStateTransition{Worker: "w1", From: worker.Draining, To: worker.Running}
	assert.Equal(t, `worker: "w1" cannot go from DRAINING to RUNNING`, err.Error())
}

func TestACommandWithoutARulePanics(t *testing.T) {
	t.Parallel()

	assert.Panics(t, func() { _, _ = worker.Decide(worker.Worker{}, nil) })
}
