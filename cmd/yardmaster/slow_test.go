package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// wordy is a job that waits for a file and then writes 13 MiB, each line once.
const wordy = `name: wordy
on: push
jobs:
  write:
    steps:
      - run: |
          while [ ! -e %s ]; do sleep 0.02; done
          seq 1000000 2800000
`

// Followers of a log that read almost nothing hold up neither the job that writes it
// nor anybody else, and are not cut off.
func TestAFollowerThatReadsAByteASecondSlowsNoJob(t *testing.T) {
	t.Parallel()
	n := nodeOf(t, testNode(t))
	cfg := testWorker(t, n.cfg.NATSListen)
	cfg.LogCap = 64 << 20
	workerOf(t, cfg)
	u := userOf(t, n)
	flag := filepath.Join(t.TempDir(), "go")
	id := u.submit(fmt.Sprintf(wordy, flag))
	u.await(id, running)
	var conns []net.Conn
	for range 20 {
		conns = append(conns, slowFollower(t, n.APIURL(), id))
	}
	require.NoError(t, os.WriteFile(flag, nil, 0o600))
	u.await(id, success) // what waited for them would wait for ever: they read nothing meanwhile
	one := make([]byte, 1)
	for _, c := range conns { // all are still there
		require.NoError(t, c.SetReadDeadline(time.Now().Add(partsDeadline)))
		for range 3 {
			_, err := io.ReadFull(c, one)
			require.NoError(t, err)
		}
	}
}

// slowFollower follows the log of a run over a connection whose other end holds as
// little as can be, and reads one byte of it.
func slowFollower(t *testing.T, url, id string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	tcp, ok := c.(*net.TCPConn)
	require.True(t, ok)
	require.NoError(t, tcp.SetReadBuffer(4<<10))
	body := `{"run_id":"` + id + `","follow":true}`
	frame := append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(body))), body...)
	req, err := http.NewRequest(http.MethodPost, url+"/yardmaster.v1.YardmasterService/ReadLog", bytes.NewReader(frame))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/connect+json")
	require.NoError(t, req.Write(c))
	return c
}
