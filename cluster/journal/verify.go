package journal

import "fmt"

// Point is a place in a journal: after the event with number Sequence, whose
// batch has the hash Hash. The zero Point is the beginning.
type Point struct {
	Sequence uint64
	Hash     Hash
}

// Verifier checks that batches follow each other without a gap or an alteration.
// It is not safe for concurrent use.
type Verifier struct {
	partition uint32
	at        Point
	mark      Point
	epoch     uint64
}

// NewVerifier returns a Verifier of the batches after the point from. The mark is
// a lower bound of what was acknowledged; the zero mark demands nothing.
func NewVerifier(partition uint32, from, mark Point) *Verifier {
	return &Verifier{partition: partition, at: from, mark: mark}
}

// At returns the point after the last batch checked.
func (v *Verifier) At() Point { return v.at }

// Epoch returns the epoch of the last batch checked, 0 before the first.
func (v *Verifier) Epoch() uint64 { return v.epoch }

// Check decodes the batch stored at position and returns it, or a Fault.
// The batch aliases raw.
func (v *Verifier) Check(position uint64, raw []byte) (Batch, error) {
	b, err := Decode(raw)
	if err != nil {
		return Batch{}, v.fault(ErrCorrupt, position, err.Error())
	}
	next := v.at.Sequence + 1
	switch {
	case b.Partition != v.partition:
		return Batch{}, v.fault(ErrWrongPartition, position, fmt.Sprintf("it belongs to partition %d", b.Partition))
	case b.First != next:
		return Batch{}, v.fault(ErrHole, position, fmt.Sprintf("the batch there begins at %d", b.First))
	case b.Prev != v.at.Hash:
		return Batch{}, v.fault(ErrBadHash, position, fmt.Sprintf("it follows %s, not %s", b.Prev, v.at.Hash))
	case b.Epoch < v.epoch, b.Kind == Claim && b.Epoch == v.epoch,
		b.Kind == Events && v.epoch != 0 && b.Epoch != v.epoch:
		return Batch{}, v.fault(ErrCorrupt, position, fmt.Sprintf("epoch %d after epoch %d", b.Epoch, v.epoch))
	}
	if m := v.mark.Sequence; b.First <= m && m <= b.Last() && (m != b.Last() || b.Hash != v.mark.Hash) {
		return Batch{}, v.fault(ErrBadHash, position, "it is not the batch that was acknowledged")
	}
	v.at, v.epoch = Point{Sequence: b.Last(), Hash: b.Hash}, b.Epoch
	return b, nil
}

// End says that no batch follows. It returns a Fault when the mark was not reached.
func (v *Verifier) End() error {
	if v.at.Sequence >= v.mark.Sequence {
		return nil
	}
	return v.fault(ErrTruncated, 0, fmt.Sprintf("sequence %d was acknowledged", v.mark.Sequence))
}

func (v *Verifier) fault(kind error, position uint64, detail string) error {
	return &Fault{
		Kind: kind, Partition: v.partition, Sequence: v.at.Sequence + 1, Position: position, Detail: detail,
	}
}
