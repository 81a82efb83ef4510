package bridge

import (
	"github.com/asynkron/protoactor-go/actor"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// ourPackage is the protobuf package whose messages may cross the network.
const ourPackage = "yardmaster.v1"

// messageType is a type of message that may cross the network.
type messageType struct {
	name string
	kind protoreflect.MessageType
	// system is true for messages to the actor's runtime.
	system bool
}

// messageTypes is what may cross the network, by full name.
type messageTypes map[string]*messageType

// newMessageTypes lists our own messages and the few of Proto.Actor's that mean
// something to another node.
func newMessageTypes() messageTypes {
	types := messageTypes{}
	add := func(kind protoreflect.MessageType, system bool) {
		name := string(kind.Descriptor().FullName())
		types[name] = &messageType{name: name, kind: kind, system: system}
	}
	protoregistry.GlobalTypes.RangeMessages(func(kind protoreflect.MessageType) bool {
		if kind.Descriptor().ParentFile().Package() == ourPackage {
			add(kind, false)
		}
		return true
	})
	for _, m := range []proto.Message{(*actor.PoisonPill)(nil), (*actor.DeadLetterResponse)(nil)} {
		add(m.ProtoReflect().Type(), false)
	}
	for _, m := range []proto.Message{
		(*actor.Watch)(nil), (*actor.Unwatch)(nil), (*actor.Terminated)(nil), (*actor.Stop)(nil),
	} {
		add(m.ProtoReflect().Type(), true)
	}
	return types
}

// decode returns a message of type t.
func (t *messageType) decode(wire []byte) (proto.Message, error) {
	m := t.kind.New().Interface()
	return m, proto.UnmarshalOptions{Merge: true, AllowPartial: true}.Unmarshal(wire, m)
}
