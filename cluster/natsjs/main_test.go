package natsjs_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		child(dir)
		return
	}
	// A goroutine of nats.go, one for a connection, starts with the first asynchronous
	// publish and reads the channel it waits on only once it runs. A client closed before
	// that has taken the channel away, and the goroutine waits for ever.
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction(
		"github.com/nats-io/nats.go/jetstream.(*jetStream).resetPendingAcksOnReconnect"))
}
