package bridge_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"yardmaster/cluster/bridge"
	"yardmaster/messages"
)

func wireOf(t testing.TB, m proto.Message) []byte {
	t.Helper()
	wire, err := proto.Marshal(m)
	require.NoError(t, err)
	return wire
}

// tap starts a node whose frames come from the test, through hear, and whose
// own frames go to sent.
type tap struct {
	*node
	hear func(worker string, wire []byte)
	sent chan []byte
}

type tapTransport struct {
	port
	tap *tap
}

func (p tapTransport) Send(_, _ string, wire []byte) error {
	p.tap.sent <- bytes.Clone(wire)
	return nil
}

func (p tapTransport) Listen(receive func(string, []byte)) (func() error, error) {
	p.tap.hear = receive
	return func() error { return nil }, nil
}

func newTap(t testing.TB, role bridge.Role, id string, setups ...setup) *tap {
	x := &tap{sent: make(chan []byte, 1024)}
	x.node = startOn(t, func(address, worker string) bridge.Transport {
		return tapTransport{port{newNetwork(), address, worker}, x}
	}, role, id, setups...)
	return x
}

// say hears a frame with one envelope from the node at address.
func (x *tap) say(worker, from string, e *messages.Envelope, m proto.Message) {
	x.t.Helper()
	e.Message = wireOf(x.t, m)
	x.hear(worker, wireOf(x.t, &messages.Frame{
		From:  from,
		Types: []string{string(m.ProtoReflect().Descriptor().FullName())}, Envelopes: []*messages.Envelope{e},
	}))
}

func allowAll(c *bridge.Config) {
	c.Allow = func(bridge.Peer, string, bool, string) bool { return true }
}

func TestAFrameFromElsewhereThanItClaimsIsRefused(t *testing.T) {
	t.Parallel()
	x := newTap(t, bridge.Coordinator, "a", allowAll)
	got := collect[*messages.AttemptAlive](x.node, "target")
	for name, c := range map[string]struct {
		via, from, sender string
		reason            bridge.Reason
	}{
		"a worker as another":              {"w1", "w2.w1", "", bridge.ReasonSpoofed},
		"a worker as coordinator node":     {"w1", "w1.c1", "", bridge.ReasonSpoofed},
		"a worker as this node":            {"w1", "a.c1", "", bridge.ReasonSpoofed},
		"a coordinator node as a worker":   {"", "w1.w1", "", bridge.ReasonSpoofed},
		"a coordinator node as this node":  {"", "a.c1", "", bridge.ReasonSpoofed},
		"a worker for another's actor":     {"w1", "w1.w1", "w2.w1", bridge.ReasonSpoofed},
		"a worker for our actor":           {"w1", "w1.w1", "a.c1", bridge.ReasonSpoofed},
		"a worker for its own former life": {"w1", "w1.w1", "w1.w0", bridge.ReasonSpoofed},
		"nobody":                           {"w1", "", "", bridge.ReasonAddress},
	} {
		before := x.refused.of(c.reason)
		x.say(c.via, c.from, &messages.Envelope{Target: "target", Sender: "s", SenderAddress: c.sender}, token(1))
		assert.Equal(t, before+1, x.refused.of(c.reason), name)
	}
	assert.Empty(t, got)
	x.say("w1", "w1.w1", &messages.Envelope{Target: "target", Sender: "s", SenderAddress: "w1.w1"}, token(2))
	x.say("", "b.c1", &messages.Envelope{Target: "target", Sender: "s", SenderAddress: "c.c1"}, token(3))
	assert.Equal(t, uint64(2), receive(t, got).GetToken())
	assert.Equal(t, uint64(3), receive(t, got).GetToken())
}

func TestAWorkerHearsCoordinatorNodesOnly(t *testing.T) {
	t.Parallel()
	x := newTap(t, bridge.Worker, "w1")
	got := collect[*messages.AttemptAlive](x.node, "target")
	x.say("", "w2.w1", &messages.Envelope{Target: "target"}, token(1))
	assert.Equal(t, 1, x.refused.of(bridge.ReasonSpoofed))
	x.say("", "a.c1", &messages.Envelope{Target: "target"}, token(2))
	assert.Equal(t, uint64(2), receive(t, got).GetToken())
}

func TestThePolicyDecidesWhatAWorkerMaySay(t *testing.T) {
	t.Parallel()
	net := newNetwork()
	a := net.start(t, bridge.Coordinator, "a", func(c *bridge.Config) {
		c.Allow = func(p bridge.Peer, target string, system bool, typeName string) bool {
			return p.Role == bridge.Worker && p.NodeID == "w" && target == "fleet" && !system &&
				typeName == "yardmaster.v1.AttemptAlive"
		}
	})
	w := net.start(t, bridge.Worker, "w")
	a.spawn("fleet", echo)
	a.spawn("other", echo)
	got, err := request(w, a.pid("fleet"), token(1))
	require.NoError(t, err)
	assert.Equal(t, uint64(2), got.(*messages.AttemptAlive).GetToken())
	_, err = request(w, a.pid("other"), token(1))
	require.ErrorIs(t, err, actor.ErrDeadLetter)
	_, err = request(w, a.pid("fleet"), &messages.Heartbeat{})
	require.ErrorIs(t, err, actor.ErrDeadLetter)
	w.system.Root.Stop(a.pid("fleet"))
	a.refused.await(t, bridge.ReasonPolicy, 3)
	_, err = request(w, a.pid("fleet"), token(1))
	require.NoError(t, err, "it was not stopped")
}

