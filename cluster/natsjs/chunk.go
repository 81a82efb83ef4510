package natsjs

import (
	"encoding/binary"
	"errors"
	"time"

	"yardmaster/domain/attempt"
)

// A stored chunk: version, kind, step, sequence, nanoseconds since 1970, data.
const (
	chunkVersion = 1
	chunkHeader  = 2 + 4 + 8 + 8
	maxStep      = 1 << 20
)

// ErrBadChunk means a stored or given log chunk is out of bounds.
var ErrBadChunk = errors.New("natsjs: not a log chunk")

func encodeChunk(c attempt.Chunk) ([]byte, error) {
	if c.Seq == 0 || len(c.Data) == 0 || len(c.Data) > attempt.MaxChunk || c.Step < 0 || c.Step > maxStep ||
		c.Kind > attempt.Notice {
		return nil, ErrBadChunk
	}
	raw := make([]byte, chunkHeader, chunkHeader+len(c.Data))
	raw[0], raw[1] = chunkVersion, byte(c.Kind)
	binary.LittleEndian.PutUint32(raw[2:], uint32(c.Step))
	binary.LittleEndian.PutUint64(raw[6:], c.Seq)
	binary.LittleEndian.PutUint64(raw[14:], uint64(c.Time.UnixNano()))
	return append(raw, c.Data...), nil
}

func decodeChunk(raw []byte) (attempt.Chunk, error) {
	if len(raw) <= chunkHeader || raw[0] != chunkVersion {
		return attempt.Chunk{}, ErrBadChunk
	}
	c := attempt.Chunk{
		Kind: attempt.ChunkKind(raw[1]), Step: int(binary.LittleEndian.Uint32(raw[2:])),
		Seq:  binary.LittleEndian.Uint64(raw[6:]),
		Time: time.Unix(0, int64(binary.LittleEndian.Uint64(raw[14:]))).UTC(), Data: raw[chunkHeader:],
	}
	if c.Seq == 0 || c.Kind > attempt.Notice || c.Step > maxStep || len(c.Data) > attempt.MaxChunk {
		return attempt.Chunk{}, ErrBadChunk
	}
	return c, nil
}
