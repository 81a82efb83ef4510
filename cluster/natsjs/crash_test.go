package natsjs_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"yardmaster/cluster/journal"
	"yardmaster/cluster/natsjs"
)

const (
	childDir  = "NATSJS_TEST_CHILD_DIR"
	childMode = "NATSJS_TEST_CHILD_MODE"
)

// child is the process that TestKillNineLosesNoAcknowledgedEvent kills: it
// appends from many goroutines and prints each acknowledgement.
func child(dir string) {
	ctx := context.Background()
	s, err := natsjs.StartServer(natsjs.ServerConfig{
		DataDir: dir, Partitions: 4, Logger: quiet, StartTimeout: 3 * time.Second,
	})
	if errors.Is(err, natsjs.ErrStuck) && os.Getenv(childMode) == "replay" {
		_, _ = fmt.Fprintln(os.Stdout, "refused: stuck")
		return
	}
	must(err)
	nc, err := s.Connect(ctx, natsjs.DialConfig{})
	must(err)
	js, err := jetstream.New(nc)
	must(err)
	_, err = natsjs.Ensure(ctx, js, natsjs.Streams(4, 1))
	must(err)
	store, err := natsjs.OpenJournalStore(ctx, js, 0)
	must(err)
	got := map[uint64]string{}
	j, err := journal.Open(ctx, store, journal.Config{Owner: "child", Marks: s.Marks()},
		func(b journal.Batch) error {
			for i, e := range b.Events {
				if b.Kind == journal.Events {
					got[b.First+uint64(i)] = string(e)
				}
			}
			return nil
		})
	if os.Getenv(childMode) == "replay" {
		report(got, err)
		return
	}
	must(err)
	var mu sync.Mutex
	var all sync.WaitGroup
	for g := range 16 {
		all.Go(func() {
			for i := 0; ; i++ {
				e := fmt.Sprintf("%d-%d-%d", os.Getpid(), g, i)
				ack, err := j.Append([][]byte{[]byte(e)})
				must(err)
				mu.Lock()
				_, _ = fmt.Fprintln(os.Stdout, ack.First, e)
				mu.Unlock()
			}
		})
	}
	all.Wait()
}