func TestByDefaultWorkersMaySayNothing(t *testing.T) {
	t.Parallel()
	net := newNetwork()
	a, w := net.start(t, bridge.Coordinator, "a"), net.start(t, bridge.Worker, "w")
	a.spawn("echo", echo)
	w.spawn("echo", echo)
	_, err := request(w, a.pid("echo"), token(1))
	require.ErrorIs(t, err, actor.ErrDeadLetter)
	watch, ends := a.watcher("watcher")
	watch(w.pid("echo"))
	w.system.Root.Stop(w.pid("echo"))
	assert.Equal(t, w.bridge.Address(), receive(t, ends).GetWho().GetAddress(), "the end of a watch passes")
}

func TestAPeerSpeaksForItsOwnActorsOnly(t *testing.T) {
	t.Parallel()
	x := newTap(t, bridge.Coordinator, "a", allowAll)
	got := make(chan string, 16)
	x.system.ProcessRegistry.Add(process{got}, "probe")
	elsewhere := actor.NewPID("c.c1", "x")
	for _, m := range []proto.Message{
		&actor.Watch{Watcher: elsewhere}, &actor.Watch{}, &actor.Terminated{Who: elsewhere}, &actor.Terminated{},
	} {
		x.say("w1", "w1.w1", &messages.Envelope{Target: "probe", System: true}, m)
	}
	assert.Equal(t, 4, x.refused.of(bridge.ReasonSpoofed))
	x.say("w1", "w1.w1", &messages.Envelope{Target: "probe", System: true},
		&actor.Terminated{Who: actor.NewPID("w1.w1", "x")}) // nobody watches it
	x.say("w1", "w1.w1", &messages.Envelope{Target: "probe", System: true}, &actor.Unwatch{Watcher: elsewhere})
	assert.Empty(t, got)
}

func TestReservedTargetsAndForbiddenTypesAreRefused(t *testing.T) {
	t.Parallel()
	x := newTap(t, bridge.Coordinator, "a")
	x.system.Root.Send(actor.NewPID("b.c1", "x"), token(1)) // makes an endpoint
	<-x.sent
	say := func(target string, system bool, m proto.Message) {
		x.say("", "b.c1", &messages.Envelope{Target: target, Sender: "s", System: system}, m)
	}
	say("eventstream", false, token(1))
	say("deadletter", false, token(1))
	say("endpoint/b.c1$1", true, &actor.Stop{})
	say(bridge.ActivatorName, true, &actor.Stop{})
	assert.Equal(t, 4, x.refused.of(bridge.ReasonReserved))

	target := collect[any](x.node, "target")
	assert.IsType(t, &actor.Started{}, receive(t, target))
	say("target", false, &actor.Terminated{Who: actor.NewPID("b.c1", "x")}) // a user message by that name is a lie
	say("target", false, &actor.Stop{})
	say("target", true, token(1))
	say("target", false, &actor.Touch{}) // not on the list
	assert.Equal(t, 4, x.refused.of(bridge.ReasonType))
	assert.Empty(t, target)
}

func TestAnUnknownTypeIsAnsweredWithADeadLetter(t *testing.T) {
	t.Parallel()
	x := newTap(t, bridge.Coordinator, "a")
	x.spawn("target", idle)
	answer := func() *actor.DeadLetterResponse {
		var f messages.Frame
		require.NoError(t, proto.Unmarshal(receive(t, x.sent), &f))
		require.Len(t, f.GetEnvelopes(), 1)
		assert.Equal(t, []string{"actor.DeadLetterResponse"}, f.GetTypes())
		assert.Equal(t, "asker", f.GetEnvelopes()[0].GetTarget())
		m := new(actor.DeadLetterResponse)
		require.NoError(t, proto.Unmarshal(f.GetEnvelopes()[0].GetMessage(), m))
		return m
	}
	for _, f := range []*messages.Frame{
		{Types: []string{"yardmaster.v2.Novelty"}, Envelopes: []*messages.Envelope{{Target: "target", Sender: "asker"}}},
		{Envelopes: []*messages.Envelope{{Target: "target", Sender: "asker", Type: 9}}},
		{Types: []string{"yardmaster.v1.AttemptAlive"}, Envelopes: []*messages.Envelope{
			{Target: "target", Sender: "asker", Message: []byte{0xff}},
		}},
	} {
		f.From = "b.c1"
		x.hear("", wireOf(t, f))
		m := answer()
		assert.Equal(t, "target", m.GetTarget().GetId())
	}
	assert.Equal(t, 2, x.refused.of(bridge.ReasonType))
	assert.Equal(t, 1, x.refused.of(bridge.ReasonEncoding))
	x.say("", "b.c1", &messages.Envelope{Target: "eventstream", Sender: "asker"}, &actor.DeadLetterResponse{})
	assert.Empty(t, x.sent, "dead letters are not answered with dead letters")
}

