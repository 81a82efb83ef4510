package bridge

import (
	"errors"
	"log/slog"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/cenkalti/backoff/v5"
	"github.com/sony/gobreaker/v2"
)

// endpointPrefix begins the local IDs of endpoints.
const endpointPrefix = "endpoint/"

// Delays between attempts to send one frame.
const (
	firstRetry = 5 * time.Millisecond
	lastRetry  = 200 * time.Millisecond
)

// flush tells an endpoint that something waits, or that it is time to try again.
type flush struct{}

// endpoint writes to one peer.
//
// Mailbox protocol
//
//	message  from                    does
//	flush    senders, its own timer  sends all that waits
type endpoint struct {
	peer  *peer
	retry *backoff.ExponentialBackOff
	timer *time.Timer
}

func newEndpoint(p *peer) *endpoint {
	return &endpoint{peer: p, retry: &backoff.ExponentialBackOff{
		InitialInterval: firstRetry, MaxInterval: lastRetry, Multiplier: 2, RandomizationFactor: 0.5,
	}}
}

// Receive implements actor.Actor.
func (e *endpoint) Receive(ctx actor.Context) {
	switch ctx.Message().(type) {
	case *actor.Started, flush:
		e.flush(ctx) // Started: what waited when the endpoint before this one failed
	case *actor.Restarting:
		e.stopTimer()
	case *actor.Stopped:
		e.stopTimer()
		e.peer.bridge.retire(e.peer, ReasonTransport)
	}
}

func (e *endpoint) stopTimer() {
	if e.timer != nil {
		e.timer.Stop()
	}
}

// flush sends frame after frame until none waits or one has to wait longer.
func (e *endpoint) flush(ctx actor.Context) {
	b, o := e.peer.bridge, &e.peer.outbox
	for {
		f := o.take(&b.room)
		if f == nil {
			return
		}
		reason, later := b.publish(e.peer, f)
		switch {
		case later && o.putBack(&b.room, f):
			e.stopTimer()
			system, self := ctx.ActorSystem(), ctx.Self()
			e.timer = time.AfterFunc(e.retry.NextBackOff(), func() { system.Root.Send(self, flush{}) })
			return
		case later:
			b.discard(e.peer.Peer, f, ReasonDown)
		case reason != "":
			b.discard(e.peer.Peer, f, reason)
		default:
			e.retry.Reset()
			b.cfg.Hooks.FrameSent(f.count, len(f.wire))
		}
		b.room.giveBack(f)
	}
}

// waiting is an error that does not count against the breaker: the frame still
// has time.
type waiting struct{ error }

// newBreaker returns the circuit breaker around the transport. It counts frames
// that were given up, not attempts, so that a short reconnect does not open it.
func (b *Bridge) newBreaker() *gobreaker.CircuitBreaker[struct{}] {
	return gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
		Name:    "bridge",
		Timeout: b.cfg.OpenFor,
		ReadyToTrip: func(c gobreaker.Counts) bool {
			return c.ConsecutiveFailures >= uint32(b.cfg.TripAfter)
		},
		IsExcluded: func(err error) bool {
			var w waiting
			return errors.As(err, &w)
		},
		OnStateChange: func(_ string, _, to gobreaker.State) {
			b.tripped.Store(to == gobreaker.StateOpen)
			b.trial.Store(to == gobreaker.StateHalfOpen)
			b.log.Warn("circuit breaker changed", slog.String("state", to.String()))
			b.cfg.Hooks.BreakerChanged(to.String())
		},
	})
}

// publish sends a frame once. later says that it may be tried again; otherwise
// a reason says that it must be given up.
func (b *Bridge) publish(p *peer, f *frame) (reason Reason, later bool) {
	_, err := b.breaker.Execute(func() (struct{}, error) {
		err := b.transport.Send(p.worker(), p.Address, f.wire)
		if err != nil && temporary(err) && b.patient(f) && !b.trial.Load() {
			err = waiting{err}
		}
		return struct{}{}, err
	})
	var w waiting
	switch {
	case err == nil:
		return "", false
	case errors.As(err, &w), errors.Is(err, gobreaker.ErrTooManyRequests) && b.patient(f):
		return "", true
	case errors.Is(err, gobreaker.ErrOpenState), errors.Is(err, gobreaker.ErrTooManyRequests):
		return ReasonBreaker, false
	default:
		b.log.Warn("frame given up", slog.String("peer", p.Address), slog.Int("envelopes", f.count),
			slog.String("error", err.Error()))
		return ReasonTransport, false
	}
}

func (b *Bridge) patient(f *frame) bool { return time.Since(f.born) < b.cfg.Patience }

// failing reports whether the breaker is open. The breaker itself is only asked
// when it was open last, because that takes a lock, and moves it on in time.
func (b *Bridge) failing() bool {
	return b.tripped.Load() && b.breaker.State() == gobreaker.StateOpen
}
