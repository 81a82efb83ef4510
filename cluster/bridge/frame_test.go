package bridge_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"yardmaster/cluster/bridge"
	"yardmaster/messages"
)

// sample is what a test sends, and how it should look on the wire.
type sample struct {
	message  proto.Message
	envelope *messages.Envelope
}

func drawSample(t *rapid.T) sample {
	word := rapid.StringMatching(`[a-z/é]{1,40}`)
	s := sample{envelope: &messages.Envelope{Target: word.Draw(t, "target")}}
	s.message = rapid.SampledFrom([]proto.Message{
		&messages.AttemptAlive{}, token(300), &messages.Goodbye{Reason: "done"}, &messages.StepProgress{},
		&messages.Heartbeat{Held: []*messages.HeldAttempt{{RunId: "r", Token: 1}, {}}}, &actor.PoisonPill{},
	}).Draw(t, "message")
	if rapid.Bool().Draw(t, "has sender") {
		s.envelope.Sender = word.Draw(t, "sender")
		if rapid.Bool().Draw(t, "foreign") {
			s.envelope.SenderAddress = "c.c1"
		}
	}
	s.envelope.Header = rapid.MapOfN(rapid.StringN(0, 8, 32), rapid.StringN(0, 8, 32), 0, 3).Draw(t, "header")
	return s
}

func (s sample) send(x *tap) {
	e := &actor.MessageEnvelope{Header: s.envelope.GetHeader(), Message: s.message}
	if s.envelope.GetSender() != "" {
		address := s.envelope.GetSenderAddress()
		if address == "" {
			address = x.bridge.Address()
		}
		e.Sender = actor.NewPID(address, s.envelope.GetSender())
	}
	x.system.Root.Send(actor.NewPID("b.c1", s.envelope.GetTarget()), e)
}

func TestFramesAreWhatProtobufWouldRead(t *testing.T) {
	t.Parallel()
	x := newTap(t, bridge.Coordinator, "a")
	rapid.Check(t, func(t *rapid.T) {
		samples := rapid.SliceOfN(rapid.Custom(drawSample), 1, 50).Draw(t, "samples")
		for _, s := range samples {
			s.send(x)
		}
		for i := 0; i < len(samples); {
			f := new(messages.Frame)
			require.NoError(t, proto.Unmarshal(receive(x.t, x.sent), f))
			assert.Equal(t, "a.c1", f.GetFrom())
			assert.Subset(t, f.GetTypes(), f.GetTypes()[:1])
			for _, e := range f.GetEnvelopes() {
				want := proto.CloneOf(samples[i].envelope)
				want.Message, _ = proto.Marshal(samples[i].message)
				want.Type = e.GetType()
				require.True(t, proto.Equal(want, e), "%v\n%v", want, e)
				assert.Equal(t, string(samples[i].message.ProtoReflect().Descriptor().FullName()), f.GetTypes()[e.GetType()])
				i++
			}
		}
	})
}

// heard is a process that takes what the bridge delivers.
type heard struct{ got chan any }

func (h heard) SendUserMessage(_ *actor.PID, m any)   { h.got <- m }
func (h heard) SendSystemMessage(_ *actor.PID, m any) { h.got <- m }
func (h heard) Stop(*actor.PID)                       {}

func TestWhatProtobufWritesIsRead(t *testing.T) {
	t.Parallel()
	x := newTap(t, bridge.Coordinator, "a")
	h := heard{make(chan any, 64)}
	x.system.ProcessRegistry.Add(h, "target")
	rapid.Check(t, func(t *rapid.T) {
		samples := rapid.SliceOfN(rapid.Custom(drawSample), 1, 50).Draw(t, "samples")
		f := &messages.Frame{From: "b.c1"}
		for i, s := range samples {
			e := proto.CloneOf(s.envelope)
			e.Target, e.Type = "target", uint32(i)
			e.Message, _ = proto.Marshal(s.message)
			f.Types = append(f.Types, string(s.message.ProtoReflect().Descriptor().FullName()))
			f.Envelopes = append(f.Envelopes, e)
		}
		wire, err := proto.Marshal(f)
		require.NoError(t, err)
		x.hear("", wire)
		for _, s := range samples {
			header, m, sender := actor.UnwrapEnvelope(<-h.got)
			assert.True(t, proto.Equal(s.message, m.(proto.Message)))
			if len(s.envelope.GetHeader()) > 0 {
				assert.Equal(t, s.envelope.GetHeader(), header.ToMap())
			}
			if s.envelope.GetSender() == "" {
				assert.Nil(t, sender)
				continue
			}
			assert.Equal(t, s.envelope.GetSender(), sender.GetId())
			address := "b.c1"
			if a := s.envelope.GetSenderAddress(); a != "" {
				address = a
			}
			assert.Equal(t, address, sender.GetAddress())
		}
	})
}

