package queue_test

import (
	"fmt"
	"math"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"yardmaster/domain/job"
	"yardmaster/domain/queue"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func id(run string, index uint32) job.ID { return job.ID{Run: job.RunID(run), Index: index} }

func TestAnEmptyQueueHasNothing(t *testing.T) {
	t.Parallel()

	var q queue.Queue
	_, head := q.Head(3)
	_, removed := q.Remove(id("r", 0))
	_, got := q.Get(id("r", 0))
	_, ahead := q.Ahead(id("r", 0), 0)
	_, at := q.At(3, 0)
	assert.False(t, head || removed || got || ahead || at)
	assert.Zero(t, q.Len()+q.LenOf(3))
	assert.Empty(t, slices.Collect(q.All()))
}

func TestTheLeastDueGoesFirstAndThenWhoCameFirst(t *testing.T) {
	t.Parallel()

	var q queue.Queue
	want := []queue.Entry{
		{Job: id("e", 0), Class: 1, Due: -100, Seq: 5},
		{Job: id("b", 1), Class: 0, Due: 0, Seq: 1, Note: math.MaxUint64},
		{Job: id("b", 2), Class: 1, Due: 0, Seq: 2},
		{Job: id("b", 3), Class: 1, Due: 0, Seq: 2}, // as early: the job decides
		{Job: id("c", 2), Class: 1, Due: 0, Seq: 2},
		{Job: id("a", 0), Class: 0, Due: 1, Seq: 0},
		{Job: id("z", 0), Class: 0, Due: math.MaxInt64, Seq: 0},
	}
	for _, i := range []int{3, 5, 0, 6, 1, 4, 2} {
		require.True(t, q.Push(want[i]))
		require.False(t, q.Push(queue.Entry{Job: want[i].Job, Due: -999}), "a job waits once")
	}
	assert.Equal(t, want, slices.Collect(q.All()))

	head, _ := q.Head(1)
	assert.Equal(t, want[0], head)
	got, ok := q.Get(id("b", 1))
	assert.True(t, ok)
	assert.Equal(t, want[1], got)
	third, _ := q.At(1, 2)
	assert.Equal(t, want[3], third)
	_, ok = q.At(1, 4)
	assert.False(t, ok, "four of this class wait")
	ahead, _ := q.Ahead(id("c", 2), 1)
	assert.Equal(t, 3, ahead)
	ahead, _ = q.Ahead(id("c", 2), 0)
	assert.Equal(t, 1, ahead, "it is of another class")
	ahead, waits := q.Ahead(id("c", 2), 99)
	assert.Zero(t, ahead)
	assert.True(t, waits)
}

func TestAWalkMayStopHalfWay(t *testing.T) {
	t.Parallel()

	var q queue.Queue
	for i := range uint32(10) {
		q.Push(queue.Entry{Job: id("r", i), Seq: uint64(i)})
	}
	for e := range q.All() {
		if e.Seq == 3 {
			return
		}
		assert.Less(t, e.Seq, uint64(3))
	}
}

// TestTheQueueAgreesWithASortedList compares every answer, after any changes, with
// those of a list that is sorted afresh.
func TestTheQueueAgreesWithASortedList(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		var q queue.Queue
		var list []queue.Entry
		pick := func() job.ID {
			return id(rapid.SampledFrom([]string{"a", "b"}).Draw(t, "run"), rapid.Uint32Range(0, 30).Draw(t, "index"))
		}
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			j := pick()
			i := slices.IndexFunc(list, func(e queue.Entry) bool { return e.Job == j })
			if rapid.IntRange(0, 2).Draw(t, "push") > 0 {
				e := queue.Entry{
					Job: j, Class: queue.ClassID(rapid.Uint32Range(0, 3).Draw(t, "class")),
					Due: rapid.Int64Range(-1, 1).Draw(t, "due"), Seq: rapid.Uint64Range(0, 40).Draw(t, "seq"),
					Note: rapid.Uint64().Draw(t, "note"),
				}
				if q.Push(e) != (i < 0) {
					t.Fatalf("push of %v", e)
				}
				if i < 0 {
					list = append(list, e)
				}
			} else if e, ok := q.Remove(j); ok != (i >= 0) || ok && e != list[i] {
				t.Fatalf("removed %v, %v", e, ok)
			} else if ok {
				list = slices.Delete(list, i, i+1)
			}
			compare(t, &q, list)
		}
	})
}

