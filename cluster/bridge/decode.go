package bridge

import (
	"errors"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

var errMalformed = errors.New("bridge: malformed frame")

// incoming is an envelope as it was received. Its bytes are the frame's.
type incoming struct {
	target        []byte
	sender        []byte
	senderAddress []byte
	index         uint32 // of the type
	message       []byte
	system        bool
	header        map[string]string
}

// decoder takes a frame apart without copying it. One decoder is used again for
// frame after frame.
type decoder struct {
	from      []byte
	types     []*messageType // nil for a type that is not known here
	envelopes []incoming
}

// release forgets the frame, and what an unusually large one has left.
func (d *decoder) release() {
	d.from = nil
	clear(d.types)
	clear(d.envelopes)
	d.types, d.envelopes = d.types[:0], d.envelopes[:0]
}

// parse takes a frame apart. What it allocates is bounded by the frame's size
// and the limits of frame.go.
func (d *decoder) parse(wire []byte, known messageTypes) error {
	for len(wire) > 0 {
		num, typ, value, _, n := field(wire)
		if n < 0 {
			return errMalformed
		}
		wire = wire[n:]
		if typ != protowire.BytesType {
			continue
		}
		switch num {
		case 1:
			if len(d.types) == frameTypes || !utf8.Valid(value) {
				return errMalformed
			}
			d.types = append(d.types, known[string(value)])
		case 2:
			if len(d.envelopes) == frameEnvelopes {
				return errMalformed
			}
			d.envelopes = append(d.envelopes, incoming{})
			if !d.envelopes[len(d.envelopes)-1].parse(value) {
				return errMalformed
			}
		case 3:
			if !utf8.Valid(value) {
				return errMalformed
			}
			d.from = value
		}
	}
	return nil
}

// typeOf returns the type of an envelope's message, or nil if it is not known.
func (d *decoder) typeOf(e *incoming) *messageType {
	if uint64(e.index) >= uint64(len(d.types)) {
		return nil
	}
	return d.types[e.index]
}

func (e *incoming) parse(wire []byte) bool {
	for len(wire) > 0 {
		num, typ, value, number, n := field(wire)
		if n < 0 {
			return false
		}
		wire = wire[n:]
		ok := true
		switch {
		case typ == protowire.BytesType:
			ok = e.setBytes(num, value)
		case typ == protowire.VarintType && num == 4:
			e.index = uint32(number)
		case typ == protowire.VarintType && num == 6:
			e.system = protowire.DecodeBool(number)
		}
		if !ok {
			return false
		}
	}
	return true
}

func (e *incoming) setBytes(num protowire.Number, value []byte) bool {
	switch num {
	case 1:
		e.target = value
	case 2:
		e.sender = value
	case 3:
		e.senderAddress = value
	case 5:
		e.message = value
		return true
	case 7:
		return e.addHeader(value)
	default:
		return true
	}
	return utf8.Valid(value)
}

func (e *incoming) addHeader(wire []byte) bool {
	var key, val []byte
	for len(wire) > 0 {
		num, typ, value, _, n := field(wire)
		if n < 0 {
			return false
		}
		wire = wire[n:]
		if typ != protowire.BytesType || num > 2 {
			continue
		}
		if !utf8.Valid(value) {
			return false
		}
		if num == 1 {
			key = value
		} else {
			val = value
		}
	}
	if e.header == nil {
		e.header = map[string]string{}
	}
	e.header[string(key)] = string(val)
	return true
}

// field reads one field: value if it is a string or message, number if it is a
// varint. n is its whole length, negative if it is malformed.
func field(wire []byte) (num protowire.Number, typ protowire.Type, value []byte, number uint64, n int) {
	num, typ, n = protowire.ConsumeTag(wire)
	if n < 0 {
		return num, typ, nil, 0, n
	}
	var m int
	switch typ {
	case protowire.BytesType:
		value, m = protowire.ConsumeBytes(wire[n:])
	case protowire.VarintType:
		number, m = protowire.ConsumeVarint(wire[n:])
	default:
		m = protowire.ConsumeFieldValue(num, typ, wire[n:])
	}
	if m < 0 {
		return num, typ, nil, 0, m
	}
	return num, typ, value, number, n + m
}
