package natsjs_test

import (
	"bufio"
	"fmt"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/cluster/natsjs"
)

// deafWorker connects as a worker would, and from then on reads nothing.
func deafWorker(t *testing.T, url, name, subject string) {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(url, "nats://"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	_, err = fmt.Fprintf(c, "CONNECT {\"verbose\":false,\"name\":%q}\r\nSUB %s 1\r\nPING\r\n", name, subject)
	require.NoError(t, err)
	require.NoError(t, c.SetReadDeadline(time.Now().Add(patience)))
	for lines := bufio.NewScanner(c); lines.Scan(); {
		if lines.Text() == "PONG" { // it is subscribed
			return
		}
	}
	require.FailNow(t, "no answer of the server")
}

func heapInUse() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse)
}

// A worker that reads nothing is sent half a gigabyte. What waits for it is bounded,
// others get their frames as if it were not there, and in the end it is cut off.
//
//nolint:paralleltest // it measures the heap of the process
func TestAWorkerThatReadsNothingNeitherGrowsTheServerNorDelaysOthers(t *testing.T) {
	m := start(t, t.TempDir())
	cut := make(chan string, 8)
	require.NoError(t, m.server.OnDisconnect(t.Context(), func(name, reason string) {
		if name == "worker deaf" {
			cut <- reason
		}
	}))
	deafWorker(t, m.server.URL(), "worker deaf", natsjs.FrameSubject("", "deaf", "deaf.w1"))
	good, err := natsjs.Dial(t.Context(), m.server.URL(), natsjs.DialConfig{Name: "worker good"})
	require.NoError(t, err)
	defer good.Close()
	arrivals, _ := listenForFrames(t, good, "good.w1", "good")
	node, err := m.server.Connect(t.Context(), natsjs.DialConfig{Name: "node"})
	require.NoError(t, err)
	defer node.Close()
	transport := natsjs.NewTransport(node, "n1.c1", "")

	runtime.GC()
	before, most, slowest := heapInUse(), int64(0), time.Duration(0)
	frame := make([]byte, 64<<10)
	const frames = 8192
	for i := range frames {
		require.NoError(t, transport.Send("deaf", "deaf.w1", frame))
		if i%64 != 0 {
			continue
		}
		begun := time.Now()
		require.NoError(t, transport.Send("good", "good.w1", []byte("hello")))
		nextFrame(t, arrivals)
		slowest = max(slowest, time.Since(begun))
		most = max(most, heapInUse()-before)
	}
	t.Logf("sent %d MiB, the heap grew by %d MiB, others waited %s at most", frames*len(frame)>>20, most>>20, slowest)
	assert.Less(t, most, int64(3*server.MAX_PENDING_SIZE))
	select {
	case reason := <-cut:
		assert.Contains(t, reason, "Slow Consumer")
	case <-time.After(patience):
		assert.Fail(t, "a worker that reads nothing stays connected")
	}
}
