//go:build linux

package e2e_test

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"yardmaster/messages"
)

const (
	damages      = 18  // places that are damaged, each in a copy of its own
	damagedRuns  = 240 // runs in the journals
	journalFiles = "jetstream/jetstream/$G/streams/YM_JOURNAL_*/msgs/*.blk"
)

// damage is one way to spoil a file.
type damage struct {
	what string
	// certain says that it cannot go unnoticed: it takes away what was acknowledged.
	certain bool
	do      func(t *testing.T, rng *rand.Rand, path string)
}

func damageKinds() []damage {
	return []damage{
		{"flip a bit", false, func(t *testing.T, rng *rand.Rand, path string) {
			raw := read(t, path)
			at := rng.IntN(len(raw))
			raw[at] ^= 1 << rng.IntN(8)
			t.Logf("byte %d of %d", at, len(raw))
			write(t, path, raw)
		}},
		{"flip a bit of a run's name", true, func(t *testing.T, rng *rand.Rand, path string) {
			raw := read(t, path)
			places := indexes(raw, "damaged-")
			at := places[rng.IntN(len(places))] + rng.IntN(8)
			raw[at] ^= 1 << rng.IntN(8)
			write(t, path, raw)
		}},
		{"truncate", true, func(t *testing.T, rng *rand.Rand, path string) {
			raw := read(t, path)
			write(t, path, raw[:rng.IntN(len(raw))])
		}},
		{"zero a part", true, func(t *testing.T, rng *rand.Rand, path string) {
			raw := read(t, path)
			from := rng.IntN(len(raw) - 512)
			clear(raw[from : from+512])
			write(t, path, raw)
		}},
		{"cut a part out", true, func(t *testing.T, rng *rand.Rand, path string) {
			raw := read(t, path)
			from := rng.IntN(len(raw) - 512)
			write(t, path, append(raw[:from:from], raw[from+1+rng.IntN(511):]...))
		}},
		{"delete", true, func(t *testing.T, _ *rand.Rand, path string) { require.NoError(t, os.Remove(path)) }},
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	return raw
}

func write(t *testing.T, path string, raw []byte) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, raw, 0o600))
}

func indexes(raw []byte, text string) (all []int) {
	for at := 0; ; {
		i := strings.Index(string(raw[at:]), text)
		if i < 0 {
			return all
		}
		all = append(all, at+i)
		at += i + 1
	}
}

// TestDamagedJournalsAreRefused damages the journals of a stopped server in random
// places, and shows that it refuses to start, says what is damaged, where, and
// what to do; and that it never starts with less than it acknowledged.
func TestDamagedJournalsAreRefused(t *testing.T) {
	t.Parallel()
	rng := chance(t)
	y := newYard(t)
	y.start()
	acked := y.fill(damagedRuns)
	y.server.kill() // not even a clean end
	sound := y.dir
	kinds := damageKinds()
	refused := 0
	for i := range damages {
		d := kinds[i%len(kinds)]
		y.dir = filepath.Join(t.TempDir(), "data")
		require.NoError(t, os.CopyFS(y.dir, os.DirFS(sound)))
		files, err := filepath.Glob(filepath.Join(y.dir, journalFiles))
		require.NoError(t, err)
		require.NotEmpty(t, files)
		path := files[rng.IntN(len(files))]
		d.do(t, rng, path)
		name := fmt.Sprintf("%d: %s in %s", i, d.what, strings.TrimPrefix(path, y.dir))
		if y.refusesDamage(name, streamOf(path)) {
			refused++
			continue
		}
		assert.False(t, d.certain, "%s went unnoticed", name)
		y.checkAll(name, acked)
		y.server.kill()
	}
	t.Logf("%d of %d refused", refused, damages)
	y.dir = sound
	y.start()
	y.checkAll("no damage", acked)
}

// streamOf returns the number at the end of a journal's stream.
func streamOf(path string) string {
	stream := filepath.Base(filepath.Dir(filepath.Dir(path)))
	return stream[strings.LastIndex(stream, "_")+1:]
}

// fill submits runs that nobody will run, and returns them as the API tells them.
func (y *yard) fill(n int) map[string]*messages.Run {
	t := y.t
	t.Helper()
	all := map[string]*messages.Run{}
	const src = "name: damaged-%d\njobs: {a: {runs-on: nobody, steps: [{run: 'true'}]}, " +
		"b: {needs: a, runs-on: nobody, steps: [{run: 'true'}]}}\n"
	for i := range n {
		id := y.submit(fmt.Sprintf(src, i))
		run, err := y.client.Run(t.Context(), id)
		require.NoError(t, err)
		all[id] = run
	}
	return all
}

// refusesDamage starts the server and reports whether it refused to: then it must
// have said what there is to say.
func (y *yard) refusesDamage(name, partition string) bool {
	t := y.t
	t.Helper()
	begun := time.Now()
	y.launch()
	select {
	case <-y.server.err.seen("server ready"):
		return false
	case <-y.server.done:
	case <-time.After(patience):
		require.Fail(t, name+": it neither starts nor ends", y.server.err.String())
	}
	said := lastLine(y.server.err.String())
	t.Logf("%s: exit %d after %s: %s", name, y.server.code, time.Since(begun).Round(time.Millisecond), said)
	assert.Equal(t, 3, y.server.code, name)
	assert.NotContains(t, said, "goroutine ", name)
	assert.Regexp(t, "partition "+partition+"|YM_JOURNAL_"+partition, said, name)
	assert.Regexp(t, "restore|backup", said, name)
	return true
}

// checkAll checks that every run is there, as it was.
func (y *yard) checkAll(name string, acked map[string]*messages.Run) {
	t := y.t
	t.Helper()
	for id, want := range acked {
		got, err := y.client.Run(bounded(t), id)
		if assert.NoError(t, err, "%s: run %s is lost", name, id) {
			assert.True(t, proto.Equal(want, got), "%s: run %s differs:\n%v\n%v", name, id, want, got)
		}
	}
	assert.Len(t, allRuns(bounded(t), t, y.client), len(acked), name)
}

// TestMissingFilesAreRefused takes whole files away from the data directory.
func TestMissingFilesAreRefused(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	y.start()
	y.fill(12)
	y.stop()
	sound := y.dir
	for _, name := range []string{"marks", "yardmaster.json", "jetstream", "jetstream/jetstream/$G/streams/YM_JOURNAL_1"} {
		y.dir = filepath.Join(t.TempDir(), "data")
		require.NoError(t, os.CopyFS(y.dir, os.DirFS(sound)))
		require.NoError(t, os.RemoveAll(filepath.Join(y.dir, name)))
		y.launch()
		select {
		case <-y.server.err.seen("server ready"):
			assert.Fail(t, "it started without "+name, y.server.err.String())
			y.server.kill()
		case <-y.server.done:
			assert.Equal(t, 3, y.server.code)
			assert.Contains(t, y.server.err.String(), "restore", name)
			t.Logf("without %s: %s", name, lastLine(y.server.err.String()))
		}
	}
	assert.DirExists(t, sound)
	_, err := fs.Stat(os.DirFS(sound), "marks")
	require.NoError(t, err)
}
