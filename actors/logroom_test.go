package actors_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"yardmaster/actors"
	"yardmaster/domain/attempt"
	"yardmaster/domain/job"
	"yardmaster/internal/testkit"
)

// TestTheRoomForLogsIsNeverExceeded has attempts take and give back at random. There
// is always room for the first chunk of one more, as long as a share is a chunk.
func TestTheRoomForLogsIsNeverExceeded(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		const chunk = 10
		size := rapid.Int64Range(chunk, 50*chunk).Draw(t, "size")
		r := actors.NewLogRoom(size)
		held := make([]int64, 30)
		for range rapid.IntRange(1, 300).Draw(t, "steps") {
			i := rapid.IntRange(0, len(held)-1).Draw(t, "attempt")
			n := rapid.Int64Range(1, chunk).Draw(t, "bytes")
			switch {
			case rapid.Bool().Draw(t, "take"):
				_, before := r.Used()
				took := r.Take(held[i], n)
				if took {
					held[i] += n
				}
				if steady(held, size) && held[i] == 0 && !took && size/(before+1) >= chunk {
					t.Fatalf("no room for one more: %v of %d", held, size)
				}
			case held[i] > 0:
				n = min(n, held[i])
				held[i] -= n
				r.GiveBack(held[i], n)
			}
			var sum, holders int64
			for _, h := range held {
				sum += h
				if h > 0 {
					holders++
				}
			}
			if used, of := r.Used(); used != sum || of != holders || used > size {
				t.Fatalf("%d bytes of %d, by %d; %d by %d are held", used, size, of, sum, holders)
			}
		}
	})
}

// steady reports whether nobody has more than the share of all who hold and one more.
func steady(held []int64, size int64) bool {
	holders := int64(0)
	for _, h := range held {
		if h > 0 {
			holders++
		}
	}
	for _, h := range held {
		if h > size/(holders+1) {
			return false
		}
	}
	return true
}

// verbose returns chunks as large as they can be.
func verbose(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = strings.Repeat(string(rune('a'+i%26)), attempt.MaxChunk)
	}
	return all
}

// Twenty attempts write far more than the node has room for, and it is stored
// slowly: the steps wait, and every log is whole.
func TestLogsBeyondTheRoomWaitAndNothingIsLost(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		const room = 16 * attempt.MaxChunk
		n := y.StartNode(func(c *actors.Config) { c.LogRoom = room })
		y.Logs.Late(20 * time.Millisecond)
		var most atomic.Int64
		y.Logs.Judge(func(job.ID, job.Token, attempt.Chunk) error {
			use := n.LogUse()
			most.Store(max(most.Load(), use.InUse))
			return nil
		})
		y.StartWorker("w1", testkit.NewExecutor(writing(verbose(40)...)),
			func(c *actors.WorkerConfig) { c.Slots = 20 })
		begun := time.Now()
		ids := submitMany(t, n, 20)
		for _, id := range ids {
			require.Equal(t, success, await(t, n, id).State)
		}
		took := time.Since(begun)
		for _, id := range ids {
			text, end := readLog(t, n, id, false)
			require.Len(t, text, 40*attempt.MaxChunk)
			require.True(t, end.Complete)
		}
		assert.LessOrEqual(t, most.Load(), int64(room))
		assert.Greater(t, most.Load(), int64(room/2), "what there is, is used")
		assert.Positive(t, n.LogUse().PutOff)
		assert.Equal(t, actors.LogUse{Size: room, PutOff: n.LogUse().PutOff}, n.LogUse(), "all is given back")
		assert.Less(t, took, time.Minute)
	})
}

// Some write as fast as they can and never end; one that comes later and writes a
// little is not kept waiting by them.
func TestAFloodOfLogsDoesNotKeepOthersWaiting(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n := y.StartNode(func(c *actors.Config) { c.LogRoom = 20 * attempt.MaxChunk })
		y.Logs.Late(100 * time.Millisecond)
		chunk := verbose(1)[0]
		flood := func(c ctx, _ task, out observer) result {
			p := testkit.NewPen(out)
			for c.Err() == nil {
				p.Write(chunk)
			}
			return testkit.Interrupted(c)
		}
		y.StartWorker("w1", testkit.NewExecutor(testkit.ByKey(map[string]testkit.Script{
			"flood": flood, "little": writing("one\n", "two\n"),
		})), func(c *actors.WorkerConfig) { c.Slots = 20 })
		for range 10 {
			submit(t, n, workflow(aJob("flood")))
		}
		elapse(2 * time.Second)
		require.Positive(t, n.LogUse().PutOff)
		begun := time.Now()
		id := submit(t, n, workflow(aJob("little")))
		require.Equal(t, success, await(t, n, id).State)
		assert.Less(t, time.Since(begun), 2*time.Second)
	})
}

// A store that fails gives the room back, and so does an attempt that ends.
func TestRoomForLogsComesBackWhateverHappens(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n := y.StartNode(func(c *actors.Config) { c.LogRoom = 8 * attempt.MaxChunk })
		var works atomic.Bool
		y.Logs.Judge(func(job.ID, job.Token, attempt.Chunk) error {
			if !works.Load() {
				return actors.ErrOverloaded
			}
			return nil
		})
		y.StartWorker("w1", testkit.NewExecutor(writing(verbose(30)...)))
		a, b := submit(t, n, workflow(aJob("a"))), submit(t, n, workflow(aJob("b")))
		elapse(30 * time.Second)
		require.Zero(t, n.LogUse().InUse)
		require.NoError(t, cancel(t, n, b, ""))
		elapse(2 * time.Minute)
		works.Store(true)
		require.Equal(t, success, await(t, n, a).State)
		elapse(time.Minute)
		require.Zero(t, n.LogUse().InUse)
		require.Zero(t, n.LogUse().Attempts)
	})
}
