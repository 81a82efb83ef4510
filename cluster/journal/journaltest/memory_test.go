package journaltest_test

import (
	"testing"

	"yardmaster/cluster/journal"
	"yardmaster/cluster/journal/journaltest"
)

func TestMemoryPassesTheSuite(t *testing.T) {
	t.Parallel()
	journaltest.TestStore(t, func(*testing.T) journal.Store { return journaltest.NewMemory() })
}
