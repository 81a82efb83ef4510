package testkit_test

import (
	"testing"

	"go.uber.org/goleak"

	"yardmaster/actors"
	"yardmaster/actors/actorstest"
	"yardmaster/internal/testkit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTheDiskIsAnOpener(t *testing.T) {
	t.Parallel()
	actorstest.Opener(t, func(*testing.T) actors.Opener { return testkit.NewDisk() })
}

func TestTheLogsAreLogs(t *testing.T) {
	t.Parallel()
	actorstest.Logs(t, func(*testing.T) actors.Logs { return testkit.NewLogs() })
}
