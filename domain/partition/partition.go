// Package partition says which partition a run belongs to, and which node should
// own a partition.
//
// Both answers are the same on every node and for ever: they depend on the
// arguments and on nothing else. Where a run's history is stored follows from
// Of, so its arithmetic must never change.
package partition

import "strconv"

// MaxCount is the most partitions a cluster may have.
const MaxCount = 4096

// Number is one of the shares, counted from 0, that all runs are divided into.
type Number uint32

// String renders the number in decimal.
func (n Number) String() string { return strconv.FormatUint(uint64(n), 10) }

// NodeID names a node of the cluster.
type NodeID string

// Of returns the partition, in [0,count), of the run called runID: FNV-1a with 64
// bits over its bytes, mixed by the finalizer of SplitMix64, modulo count. A count
// outside [1,MaxCount] is a mistake of the caller, and panics.
func Of(runID string, count int) Number {
	if count < 1 || count > MaxCount {
		panic("partition: count " + strconv.Itoa(count) + " is not in [1," + strconv.Itoa(MaxCount) + "]")
	}
	return Number(mix(fnv1a(runID)) % uint64(count))
}

// Owner returns which of members should own p, by rendezvous hashing: the member
// whose hash together with p is highest. When a member comes or goes, only the
// partitions move that it gets or had. The order of members, and doubles among
// them, do not matter. It returns false when there is no member.
func Owner(p Number, members []NodeID) (NodeID, bool) {
	var owner NodeID
	var highest uint64
	for i, m := range members {
		score := mix(fnv1a(string(m)) ^ mix(uint64(p)+1))
		if i == 0 || score > highest || score == highest && m < owner {
			owner, highest = m, score
		}
	}
	return owner, len(members) > 0
}

// fnv1a is the 64-bit FNV-1a hash of s.
func fnv1a(s string) uint64 {
	h := uint64(0xcbf29ce484222325)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 0x100000001b3
	}
	return h
}

// mix spreads every bit of h over all bits. FNV-1a alone leaves the names of a
// row (n1, n2, n3) close together, and its low bits weak.
func mix(h uint64) uint64 {
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}
