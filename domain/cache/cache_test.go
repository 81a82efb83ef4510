package cache_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"yardmaster/domain/blob"
	"yardmaster/domain/cache"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	start  = time.Date(2026, 11, 26, 3, 0, 0, 0, time.UTC)
	plenty = cache.Limits{Bytes: 1 << 30, Entries: 1000}
)

func at(second int) time.Time { return start.Add(time.Duration(second) * time.Second) }

func id(ref, key string) cache.ID {
	return cache.ID{Scope: cache.Scope{Project: "p", Ref: ref}, Key: key}
}

// save saves an entry, and returns the keys of those that had to go.
func save(t require.TestingT, x *cache.Index, i cache.ID, size int64, now time.Time, l cache.Limits) (gone []string) {
	events, err := x.Save(i, blob.Of([]byte(i.Key)), size, now, l)
	require.NoError(t, err)
	for _, e := range events {
		if e, is := e.(cache.Evicted); is {
			gone = append(gone, e.ID.Key)
		}
		x.Evolve(e)
	}
	return gone
}

func TestKeysAreThoseThatGitHubTakes(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"linux-go-1.26", "a b", "ä", strings.Repeat("x", 512)} {
		require.NoError(t, cache.CheckKey(key), key)
	}
	for _, key := range []string{"", "a,b", "a\nb", "a\xff", "\x00", strings.Repeat("x", 513)} {
		require.ErrorIs(t, cache.CheckKey(key), cache.ErrKey, "%q", key)
	}
	require.NoError(t, cache.Query{Key: "a", RestoreKeys: []string{"b", "c"}}.Check())
	require.ErrorIs(t, cache.Query{Key: "a", RestoreKeys: []string{""}}.Check(), cache.ErrKey)
	require.ErrorIs(t, cache.Query{Key: "a", RestoreKeys: make([]string, 10)}.Check(), cache.ErrKey)
}

func TestWhichEntryIsFound(t *testing.T) {
	t.Parallel()
	x := cache.NewIndex()
	for i, e := range []cache.ID{
		id("main", "go-1"), id("main", "go-2"), id("main", "node-1"), id("feature", "go-0"), id("main", "go-"),
		{Scope: cache.Scope{Project: "other", Ref: "main"}, Key: "go-3"},
		{Scope: cache.Scope{Project: "p", Ref: "main"}, Key: "go-4", Version: blob.Of([]byte("other paths"))},
	} {
		save(t, x, e, 1, at(i), plenty)
	}
	for name, c := range map[string]struct {
		refs  []string
		key   string
		other []string
		want  string
		exact bool
	}{
		"the very key":                    {[]string{"main"}, "go-1", nil, "go-1", true},
		"the very key, though not newest": {[]string{"main"}, "go-", nil, "go-", true},
		"the newest that begins so":       {[]string{"main"}, "g", nil, "go-", false},
		"a restore key":                   {[]string{"main"}, "go-9", []string{"go-1"}, "go-1", false},
		"the first restore key":           {[]string{"main"}, "x", []string{"node-", "go-"}, "node-1", false},
		"the second restore key":          {[]string{"main"}, "x", []string{"y", "go-2"}, "go-2", false},
		"the own ref first":               {[]string{"feature", "main"}, "go-9", []string{"go-"}, "go-0", false},
		"the own ref before the very key": {[]string{"feature", "main"}, "go-1", []string{"go-"}, "go-0", false},
		"the default branch":              {[]string{"feature", "main"}, "node-1", nil, "node-1", true},
		"no other ref":                    {[]string{"feature"}, "node-1", []string{"n"}, "", false},
		"no other version or project":     {[]string{"main"}, "go-3", []string{"go-4"}, "", false},
		"nothing":                         {[]string{"main"}, "x", nil, "", false},
	} {
		got, exact, ok := x.Find(cache.Query{Project: "p", Refs: c.refs, Key: c.key, RestoreKeys: c.other})
		require.Equal(t, c.want != "", ok, name)
		require.Equal(t, c.want, got.Key, name)
		require.Equal(t, c.exact, exact, name)
	}
	_, _, ok := x.Find(cache.Query{Project: "none", Refs: []string{"main"}, Key: "go-1"})
	require.False(t, ok)
	require.Equal(t, []string{"other", "p"}, x.Projects())
}

func TestAnEntryNeverChanges(t *testing.T) {
	t.Parallel()
	x := cache.NewIndex()
	save(t, x, id("main", "k"), 1, at(0), plenty)
	events, err := x.Save(id("main", "k"), blob.Of([]byte("k")), 1, at(1), plenty)
	require.NoError(t, err, "the same save came again")
	require.Empty(t, events)
	_, err = x.Save(id("main", "k"), blob.Of([]byte("other")), 1, at(1), plenty)
	require.ErrorIs(t, err, cache.ErrExists)
	_, err = x.Save(id("main", "a,b"), blob.Of(nil), 1, at(1), plenty)
	require.ErrorIs(t, err, cache.ErrKey)
	_, err = x.Save(id("main", "huge"), blob.Of(nil), plenty.Bytes+1, at(1), plenty)
	require.ErrorIs(t, err, cache.ErrTooLarge)
	require.Empty(t, save(t, x, id("feature", "k"), 1, at(2), plenty), "another ref has its own")
}

