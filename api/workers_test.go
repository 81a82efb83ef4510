package api_test

import (
	"strings"
	"testing"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/api"
	"yardmaster/api/apitest"
	"yardmaster/messages"
)

func TestAWorkerIsShownAndChanged(t *testing.T) {
	t.Parallel()
	b := &apitest.Backend{
		WorkerList: []*messages.Worker{{WorkerId: "w1", Slots: 3}},
		WorkerPast: []*messages.WorkerEntry{{Principal: "ann"}},
	}
	c := client(t, serve(t, b, api.Config{}), "")
	answer, err := c.Worker(t.Context(), "w1")
	require.NoError(t, err)
	assert.Equal(t, uint32(3), answer.GetWorker().GetSlots())
	assert.Equal(t, "ann", answer.GetHistory()[0].GetPrincipal())
	held := false
	w, err := c.ChangeWorker(t.Context(), &messages.ChangeWorkerRequest{
		WorkerId: "w1", HeldBack: &held, AddLabels: []string{"gpu"}, Reason: "why not",
	})
	require.NoError(t, err)
	assert.Equal(t, "w1", w.GetWorkerId())
	changes, by := b.Changes()
	require.Len(t, changes, 1)
	assert.Equal(t, []string{api.LocalPrincipal}, by)
	require.NotNil(t, changes[0].HeldBack, "that it was asked for is told from that it was not")
	assert.False(t, changes[0].GetHeldBack())
	_, err = c.Worker(t.Context(), "w2")
	assert.Equal(t, connect.CodeNotFound, connect.CodeOf(err))
	_, err = c.ChangeWorker(t.Context(), &messages.ChangeWorkerRequest{WorkerId: "w2", HeldBack: &held})
	assert.Equal(t, connect.CodeNotFound, connect.CodeOf(err))
}

func TestABadChangeOfAWorkerIsRefusedInWords(t *testing.T) {
	t.Parallel()
	b := new(apitest.Backend)
	c := client(t, serve(t, b, api.Config{}), "")
	for want, req := range map[string]*messages.ChangeWorkerRequest{
		`"a.b" is not a worker's name`:     {WorkerId: "a.b", AddLabels: []string{"gpu"}},
		"changes nothing":                  {WorkerId: "w1", Reason: "for fun"},
		`label "a b" is not 1 to 63`:       {WorkerId: "w1", AddLabels: []string{"a b"}},
		`"gpu" is to be added and removed`: {WorkerId: "w1", AddLabels: []string{"gpu"}, RemoveLabels: []string{"gpu"}},
		"65 labels at once":                {WorkerId: "w1", RemoveLabels: strings.Split(strings.Repeat("x ", 64)+"x", " ")},
		"the reason has 1025 bytes":        {WorkerId: "w1", AddLabels: []string{"a"}, Reason: strings.Repeat("x", 1025)},
		"a character that cannot":          {WorkerId: "w1", AddLabels: []string{"a"}, Reason: "\x1b[2J"},
	} {
		_, err := c.ChangeWorker(t.Context(), req)
		var wire *connect.Error
		require.ErrorAs(t, err, &wire, want)
		assert.Equal(t, connect.CodeInvalidArgument, wire.Code(), want)
		assert.Contains(t, wire.Message(), want)
		assert.NotContains(t, wire.Message(), "worker: ", "as users know it")
	}
	_, err := c.Worker(t.Context(), strings.Repeat("w", 100))
	assert.Equal(t, connect.CodeInvalidArgument, connect.CodeOf(err))
	changes, _ := b.Changes()
	assert.Empty(t, changes)
}
