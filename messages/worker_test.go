package messages_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"yardmaster/domain/fleet"
	"yardmaster/domain/ledger"
	"yardmaster/domain/worker"
	"yardmaster/messages"
)

func anyWorkerID() *rapid.Generator[worker.ID] {
	return rapid.SampledFrom([]worker.ID{"w1", "w2", "w3"})
}

func anySays() *rapid.Generator[fleet.Says] {
	return rapid.Custom(func(t *rapid.T) fleet.Says {
		return fleet.Says{
			Labels: some(t, rapid.String(), 3, "labels"), Slots: rapid.IntRange(0, worker.MaxSlots).Draw(t, "slots"),
			Resources: anyAmount().Draw(t, "resources"), Pool: rapid.String().Draw(t, "pool"),
		}
	})
}

func anyWorkerChange() *rapid.Generator[fleet.Change] {
	return rapid.Custom(func(t *rapid.T) fleet.Change {
		return fleet.Change{
			At: anyTime().Draw(t, "at"), Principal: rapid.String().Draw(t, "principal"),
			Incarnation: worker.Incarnation(rapid.String().Draw(t, "incarnation")),
			State:       worker.State(rapid.IntRange(0, int(worker.Gone)).Draw(t, "state")),
			Reason:      rapid.String().Draw(t, "reason"), Alert: rapid.Bool().Draw(t, "alert"),
			Settings: worker.Settings{
				HeldBack: rapid.Bool().Draw(t, "held back"), Added: some(t, rapid.String(), 2, "added"),
				Removed: some(t, rapid.String(), 2, "removed"),
			},
		}
	})
}

func TestAWorkerIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		id, says, c := anyWorkerID().Draw(t, "id"), anySays().Draw(t, "says"), anyWorkerChange().Draw(t, "change")
		stamp := messages.Stamp{At: c.At, Principal: c.Principal}
		h, err := messages.DecodeHistory(messages.EncodeWorkerChange(messages.WorkerChange(id, says, c), stamp), nil)
		if err != nil {
			t.Fatal(err)
		}
		f := fleet.New()
		if err := messages.FoldWorker(f, h.Worker, h.Stamp); err != nil {
			t.Fatal(err)
		}
		r, _ := f.Worker(id)
		same(t, fleet.Record{ID: id, Says: says, History: []fleet.Change{c}}, r)
	})
}

func TestAWorkerThatMeansNothingIsRefused(t *testing.T) {
	t.Parallel()

	for name, m := range map[string]*messages.WorkerChanged{
		"without a name": {State: messages.WorkerState_WORKER_STATE_GONE},
		"of a state that this release does not know": {WorkerId: "w1", State: messages.WorkerState_WORKER_STATE_GONE + 1},
		"of a state below all":                       {WorkerId: "w1", State: -1},
	} {
		f := fleet.New()
		require.ErrorIs(t, messages.FoldWorker(f, m, messages.Stamp{}), messages.ErrMalformed, name)
		assert.Zero(t, f.Len(), name)
	}
}

func TestASnapshotWithABadWorkerIsRefused(t *testing.T) {
	t.Parallel()

	data := marshalled(t, &messages.LedgerSnapshot{Workers: []*messages.WorkerRecord{{}}})
	err := messages.DecodeLedger(data, ledger.New(1, messages.PackRun), messages.NewPlans())
	require.ErrorIs(t, err, messages.ErrMalformed)
}

func TestUsersSeeAWorkersHistory(t *testing.T) {
	t.Parallel()

	f := fleet.New()
	says := fleet.Says{Labels: []string{"linux"}, Slots: 1}
	f.Apply("w1", says, fleet.Change{
		At: epoch, Principal: "w1", Incarnation: "i", State: worker.Available, Reason: "registered",
	})
	f.Apply("w1", says, fleet.Change{
		At: epoch.Add(time.Second), Principal: "ann", Incarnation: "i", State: worker.Draining, Reason: "old disk",
		Settings: worker.Settings{HeldBack: true},
	})
	r, _ := f.Worker("w1")
	seen := messages.ViewHistory(r)
	require.Len(t, seen, 2)
	assert.Equal(t, "registered", seen[0].GetChanged().GetReason())
	assert.Equal(t, epoch.Add(time.Second).UnixNano(), seen[1].GetUnixNanos())
	assert.Equal(t, "ann", seen[1].GetPrincipal())
	assert.True(t, seen[1].GetChanged().GetHeldBack())
	assert.Empty(t, seen[1].GetChanged().GetLabels(), "what it says of itself is told once, of today")
}

func marshalled(t *testing.T, m proto.Message) []byte {
	t.Helper()
	data, err := proto.Marshal(m)
	require.NoError(t, err)
	return data
}
