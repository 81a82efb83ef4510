package testkit_test

import (
	"testing"

	"go.uber.org/goleak"

	"yardmaster/actors"
	"yardmaster/actors/actorstest"
	"yardmaster/internal/testkit"
	"yardmaster/provider/providertest"
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

func TestTheProviderIsAProvider(t *testing.T) {
	t.Parallel()
	providertest.Suite(t, func(*testing.T) providertest.Subject {
		p := testkit.NewProvider()
		return providertest.Subject{
			Provider: p, Again: func() providertest.Provider { return p },
			Started: func(name string) (n int) {
				for _, launched := range p.Launched() {
					if launched == name {
						n++
					}
				}
				return n
			},
		}
	})
}
