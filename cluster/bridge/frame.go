package bridge

import (
	"errors"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Limits of a frame. Beyond the first two the next envelope begins a new one;
// a single larger message goes alone.
const (
	frameBytes     = 64 << 10
	frameEnvelopes = 8192
	frameTypes     = 1024
	// freshFrame is the first capacity: most frames are small, and there is one
	// per peer that is being written to.
	freshFrame = 1 << 10
	// keptFrame is the largest buffer that is used again.
	keptFrame = 256 << 10
)

// Tags of messages.Frame and messages.Envelope, one byte each.
const (
	tagTypes     = 1<<3 | byte(protowire.BytesType)
	tagEnvelopes = 2<<3 | byte(protowire.BytesType)
	tagFrom      = 3<<3 | byte(protowire.BytesType)

	tagTarget        = 1<<3 | byte(protowire.BytesType)
	tagSender        = 2<<3 | byte(protowire.BytesType)
	tagSenderAddress = 3<<3 | byte(protowire.BytesType)
	tagType          = 4<<3 | byte(protowire.VarintType)
	tagMessage       = 5<<3 | byte(protowire.BytesType)
	tagSystem        = 6<<3 | byte(protowire.VarintType)
	tagHeader        = 7<<3 | byte(protowire.BytesType)

	tagKey   = 1<<3 | byte(protowire.BytesType)
	tagValue = 2<<3 | byte(protowire.BytesType)
)

var errEncoding = errors.New("bridge: message cannot be encoded")

// outgoing is an envelope before it is encoded.
type outgoing struct {
	target        string
	sender        string
	senderAddress string // empty when the sender is this node's
	system        bool
	header        map[string]string
	message       proto.Message
}

// frame is a messages.Frame that is being written in wire form. Protobuf allows
// repeated fields to alternate, so each type name is written just before the
// first envelope that needs it, and nothing is ever moved.
type frame struct {
	wire  []byte
	types []protoreflect.FullName
	count int       // of envelopes
	size  int       // what the envelopes count for in the limits of a queue, in bytes
	born  time.Time // when the first of them was written
}

func (f *frame) begin(from string, now time.Time) {
	f.wire = appendString(f.wire[:0], tagFrom, from)
	f.types = f.types[:0]
	f.count, f.size, f.born = 0, 0, now
}

// plan is what must be known about an envelope before it can be written.
type plan struct {
	typeName protoreflect.FullName
	index    int  // of the type in the frame
	isNew    bool // the frame does not have the type yet
	message  int  // sizes in bytes
	envelope int
	total    int // with all that the frame grows by
}

// plan measures e. It leaves the message's size cached for add.
func (f *frame) plan(e *outgoing) plan {
	p := plan{typeName: e.message.ProtoReflect().Descriptor().FullName()}
	p.index, p.isNew = f.indexOf(p.typeName)
	p.message = proto.Size(e.message)
	n := sizeString(e.target) + sizeString(e.sender) + sizeString(e.senderAddress)
	if p.index > 0 {
		n += 1 + protowire.SizeVarint(uint64(p.index))
	}
	if p.message > 0 {
		n += 1 + protowire.SizeBytes(p.message)
	}
	if e.system {
		n += 2
	}
	for k, v := range e.header {
		n += 1 + protowire.SizeBytes(sizeEntry(k, v))
	}
	p.envelope = n
	p.total = 1 + protowire.SizeBytes(n)
	if p.isNew {
		p.total += 1 + protowire.SizeBytes(len(p.typeName))
	}
	return p
}

// indexOf finds a type; a new one would get the index that is returned. Frames
// have few types, so looking at each is quicker than a map.
func (f *frame) indexOf(name protoreflect.FullName) (index int, isNew bool) {
	for i, t := range f.types {
		if t == name {
			return i, false
		}
	}
	return len(f.types), true
}

// add writes e as planned. After an error the frame is as before.
func (f *frame) add(e *outgoing, p *plan) error {
	w := f.wire
	if p.isNew {
		w = appendString(w, tagTypes, string(p.typeName))
	}
	w = protowire.AppendVarint(append(w, tagEnvelopes), uint64(p.envelope))
	start := len(w)
	w = appendString(w, tagTarget, e.target)
	w = appendString(w, tagSender, e.sender)
	w = appendString(w, tagSenderAddress, e.senderAddress)
	if p.index > 0 {
		w = protowire.AppendVarint(append(w, tagType), uint64(p.index))
	}
	if p.message > 0 {
		w = protowire.AppendVarint(append(w, tagMessage), uint64(p.message))
		before := len(w)
		var err error
		w, err = proto.MarshalOptions{AllowPartial: true, UseCachedSize: true}.MarshalAppend(w, e.message)
		if err != nil || len(w)-before != p.message {
			return errEncoding
		}
	}
	if e.system {
		w = append(w, tagSystem, 1)
	}
	w = appendHeader(w, e.header)
	if len(w)-start != p.envelope {
		return errEncoding
	}
	f.wire = w
	f.count++
	if p.isNew {
		f.types = append(f.types, p.typeName)
	}
	return nil
}

func appendHeader(w []byte, header map[string]string) []byte {
	for k, v := range header {
		w = protowire.AppendVarint(append(w, tagHeader), uint64(sizeEntry(k, v)))
		w = appendString(w, tagKey, k)
		w = appendString(w, tagValue, v)
	}
	return w
}

func sizeEntry(key, value string) int { return sizeString(key) + sizeString(value) }

// sizeString is the size of a string field with a tag of one byte.
func sizeString(s string) int {
	if s == "" {
		return 0
	}
	return 1 + protowire.SizeBytes(len(s))
}

func appendString(w []byte, tag byte, s string) []byte {
	if s == "" {
		return w
	}
	return protowire.AppendString(append(w, tag), s)
}