type panicking struct{ process }

func (panicking) SendUserMessage(*actor.PID, any) { panic("full") }

func TestAPanicCostsOneEnvelope(t *testing.T) {
	t.Parallel()
	x := newTap(t, bridge.Coordinator, "a")
	x.system.ProcessRegistry.Add(panicking{}, "bad")
	got := collect[*messages.AttemptAlive](x.node, "good")
	f := &messages.Frame{From: "b.c1", Types: []string{"yardmaster.v1.AttemptAlive"}}
	for _, target := range []string{"bad", "good", "bad", "good"} {
		f.Envelopes = append(f.Envelopes, &messages.Envelope{Target: target})
	}
	x.hear("", wireOf(t, f))
	receive(t, got)
	receive(t, got)
	assert.Equal(t, 2, x.refused.of(bridge.ReasonPanic))
}

func TestOneFrameHoldsOnlySoManyEnvelopes(t *testing.T) {
	t.Parallel()
	x := newTap(t, bridge.Coordinator, "a")
	x.hear("", append(bytes.Repeat([]byte{0x12, 0}, 8193), 0x1a, 4, 'b', '.', 'c', '1'))
	x.hear("", append(bytes.Repeat([]byte{0x0a, 0}, 1025), 0x1a, 4, 'b', '.', 'c', '1'))
	assert.Equal(t, 2, x.refused.of(bridge.ReasonMalformed))
}

func spawnKinds(c *bridge.Config) {
	c.Kinds = []bridge.Kind{
		{Name: "echo", Spawn: func(ctx actor.Context, name string, argument proto.Message) (*actor.PID, error) {
			first := argument.(*messages.AttemptAlive).GetToken()
			return ctx.ActorSystem().Root.SpawnNamed(actor.PropsFromFunc(func(ctx actor.Context) {
				if _, ok := ctx.Message().(*messages.AttemptAlive); ok {
					ctx.Respond(token(first))
				}
			}), name)
		}},
		{Name: "broken", Spawn: func(actor.Context, string, proto.Message) (*actor.PID, error) { panic("broken") }},
		{Name: "nothing", Spawn: func(actor.Context, string, proto.Message) (*actor.PID, error) {
			return nil, nil //nolint:nilnil // what the activator must survive
		}},
	}
}

func TestAnActorIsSpawnedOnceOnAnotherNode(t *testing.T) {
	t.Parallel()
	_, a, b := two(t, spawnKinds)
	for range 2 {
		m, err := bridge.NewSpawn("echo", "e", token(7))
		require.NoError(t, err)
		got, err := request(a, bridge.ActivatorPID(b.bridge.Address()), m)
		require.NoError(t, err)
		assert.True(t, proto.Equal(&messages.Spawned{Name: "e", Id: "e"}, got.(proto.Message)), "%v", got)
	}
	m, err := bridge.NewSpawn("echo", "f", token(8))
	require.NoError(t, err)
	a.system.Root.Send(bridge.ActivatorPID(b.bridge.Address()), m) // nobody waits for the answer
	m, err = bridge.NewSpawn("echo", "g", token(8))
	require.NoError(t, err)
	_, err = request(a, bridge.ActivatorPID(b.bridge.Address()), m)
	require.NoError(t, err)
	for name, want := range map[string]uint64{"e": 7, "f": 8} {
		got, err := request(a, b.pid(name), token(0))
		require.NoError(t, err)
		assert.Equal(t, want, got.(*messages.AttemptAlive).GetToken())
	}
}

func TestAFaultySpawnIsAnsweredWithItsError(t *testing.T) {
	t.Parallel()
	_, a, b := two(t, spawnKinds)
	for want, m := range map[string]*messages.Spawn{
		`unknown kind "x"`: {Kind: "x", Name: "n"},
		"without a name":   {Kind: "echo"},
		"panicked":         {Kind: "broken", Name: "n"},
		"gave no actor":    {Kind: "nothing", Name: "n"},
		"cannot be read":   {Kind: "echo", Name: "n", ArgumentType: "actor.Stop"},
		"cannot be read ":  {Kind: "echo", Name: "n", ArgumentType: "yardmaster.v1.AttemptAlive", Argument: []byte{0xff}},
		"gave no actor ":   {Kind: "nothing", Name: fmt.Sprint("n", 2)},
	} {
		got, err := request(a, bridge.ActivatorPID(b.bridge.Address()), m)
		require.NoError(t, err)
		assert.Contains(t, got.(*messages.Spawned).GetError()+" ", want)
		assert.Empty(t, got.(*messages.Spawned).GetId())
	}
	_, err := bridge.NewSpawn("echo", "n", &messages.Hello{WorkerId: "\xff"})
	require.Error(t, err)
}
