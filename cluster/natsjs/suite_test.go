package natsjs_test

import (
	"testing"

	"yardmaster/cluster/journal"
	"yardmaster/cluster/journal/journaltest"
)

func journaltestStore(t *testing.T) {
	t.Helper()
	journaltest.TestStore(t, func(t *testing.T) journal.Store { return start(t, t.TempDir()).store(t, 1) })
}