// report prints what a replay yielded, or the kind of fault that refused it.
func report(got map[uint64]string, err error) {
	var fault *journal.Fault
	switch {
	case err == nil:
		must(json.NewEncoder(os.Stdout).Encode(got))
	case errors.As(err, &fault):
		_, _ = fmt.Fprintln(os.Stdout, "refused:", fault.Kind)
	default:
		_, _ = fmt.Fprintln(os.Stdout, "unclear:", err)
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// TestKillNineLosesNoAcknowledgedEvent kills a process that appends, three
// times, and shows that every event it had printed as acknowledged is replayed
// in its place.
func TestKillNineLosesNoAcknowledgedEvent(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ledger := map[uint64]string{}
	for range 3 {
		cmd := exec.CommandContext(t.Context(), os.Args[0]) //nolint:gosec // this test
		cmd.Env = append(os.Environ(), childDir+"="+dir)
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		lines := bufio.NewScanner(out)
		for n := 0; lines.Scan(); n++ {
			var first uint64
			var e string
			if _, err := fmt.Sscan(lines.Text(), &first, &e); err == nil && strings.Count(e, "-") == 2 {
				ledger[first] = e
			}
			if n == 1000 {
				require.NoError(t, cmd.Process.Kill())
			}
		}
		_ = cmd.Wait()
	}
	require.GreaterOrEqual(t, len(ledger), 3000)
	got := map[uint64]string{}
	_, err := start(t, dir).open(t, 0, got)
	require.NoError(t, err)
	for first, e := range ledger {
		if got[first] != e { // the last printed line of a killed process may be cut
			require.True(t, strings.HasPrefix(got[first], e), "sequence %d: %q, acknowledged %q", first, got[first], e)
		}
	}
}

// TestADamagedDiskIsNeverSilentlyShorter flips a bit or cuts the file at a
// random place of a journal's blocks, and shows that opening it again is either
// refused or yields everything.
func TestADamagedDiskIsNeverSilentlyShorter(t *testing.T) { //nolint:tparallel // one round after the other
	t.Parallel()
	dir := t.TempDir()
	m := start(t, dir)
	j, err := m.open(t, 0, nil)
	require.NoError(t, err)
	want := map[uint64]string{}
	for i := range 60 {
		e := fmt.Sprintf("event %d %s", i, strings.Repeat("x", i))
		ack, err := j.Append([][]byte{[]byte(e)})
		require.NoError(t, err)
		want[ack.First] = e
	}
	require.NoError(t, j.Close(t.Context()))
	m.stop()

	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	dice := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // a test's choice
	refused := map[string]int{}
	for round := range 20 {
		at := filepath.Join(t.TempDir(), "copy")
		require.NoError(t, os.CopyFS(at, os.DirFS(dir)))
		what := damage(t, at, dice, round)
		t.Run(fmt.Sprintf("%d %s", round, what), func(t *testing.T) {
			// In a process of its own: a damaged block can keep the server busy for ever.
			cmd := exec.CommandContext(t.Context(), os.Args[0]) //nolint:gosec // this test
			cmd.Env = append(os.Environ(), childDir+"="+at, childMode+"=replay")
			out, err := cmd.Output()
			require.NoError(t, err)
			line := strings.TrimSpace(string(out))
			if kind, ok := strings.CutPrefix(line, "refused: "); ok {
				refused[kind]++
				return
			}
			got := map[uint64]string{}
			require.NoError(t, json.Unmarshal(out, &got), line)
			require.Equal(t, want, got)
			refused["healed"]++
		})
	}
	t.Log(refused)
}

func damage(t *testing.T, dir string, dice *rand.Rand, round int) string {
	t.Helper()
	var blocks []string
	pattern := filepath.Join(dir, "jetstream", "jetstream", "$G", "streams", "YM_JOURNAL_0", "msgs")
	entries, err := os.ReadDir(pattern)
	require.NoError(t, err)
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".blk") {
			blocks = append(blocks, filepath.Join(pattern, e.Name()))
		}
	}
	require.NotEmpty(t, blocks)
	if round%3 == 0 { // without its index the server reads the blocks anew
		_ = os.Remove(filepath.Join(pattern, "index.db"))
	}
	block := blocks[dice.IntN(len(blocks))]
	raw, err := os.ReadFile(block)
	require.NoError(t, err)
	place := dice.IntN(len(raw))
	what := "bit flipped at "
	if round%4 == 3 {
		raw, what = raw[:place], "cut at "
	} else {
		raw[place] ^= 1 << dice.IntN(8)
	}
	require.NoError(t, os.WriteFile(block, raw, 0o600))
	return what + fmt.Sprint(place)
}

func TestLostMarksAreRefusedUnlessAccepted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	start(t, dir).stop()
	require.NoError(t, os.Remove(filepath.Join(dir, "marks")))
	cfg := natsjs.ServerConfig{DataDir: dir, Partitions: 4, Logger: quiet}
	_, err := natsjs.StartServer(cfg)
	require.ErrorContains(t, err, "--accept-lost-marks")
	cfg.AcceptLostMarks = true
	s, err := natsjs.StartServer(cfg)
	require.NoError(t, err)
	require.NoError(t, s.Shutdown(t.Context()))
}

func TestADataDirectoryThatIsNotOursIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	m := start(t, dir)
	file := filepath.Join(dir, "yardmaster.json")
	refused := func(partitions uint32, contains ...string) {
		t.Helper()
		_, err := natsjs.StartServer(natsjs.ServerConfig{DataDir: dir, Partitions: partitions, Logger: quiet})
		for _, c := range contains {
			require.ErrorContains(t, err, c)
		}
	}
	refused(4, dir, fmt.Sprint("pid ", os.Getpid()))
	m.stop()
	refused(5, file, "4 partitions")
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	var f map[string]any
	require.NoError(t, json.Unmarshal(raw, &f))
	require.ElementsMatch(t, []string{"format", "partitions", "created"}, slices.Collect(maps.Keys(f)))
	f["format"] = 2
	raw, err = json.Marshal(f)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, raw, 0o600))
	refused(4, file, "version 2")
	require.NoError(t, os.WriteFile(file, []byte("{"), 0o600))
	refused(4, file)
	require.NoError(t, os.Remove(file))
	refused(4, "yardmaster.json")
}
