package main

import (
	"errors"
	"fmt"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/actors"
	"yardmaster/cluster/journal"
)

func TestActorsTellApartWhatAJournalCannotTake(t *testing.T) {
	t.Parallel()
	require.NoError(t, journalError(nil))
	for from, to := range map[error]error{
		journal.ErrOverloaded:    actors.ErrOverloaded,
		journal.ErrTooLarge:      actors.ErrTooLarge,
		journal.ErrLostOwnership: actors.ErrLostOwnership,
		journal.ErrUncertain:     actors.ErrLostOwnership,
		journal.ErrClosed:        actors.ErrLostOwnership,
		nats.ErrTimeout:          actors.ErrLostOwnership,
	} {
		err := journalError(fmt.Errorf("partition 1: %w", from))
		require.ErrorIs(t, err, to)
		require.ErrorIs(t, err, from, "the cause stays")
		for _, other := range []error{actors.ErrOverloaded, actors.ErrTooLarge, actors.ErrLostOwnership} {
			assert.Equal(t, other == to, errors.Is(err, other), "%v is %v", from, other) //nolint:errorlint // the very one
		}
	}
}

func TestAPartitionThatIsNotOpenIsNotCompacted(t *testing.T) {
	t.Parallel()
	o := &opener{heads: map[uint32]headed{}}
	require.NoError(t, o.Compact(t.Context(), 3, nil))
	require.NoError(t, o.failure())
}

func TestAWorkerIsForgivenThatNobodyHearsItsLastWords(t *testing.T) {
	t.Parallel()
	for _, err := range []error{nats.ErrDisconnected, nats.ErrConnectionClosed} {
		require.NoError(t, ignoreDisconnected(fmt.Errorf("flush: %w", err)))
	}
	require.ErrorIs(t, ignoreDisconnected(nats.ErrTimeout), nats.ErrTimeout)
	require.NoError(t, ignoreDisconnected(nil))
}
