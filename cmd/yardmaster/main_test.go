package main

import (
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// playProgram is the first argument of a test binary that is to be the program.
const playProgram = "play-program"

func TestMain(m *testing.M) {
	// Golden files hold times of day. Setting time.Local would race with nats-server, which
	// looks at the clock from the start.
	if err := os.Setenv("TZ", "UTC"); err != nil {
		panic(err)
	}
	if code, isShim := shimMain(os.Args); isShim { // the worker starts this program beside its steps
		os.Exit(code)
	}
	if len(os.Args) > 1 && os.Args[1] == playProgram {
		os.Args = append(os.Args[:1], os.Args[2:]...)
		main()
	}
	goleak.VerifyTestMain(settled{m}, abandoned())
}

// abandoned is a goroutine of nats.go, one for a connection, that waits for ever when the
// client is closed right after its first asynchronous publish.
func abandoned() goleak.Option {
	return goleak.IgnoreTopFunction(
		"github.com/nats-io/nats.go/jetstream.(*jetStream).resetPendingAcksOnReconnect")
}

// throttleOver is beyond the second for which the actor system counts messages to
// actors that are gone. It does so in a goroutine that nothing stops.
const throttleOver = 10 * time.Second

// settled runs the tests, and gives what ends by itself the time to.
type settled struct{ *testing.M }

func (s settled) Run() int {
	code := s.M.Run()
	for began := time.Now(); goleak.Find(abandoned()) != nil && time.Since(began) < throttleOver; {
	}
	return code
}
