package worker_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"yardmaster/domain/resource"
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
	one        = worker.Counted{Held: 1}
	heldBack   = worker.Adjusted{Settings: worker.Settings{HeldBack: true}}
	room       = resource.Amount{CPU: 4000, Memory: 8 << 30}
	yes, no    = true, false
)

func TestDecide(t *testing.T) {
	t.Parallel()

	type events = []worker.Event
	bigger, busy, roomy, pooled := join, join, join, join
	bigger.Slots, bigger.Held, busy.Held = 3, 1, 1
	roomy.Resources, roomy.Pool, pooled.Pool = room, "trusted", "trusted"
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
			"a worker that registers with more slots says what it runs",
			events{registered},
			bigger,
			events{worker.Registered{ID: "w1", Incarnation: "a", Labels: registered.Labels, Slots: 3, Held: 1}},
			nil, worker.Running,
		},
		{
			"what a worker found counts with what its operator says", nil,
			worker.Register{
				ID: "w1", Incarnation: "a", Labels: []string{"GPU"}, Found: []string{"linux", "go=1.26", "gpu"}, Slots: 1,
			},
			events{worker.Registered{ID: "w1", Incarnation: "a", Labels: []string{"go=1.26", "gpu", "linux"}, Slots: 1}},
			nil, worker.Available,
		},
		{
			"what a worker has, and where it belongs, is told", nil,
			roomy,
			events{worker.Registered{
				ID: "w1", Incarnation: "a", Labels: registered.Labels, Slots: 2, Resources: room, Pool: "trusted",
			}},
			nil, worker.Available,
		},
		{
			"a worker may move to another pool",
			events{registered},
			pooled,
			events{worker.Registered{ID: "w1", Incarnation: "a", Labels: registered.Labels, Slots: 2, Pool: "trusted"}},
			nil, worker.Available,
		},
		{
			"a registration that is repeated counts what it runs",
			events{registered},
			busy,
			events{worker.Counted{Held: 1}},
			nil, worker.Running,
		},
		{
			"a new incarnation supersedes the old and its attempts",
			events{registered, one, worker.DrainStarted{}},
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
			"a registration as the one it was ends a silence, and its misses are forgotten",
			events{registered, one, worker.HeartbeatMissed{Misses: 7}},
			join,
			events{worker.Recovered{}},
			nil, worker.Available,
		},
		{
			"a worker that kept an attempt through the silence is running",
			events{registered, worker.HeartbeatMissed{Misses: 1}},
			busy,
			events{worker.Recovered{Held: 1}},
			nil, worker.Running,
		},
		{
			"a worker that can something else after a silence has not recovered, but is registered anew",
			events{registered, worker.HeartbeatMissed{Misses: 1}},
			worker.Register{ID: "w1", Incarnation: "a", Labels: []string{"gpu"}, Slots: 2},
			events{worker.Registered{ID: "w1", Incarnation: "a", Labels: []string{"gpu"}, Slots: 2}},
			nil, worker.Available,
		},
		{
			"a new incarnation after a silence is another life",
			events{registered, worker.HeartbeatMissed{Misses: 3}},
			rejoin,
			events{superseded, again},
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
			events{registered, one},
			worker.Heartbeat{Incarnation: "a", Held: 1},
			nil, nil, worker.Running,
		},
		{
			"a worker with an attempt is running",
			events{registered},
			worker.Heartbeat{Incarnation: "a", Held: 1},
			events{one},
			nil, worker.Running,
		},
		{
			"a worker without attempts is available",
			events{registered, one},
			worker.Heartbeat{Incarnation: "a"},
			events{worker.Counted{}},
			nil, worker.Available,
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
			"a heartbeat after a silence asks the worker to register",
			events{registered, worker.HeartbeatMissed{Misses: 1}},
			worker.Heartbeat{Incarnation: "a"},
			nil, worker.ErrNotRegistered, worker.Unhealthy,
		},
		{
			"a worker whose lease ran out is unhealthy",
			events{registered, one},
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
			"a drain outlasts a silence",
			events{registered, one, worker.DrainStarted{}, worker.HeartbeatMissed{Misses: 1}},
			join,
			events{worker.Recovered{}, worker.Drained{}},
			nil, worker.Draining,
		},

		{
			"a busy worker drains",
			events{registered, one},
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
			events{registered, one, worker.DrainStarted{}},
			worker.Heartbeat{Incarnation: "a"},
			events{worker.Counted{}, worker.Drained{}},
			nil, worker.Draining,
		},
		{
			"an attempt that ends before the last does not",
			events{registered, worker.Counted{Held: 2}, worker.DrainStarted{}},
			worker.Heartbeat{Incarnation: "a", Held: 1},
			events{one},
			nil, worker.Draining,
		},
		{
			"an operator holds a busy worker back",
			events{registered, one},
			worker.Adjust{HeldBack: &yes},
			events{heldBack},
			nil, worker.Draining,
		},
		{
			"a worker that runs nothing is drained when it is held back",
			events{registered},
			worker.Adjust{HeldBack: &yes},
			events{heldBack, worker.Drained{}},
			nil, worker.Draining,
		},
		{
			"a silent worker that is held back is silent first of all",
			events{registered, worker.HeartbeatMissed{Misses: 1}},
			worker.Adjust{HeldBack: &yes},
			events{heldBack},
			nil, worker.Unhealthy,
		},
		{
			"who is held back twice is held back",
			events{registered, heldBack},
			worker.Adjust{HeldBack: &yes},
			nil, nil, worker.Draining,
		},
		{
			"an operator lets a worker take jobs again",
			events{registered, one, heldBack},
			worker.Adjust{HeldBack: &no},
			events{worker.Adjusted{}},
			nil, worker.Running,
		},
		{
			"an operator does not keep a worker from stopping",
			events{registered, worker.DrainStarted{}, heldBack},
			worker.Adjust{HeldBack: &no},
			events{worker.Adjusted{}},
			nil, worker.Draining,
		},
		{
			"a worker that is not there can be held back",
			events{worker.Adjusted{Settings: worker.Settings{Added: []string{"x"}}}},
			worker.Adjust{HeldBack: &yes},
			events{worker.Adjusted{Settings: worker.Settings{HeldBack: true, Added: []string{"x"}}}},
			nil, worker.Unknown,
		},
		{
			"who was held back before it came is not given anything",
			events{heldBack},
			join,
			events{registered, worker.Drained{}},
			nil, worker.Draining,
		},
		{
			"a new incarnation is held back as the old one was",
			events{registered, heldBack},
			rejoin,
			events{superseded, again, worker.Drained{}},
			nil, worker.Draining,
		},
		{
			"labels are added and removed",
			events{registered},
			worker.Adjust{Add: []string{"Big"}, Remove: []string{"GPU"}},
			events{worker.Adjusted{Settings: worker.Settings{Added: []string{"big"}, Removed: []string{"gpu"}}}},
			nil, worker.Available,
		},
		{
			"a label that the worker has is not added, nor one removed that it has not",
			events{registered},
			worker.Adjust{Add: []string{"gpu"}, Remove: []string{"big"}},
			nil, nil, worker.Available,
		},
		{
			"what was added is taken back",
			events{registered, worker.Adjusted{Settings: worker.Settings{Added: []string{"big"}, Removed: []string{"gpu"}}}},
			worker.Adjust{Add: []string{"gpu"}, Remove: []string{"big"}},
			events{worker.Adjusted{}},
			nil, worker.Available,
		},
		{
			"a bad label is refused",
			events{registered},
			worker.Adjust{Add: []string{"a b"}},
			nil, worker.ErrBadAdjustment, worker.Available,
		},
		{
			"a worker that leaves takes its attempts with it",
			events{registered, one},
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
			events{registered, one, worker.HeartbeatMissed{Misses: 9}},
			worker.Forget{},
			events{worker.Forgotten{Attempts: 1, Alert: true}},
			nil, worker.Gone,
		},
		{
			"that an idle worker is held back does not make its silence less of an alert",
			events{registered, heldBack, worker.HeartbeatMissed{Misses: 1}},
			worker.Forget{},
			events{worker.Forgotten{Alert: true}},
			nil, worker.Gone,
		},
		{
			"a worker that said it would stop, and ran nothing, may go without a word",
			events{registered, worker.DrainStarted{}, worker.HeartbeatMissed{Misses: 1}},
			worker.Forget{},
			events{worker.Forgotten{}},
			nil, worker.Gone,
		},
		{
			"a worker that stops may not go with its attempts",
			events{registered, one, worker.DrainStarted{}, worker.HeartbeatMissed{Misses: 1}},
			worker.Forget{},
			events{worker.Forgotten{Attempts: 1, Alert: true}},
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

func TestOperatorsChangeWhatAWorkerHas(t *testing.T) {
	t.Parallel()

	adjusted := worker.Adjusted{Settings: worker.Settings{Added: []string{"big", "x"}, Removed: []string{"gpu"}}}
	w := given(registered, adjusted)
	assert.Equal(t, []string{"big", "linux", "x"}, w.Labels)
	assert.Equal(t, registered.Labels, w.Said)
	w = worker.Evolve(worker.Evolve(w, worker.Superseded{Old: "a", New: "b"}), again)
	assert.Equal(t, []string{"big", "linux", "x"}, w.Labels, "also in its next life")
	w = worker.Evolve(w, worker.Adjusted{})
	assert.Equal(t, registered.Labels, w.Labels)
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