// TestJobsAreFoundAmongMany fills and empties tables of the index, where jobs share
// slots: each is still found, and none that was removed.
func TestJobsAreFoundAmongMany(t *testing.T) {
	t.Parallel()

	const n = 50_000
	q := fill(n)
	kept := func(i int) bool { return i*i%7 < 3 }
	of := func(i int) job.ID { return id(fmt.Sprintf("01JAB3N0Y6Z7Q4T2V9W8%06X", i/16), uint32(i%16)) }
	for i := range n {
		if !kept(i) {
			_, removed := q.Remove(of(i))
			require.True(t, removed)
		}
	}
	for i := range n {
		e, found := q.Get(of(i))
		require.Equal(t, kept(i), found, i)
		require.True(t, !found || e.Job == of(i))
	}
	for i := range n {
		require.Equal(t, !kept(i), q.Push(queue.Entry{Job: of(i), Seq: uint64(i)}))
	}
	assert.Equal(t, n, q.Len())
}

func compare(t *rapid.T, q *queue.Queue, list []queue.Entry) {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b queue.Entry) int {
		if a.Before(b) {
			return -1
		}
		return 1
	})
	if got := slices.Collect(q.All()); !slices.Equal(got, list) || q.Len() != len(list) {
		t.Fatalf("order is %v, want %v", got, list)
	}
	seen := map[queue.ClassID]int{}
	for _, e := range list {
		if head, _ := q.Head(e.Class); seen[e.Class] == 0 && head != e {
			t.Fatalf("head of %d is %v, want %v", e.Class, head, e)
		}
		if at, ok := q.At(e.Class, seen[e.Class]); !ok || at != e {
			t.Fatalf("number %d of %d is %v, want %v", seen[e.Class], e.Class, at, e)
		}
		for c := range queue.ClassID(4) {
			if got, ok := q.Ahead(e.Job, c); !ok || got != seen[c] {
				t.Fatalf("%d of class %d ahead of %v, want %d", got, c, e, seen[c])
			}
		}
		seen[e.Class]++
	}
	for c := range queue.ClassID(4) {
		if q.LenOf(c) != seen[c] {
			t.Fatalf("%d in class %d, want %d", q.LenOf(c), c, seen[c])
		}
	}
}

// fill queues n jobs, in runs of 16 whose names are not shared between jobs' keys.
func fill(n int) *queue.Queue {
	q := new(queue.Queue)
	var run job.RunID
	for i := range n {
		if i%16 == 0 {
			run = job.RunID(fmt.Sprintf("01JAB3N0Y6Z7Q4T2V9W8%06X", i/16))
		}
		q.Push(queue.Entry{Job: job.ID{Run: run, Index: uint32(i % 16)}, Due: -int64(i % 3), Seq: uint64(i)})
	}
	return q
}

// BenchmarkHeapPerEntry reports bytes of heap a waiting job, the text of its
// run's ID included.
func BenchmarkHeapPerEntry(b *testing.B) {
	for _, n := range []int{100_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var before, after runtime.MemStats
			for b.Loop() {
				runtime.GC()
				runtime.ReadMemStats(&before)
				q := fill(n) // that of the round before is garbage by now
				runtime.GC()
				runtime.ReadMemStats(&after)
				runtime.KeepAlive(q)
			}
			b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(n), "B/entry")
			b.ReportMetric(float64(after.PauseTotalNs-before.PauseTotalNs)/1e3, "pause_us")
		})
	}
}

func BenchmarkPushAndRemoveTheHead(b *testing.B) {
	for _, n := range []int{1_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			q := fill(n)
			b.ReportAllocs()
			for seq := uint64(n); b.Loop(); seq++ {
				head, _ := q.Head(0)
				q.Remove(head.Job)
				head.Seq = seq
				q.Push(head)
			}
		})
	}
}

func BenchmarkAhead(b *testing.B) {
	q := fill(1_000_000)
	last := job.ID{Run: "01JAB3N0Y6Z7Q4T2V9W800F423", Index: 7}
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := q.Ahead(last, 0); !ok {
			b.Fatal("no such job")
		}
	}
}
