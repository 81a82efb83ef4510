package natsjs_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"yardmaster/cluster/journal"
	"yardmaster/cluster/natsjs"
)

// TestAFullDiskStopsTheJournal fills a small disk with a journal, and shows that
// the journal stops with an error, and that all it acknowledged is there when the
// disk has room again.
func TestAFullDiskStopsTheJournal(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=6m"); err != nil {
		t.Skipf("no disk of our own: %v", err)
	}
	t.Cleanup(func() { require.NoError(t, unix.Unmount(dir, unix.MNT_DETACH)) })
	m := start(t, dir)
	j, err := journal.Open(t.Context(), m.store(t, 0), journal.Config{
		Owner: "n1", Marks: m.server.Marks(), GiveUp: 2 * time.Second, // a server without disk does not answer
	}, func(journal.Batch) error { return nil })
	require.NoError(t, err)
	want := map[uint64]string{}
	for i := range 10_000 {
		e := fmt.Sprintf("%d %s", i, make([]byte, 100<<10))
		ack, err := j.Append([][]byte{[]byte(e)})
		if err != nil {
			t.Log(err)
			break
		}
		want[ack.First] = e
	}
	<-j.Lost()
	require.Error(t, j.Err())
	require.NotEmpty(t, want)
	m.stop()

	require.NoError(t, unix.Mount("", dir, "", unix.MS_REMOUNT, "size=64m"))
	got := map[uint64]string{}
	again, err := natsjs.StartServer(natsjs.ServerConfig{DataDir: dir, Partitions: 4, Logger: quiet})
	require.NoError(t, err)
	require.NoError(t, again.Shutdown(t.Context()))
	_, err = start(t, dir).open(t, 0, got)
	require.NoError(t, err)
	for first, e := range want {
		require.Equal(t, e, got[first])
	}
}
