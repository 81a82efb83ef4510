package partition_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"yardmaster/domain/partition"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestOfNeverChanges holds what is stored: with another answer, a cluster would
// look for its runs in the wrong streams. Never adjust these values.
func TestOfNeverChanges(t *testing.T) {
	t.Parallel()

	tests := []struct {
		run   string
		count int
		want  partition.Number
	}{
		{"", 4, 3},
		{"a", 4, 0},
		{"01JAB3N0Y6Z7Q4T2V9W8X5KCDE", 1, 0},
		{"01JAB3N0Y6Z7Q4T2V9W8X5KCDE", 4, 3},
		{"01JAB3N0Y6Z7Q4T2V9W8X5KCDE", 16, 3},
		{"01JAB3N0Y6Z7Q4T2V9W8X5KCDE", 4096, 323},
		{"01JAB3N0Y6Z7Q4T2V9W8X5KCDF", 4096, 2615},
		{"01KZZZZZZZZZZZZZZZZZZZZZZZ", 1000, 176},
	}
	for _, tt := range tests {
		assert.Equal(t, tt.want, partition.Of(tt.run, tt.count), "%q of %d", tt.run, tt.count)
	}
}

func TestOfSpreadsRunsEvenly(t *testing.T) {
	t.Parallel()

	const runs = 64_000
	for _, count := range []int{4, 16, 64} {
		got := make([]int, count)
		for i := range runs {
			got[partition.Of(fmt.Sprintf("01JAB3N0Y6Z7Q4T2V9W8%06X", i), count)]++
		}
		mean := float64(runs) / float64(count)
		assert.InEpsilon(t, mean, slices.Min(got), 0.15, "emptiest of %d", count)
		assert.InEpsilon(t, mean, slices.Max(got), 0.15, "fullest of %d", count)
	}
}

func TestOfRefusesAnImpossibleCount(t *testing.T) {
	t.Parallel()

	assert.Panics(t, func() { partition.Of("r", 0) })
	assert.PanicsWithValue(t, "partition: count 4097 is not in [1,4096]", func() { partition.Of("r", 4097) })
}

func TestOfStaysInRange(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		count := rapid.IntRange(1, partition.MaxCount).Draw(t, "count")
		if p := partition.Of(rapid.String().Draw(t, "run"), count); int(p) >= count || p.String() != fmt.Sprint(uint32(p)) {
			t.Fatalf("partition %s of %d", p, count)
		}
	})
}

func drawMembers(t *rapid.T) []partition.NodeID {
	names := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z]{1,4}[0-9]?`), 1, 9, rapid.ID[string]).Draw(t, "members")
	members := make([]partition.NodeID, len(names))
	for i, name := range names {
		members[i] = partition.NodeID(name)
	}
	return members
}

func TestAPartitionMovesOnlyToOrFromTheNodeThatCameOrWent(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		members := drawMembers(t)
		gone := rapid.SampledFrom(members).Draw(t, "gone")
		rest := slices.DeleteFunc(slices.Clone(members), func(m partition.NodeID) bool { return m == gone })
		for p := range partition.Number(64) {
			before, ok := partition.Owner(p, members)
			if !ok || !slices.Contains(members, before) {
				t.Fatalf("owner %q is no member", before)
			}
			after, ok := partition.Owner(p, rest)
			if ok != (len(rest) > 0) {
				t.Fatalf("an owner out of %d: %v", len(rest), ok)
			}
			if ok && before != gone && after != before {
				t.Fatalf("partition %s moved from %s to %s when %s went", p, before, after, gone)
			}
		}
	})
}

func TestTheOrderOfMembersDoesNotMatter(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		members := drawMembers(t)
		doubled := append(rapid.Permutation(members).Draw(t, "order"), members[0])
		for p := range partition.Number(16) {
			want, _ := partition.Owner(p, members)
			if got, _ := partition.Owner(p, doubled); got != want {
				t.Fatalf("owner of %s is %s or %s", p, want, got)
			}
		}
	})
}

// TestOwnersStayTheSameAcrossVersions lets nodes of two versions share a cluster:
// they must agree, or partitions move to and fro.
func TestOwnersStayTheSameAcrossVersions(t *testing.T) {
	t.Parallel()

	members := []partition.NodeID{"n1", "n2", "n3"}
	var got []partition.NodeID
	for p := range partition.Number(8) {
		owner, _ := partition.Owner(p, members)
		got = append(got, owner)
	}
	assert.Equal(t, []partition.NodeID{"n1", "n1", "n1", "n3", "n2", "n1", "n2", "n2"}, got)
}

func TestOwnersAreSpread(t *testing.T) {
	t.Parallel()

	members := []partition.NodeID{"n1", "n2", "n3"}
	owned := map[partition.NodeID]int{}
	for p := range partition.Number(3000) {
		owner, _ := partition.Owner(p, members)
		owned[owner]++
	}
	for m, n := range owned {
		assert.InDelta(t, 1000, n, 120, "partitions of %s", m)
	}
}

func BenchmarkOf(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		partition.Of("01JAB3N0Y6Z7Q4T2V9W8X5KCDE", 16)
	}
}
