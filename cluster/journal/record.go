package journal

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"time"
)

// Layout of an encoded batch, little endian: a header of HeaderSize bytes, the
// events (each a minimal uvarint length and its bytes), and a CRC-32C of all before.
const (
	version    = 1
	offKind    = 1
	offPart    = 4
	offEpoch   = 8
	offFirst   = 16
	offTime    = 24
	offCount   = 32
	offPrev    = 36
	HeaderSize = offPrev + sha256.Size // bytes before the first event
	sumSize    = 4
	// Overhead is the most bytes an event costs beyond its own.
	Overhead = binary.MaxVarintLen32
)

// Kind tells what a batch holds.
type Kind uint8

// The kinds of batch.
const (
	Events Kind = iota // events of the callers
	Claim              // one event: the ID of the node that begins a new epoch
)

// Hash is the SHA-256 of an encoded batch.
type Hash [sha256.Size]byte

// String renders the first bytes, enough to tell two hashes apart in a message.
func (h Hash) String() string { return hex.EncodeToString(h[:6]) }

// HashOf returns the hash of an encoded batch.
func HashOf(raw []byte) Hash { return sha256.Sum256(raw) }

// Batch is what one append stores. Its events have the own sequence numbers
// First, First+1 and so on.
type Batch struct {
	Partition uint32
	Epoch     uint64
	First     uint64 // counts from 1, over all batches of the partition, claims included
	Kind      Kind
	Time      time.Time // the writer's wall clock, to the nanosecond, for people
	Prev      Hash      // of the batch before; zero for the first
	Events    [][]byte  // at least one
	// Hash is that of this batch. Decode sets it, Encode does not read it.
	Hash Hash
}

// Last returns the own sequence number of the batch's last event.
func (b Batch) Last() uint64 { return b.First + uint64(len(b.Events)) - 1 }

// ErrMalformed means bytes are not an encoded batch.
var ErrMalformed = errors.New("journal: malformed batch")

// Encode appends the encoded batch to dst.
func Encode(dst []byte, b Batch) []byte {
	start := len(dst)
	dst = append(dst, make([]byte, HeaderSize)...)
	for _, e := range b.Events {
		dst = appendEvent(dst, e)
	}
	return append(dst[:start], seal(dst[start:], b, len(b.Events))...)
}

func appendEvent(dst, event []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(event)))
	return append(dst, event...)
}

// seal writes the header of b, with count events, into the room left for it at
// the head of buf, and appends the checksum.
func seal(buf []byte, b Batch, count int) []byte {
	le := binary.LittleEndian
	buf[0], buf[offKind], buf[2], buf[3] = version, byte(b.Kind), 0, 0
	le.PutUint32(buf[offPart:], b.Partition)
	le.PutUint64(buf[offEpoch:], b.Epoch)
	le.PutUint64(buf[offFirst:], b.First)
	le.PutUint64(buf[offTime:], uint64(b.Time.UnixNano()))
	le.PutUint32(buf[offCount:], uint32(count))
	copy(buf[offPrev:HeaderSize], b.Prev[:])
	return le.AppendUint32(buf, crc32.Checksum(buf, crc32.MakeTable(crc32.Castagnoli)))
}

// Decode reads an encoded batch. The events alias raw. It accepts exactly what
// Encode writes, else returns an error that wraps ErrMalformed.
func Decode(raw []byte) (Batch, error) {
	b, count, err := decodeHeader(raw)
	if err != nil {
		return Batch{}, err
	}
	rest := raw[HeaderSize : len(raw)-sumSize]
	if uint64(count) > uint64(len(rest)) { // an event takes a byte at least
		return Batch{}, malformed("count %d in %d bytes", count, len(rest))
	}
	b.Events = make([][]byte, 0, count)
	for range count {
		size, n := binary.Uvarint(rest)
		if n <= 0 || (n > 1 && rest[n-1] == 0) {
			return Batch{}, malformed("length of event %d", len(b.Events))
		}
		if rest = rest[n:]; size > uint64(len(rest)) {
			return Batch{}, malformed("event %d ends beyond the batch", len(b.Events))
		}
		b.Events = append(b.Events, rest[:size:size])
		rest = rest[size:]
	}
	if len(rest) != 0 {
		return Batch{}, malformed("%d bytes after the last event", len(rest))
	}
	b.Hash = HashOf(raw)
	return b, nil
}

func decodeHeader(raw []byte) (b Batch, count uint32, err error) {
	if len(raw) < HeaderSize+sumSize {
		return b, 0, malformed("%d bytes", len(raw))
	}
	if raw[0] != version {
		return b, 0, malformed("version %d", raw[0])
	}
	le := binary.LittleEndian
	body := raw[:len(raw)-sumSize]
	if got := crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)); got != le.Uint32(raw[len(body):]) {
		return b, 0, malformed("checksum differs")
	}
	b = Batch{
		Kind: Kind(raw[offKind]), Partition: le.Uint32(raw[offPart:]), Epoch: le.Uint64(raw[offEpoch:]),
		First: le.Uint64(raw[offFirst:]), Time: time.Unix(0, int64(le.Uint64(raw[offTime:]))).UTC(),
		Prev: Hash(raw[offPrev:HeaderSize]),
	}
	count = le.Uint32(raw[offCount:])
	switch {
	case b.Kind > Claim || raw[2] != 0 || raw[3] != 0:
		return b, 0, malformed("unknown kind")
	case count == 0 || (b.Kind == Claim && count != 1):
		return b, 0, malformed("count %d", count)
	case b.First == 0 || b.First+uint64(count) < b.First:
		return b, 0, malformed("first sequence %d", b.First)
	}
	return b, count, nil
}

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrMalformed, fmt.Sprintf(format, args...))
}