func TestWhatWasFoundLeastRecentlyGoesFirst(t *testing.T) {
	t.Parallel()
	x, l := cache.NewIndex(), cache.Limits{Bytes: 10, Entries: 3}
	save(t, x, id("main", "a"), 4, at(0), l)
	save(t, x, id("main", "b"), 4, at(1), l)
	x.Evolve(cache.Found{ID: id("main", "a"), At: at(2)})
	require.Equal(t, []string{"b"}, save(t, x, id("main", "c"), 4, at(3), l))
	require.Equal(t, []string{"a", "c"}, save(t, x, id("main", "d"), 10, at(4), l))
	require.Equal(t, int64(10), x.Bytes("p"))

	x = cache.NewIndex()
	for i := range 3 {
		save(t, x, id("main", fmt.Sprint(i)), 0, at(i), l)
	}
	require.Equal(t, []string{"0"}, save(t, x, id("main", "3"), 0, at(3), l))

	l.Unused = 10 * time.Second
	require.Equal(t, []cache.Event{
		cache.Evicted{ID: id("main", "1")}, cache.Evicted{ID: id("main", "2")},
	}, x.Evict("p", at(12), l))
	require.Empty(t, x.Evict("none", at(12), l))
}

func TestLateWordsHarmNobody(t *testing.T) {
	t.Parallel()
	x := cache.NewIndex()
	x.Evolve(cache.Found{ID: id("main", "a"), At: at(1)})
	x.Evolve(cache.Evicted{ID: id("main", "a")})
	save(t, x, id("main", "a"), 3, at(5), plenty)
	x.Evolve(cache.Found{ID: id("main", "a"), At: at(1)})
	require.Equal(t, at(5), x.Entries("p")[0].Used)
	x.Evolve(cache.Evicted{ID: id("main", "b")})
	require.Equal(t, int64(3), x.Bytes("p"))
	x.Evolve(cache.Saved{Entry: x.Entries("p")[0]}) // told twice
	require.Equal(t, int64(3), x.Bytes("p"))
	x.Evolve(cache.Evicted{ID: id("main", "a")})
	require.Empty(t, x.Projects())
}

// TestTheIndexAgreesWithTheModel drives an index with anything, and holds it against a
// list that is searched as the documentation says it.
func TestTheIndexAgreesWithTheModel(t *testing.T) {
	t.Parallel()
	keys := rapid.StringMatching(`[ab]{1,3}`)
	refs := rapid.SampledFrom([]string{"main", "feature"})
	rapid.Check(t, func(t *rapid.T) {
		x, second := cache.NewIndex(), 0
		l := cache.Limits{Bytes: 20, Entries: 4, Unused: time.Duration(rapid.IntRange(0, 9).Draw(t, "unused")) * time.Second}
		t.Repeat(map[string]func(*rapid.T){
			"save": func(t *rapid.T) {
				second++
				size := rapid.Int64Range(0, 12).Draw(t, "size")
				before := x.Entries("p")
				i := id(refs.Draw(t, "ref"), keys.Draw(t, "key"))
				gone := save(t, x, i, size, at(second), l)
				checkEvicted(t, before, x.Entries("p"), gone)
				require.LessOrEqual(t, x.Bytes("p"), l.Bytes)
				require.LessOrEqual(t, len(x.Entries("p")), l.Entries)
			},
			"find": func(t *rapid.T) {
				second++
				q := cache.Query{
					Project: "p", Refs: rapid.SliceOfNDistinct(refs, 1, 2, rapid.ID[string]).Draw(t, "refs"),
					Key: keys.Draw(t, "key"), RestoreKeys: rapid.SliceOfN(keys, 0, 3).Draw(t, "restore keys"),
				}
				got, exact, ok := x.Find(q)
				want, wantExact := search(x.Entries("p"), q)
				require.Equal(t, want != nil, ok)
				if ok {
					require.Equal(t, *want, got)
					require.Equal(t, wantExact, exact)
					x.Evolve(cache.Found{ID: got.ID, At: at(second)})
				}
			},
			"": func(t *rapid.T) {
				var sum int64
				for _, e := range x.Entries("p") {
					sum += e.Bytes
				}
				require.Equal(t, sum, x.Bytes("p"))
			},
		})
	})
}

// checkEvicted checks that what is gone was used no later than what stayed.
func checkEvicted(t *rapid.T, before, after []cache.Entry, gone []string) {
	stayed := map[cache.ID]bool{}
	for _, e := range after {
		stayed[e.ID] = true
	}
	var last, first time.Time
	n := 0
	for _, e := range before {
		switch {
		case !stayed[e.ID]:
			n++
			if e.Used.After(last) {
				last = e.Used
			}
		case first.IsZero() || e.Used.Before(first):
			first = e.Used
		}
	}
	require.Len(t, gone, n)
	require.True(t, n == 0 || first.IsZero() || !last.After(first))
}

// search is Find as one would explain it.
func search(all []cache.Entry, q cache.Query) (best *cache.Entry, exact bool) {
	newest := func(ref string, fits func(key string) bool) (best *cache.Entry) {
		for i, e := range all {
			if e.Ref == ref && fits(e.Key) && (best == nil || e.Made.After(best.Made)) {
				best = &all[i]
			}
		}
		return best
	}
	for _, ref := range q.Refs {
		if e := newest(ref, func(key string) bool { return key == q.Key }); e != nil {
			return e, true
		}
		for _, prefix := range append([]string{q.Key}, q.RestoreKeys...) {
			if e := newest(ref, func(key string) bool { return strings.HasPrefix(key, prefix) }); e != nil {
				return e, false
			}
		}
	}
	return nil, false
}

func BenchmarkFind(b *testing.B) {
	x, l := cache.NewIndex(), cache.Limits{Bytes: 1 << 40, Entries: 10_000}
	for i := range 10_000 {
		save(b, x, id("main", fmt.Sprintf("linux-go-%d", i)), 1, at(i), l)
	}
	q := cache.Query{
		Project: "p", Refs: []string{"feature", "main"}, Key: "none", RestoreKeys: []string{"linux-go-", "linux-"},
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, ok := x.Find(q); !ok {
			b.Fatal("nothing")
		}
	}
}