// journal records what reaches the actors of a network, per pair of nodes.
type journal struct {
	mu    sync.Mutex
	heard map[string][]uint64
}

// ear is an actor's process on one node.
type ear struct {
	journal *journal
	address string
}

func (e ear) SendUserMessage(_ *actor.PID, m any) {
	_, content, sender := actor.UnwrapEnvelope(m)
	pair := sender.GetAddress() + " to " + e.address
	e.journal.mu.Lock()
	defer e.journal.mu.Unlock()
	e.journal.heard[pair] = append(e.journal.heard[pair], content.(*messages.AttemptAlive).GetToken())
}
func (ear) SendSystemMessage(*actor.PID, any) {}
func (ear) Stop(*actor.PID)                   {}

func TestOrderPerPairSurvivesLossDelayAndDuplication(t *testing.T) {
	t.Parallel()
	for loss := range 6 {
		t.Run(fmt.Sprintf("%d %% of the frames lost or doubled", 10*loss), func(t *testing.T) {
			t.Parallel()
			heard := talk(t, 10*loss)
			require.NotEmpty(t, heard)
			for pair, tokens := range heard {
				checkOrder(t, pair, tokens, loss > 0)
			}
		})
	}
}

// talk lets three nodes send to each other and returns what was heard.
func talk(t *testing.T, loss int) map[string][]uint64 {
	net, log := newNetwork(), &journal{heard: map[string][]uint64{}}
	var mu sync.Mutex
	chance := rand.New(rand.NewPCG(uint64(loss), 0))
	net.suffer(func(string, string) (int, time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		copies := 1
		if chance.IntN(100) < loss {
			copies = 2 * chance.IntN(2)
		}
		return copies, time.Duration(chance.IntN(100)) * time.Microsecond
	})
	var all []*node
	for _, id := range []string{"a", "b", "c"} {
		n := net.start(t, bridge.Coordinator, id)
		n.system.ProcessRegistry.Add(ear{log, n.bridge.Address()}, "target")
		all = append(all, n)
	}
	var senders sync.WaitGroup
	for _, from := range all {
		senders.Go(func() {
			for k := range uint64(500) {
				for _, to := range all {
					if from != to {
						from.system.Root.RequestWithCustomSender(to.pid("target"), token(k), from.pid("x"))
					}
				}
				runtime.Gosched()
			}
		})
	}
	senders.Wait()
	for _, n := range all {
		require.NoError(t, n.bridge.Close(t.Context()))
	}
	log.mu.Lock()
	defer log.mu.Unlock()
	return log.heard
}

// checkOrder checks that tokens ascend, except where a frame was doubled: then
// they go back to one that was heard before, and on from there.
func checkOrder(t *testing.T, pair string, tokens []uint64, mayRepeat bool) {
	seen, highest := map[uint64]bool{}, uint64(0)
	for i, n := range tokens {
		if i > 0 && n <= tokens[i-1] {
			require.True(t, mayRepeat && seen[n], "%s: %d after %d", pair, n, tokens[i-1])
		}
		require.True(t, n >= highest || seen[n], "%s: %d for the first time, after %d", pair, n, highest)
		seen[n], highest = true, max(highest, n)
	}
}

func FuzzFrame(f *testing.F) {
	alive, _ := proto.Marshal(token(5))
	good := &messages.Frame{From: "b.c1", Types: []string{"yardmaster.v1.AttemptAlive", "actor.Watch"}}
	good.Envelopes = []*messages.Envelope{
		{Target: "target", Sender: "s", Message: alive, Header: map[string]string{"k": "v"}},
		{Target: "target", Type: 1, System: true},
		{},
	}
	wire, _ := proto.Marshal(good)
	f.Add(wire)
	f.Add(wire[:len(wire)-3])
	f.Add([]byte{0x12, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Add([]byte{0x0b, 0x0c})
	x := newTap(f, bridge.Coordinator, "a", allowAll)
	h := heard{make(chan any, 1<<14)}
	x.system.ProcessRegistry.Add(h, "target")
	stop := make(chan struct{})
	go func() { // what the frames make the bridge answer
		for {
			select {
			case <-x.sent:
			case <-stop:
				return
			}
		}
	}()
	f.Cleanup(func() { close(stop) })
	f.Fuzz(func(t *testing.T, wire []byte) {
		malformed, before := x.refused.of(bridge.ReasonMalformed), x.refused.of(bridge.ReasonPanic)
		x.hear("", wire)
		assert.Equal(t, before, x.refused.of(bridge.ReasonPanic))
		for len(h.got) > 0 {
			<-h.got
		}
		ours := x.refused.of(bridge.ReasonMalformed) == malformed
		if theirs := proto.Unmarshal(wire, new(messages.Frame)) == nil; theirs && !ours && len(wire) < 2000 {
			t.Errorf("protobuf can read it, we cannot: %x", wire)
		}
	})
}
