package bridge

// Reason says why something was not carried. It is fit for a metric label.
type Reason string

// Reasons for which an outgoing envelope becomes a dead letter.
const (
	ReasonAddress     Reason = "address"     // no node can have that address
	ReasonUnreachable Reason = "unreachable" // a worker may not talk to a worker
	ReasonDown        Reason = "down"        // the node was declared down
	ReasonClosed      Reason = "closed"      // the bridge is not started, or closed
	ReasonBreaker     Reason = "breaker"     // the circuit breaker is open
	ReasonQueue       Reason = "queue"       // too much waits to be sent
	ReasonTooLarge    Reason = "too_large"   // larger than any frame
	ReasonType        Reason = "type"        // this type of message stays on its node
	ReasonEncoding    Reason = "encoding"    // the message cannot be encoded
	ReasonTransport   Reason = "transport"   // the transport did not take the frame
)

// Further reasons for which something that came in is refused. ReasonAddress,
// ReasonDown, ReasonType and ReasonEncoding are used as well.
const (
	ReasonMalformed Reason = "malformed" // not a frame
	ReasonSpoofed   Reason = "spoofed"   // the sender is not who it claims to be
	ReasonPolicy    Reason = "policy"    // Config.Allow said no
	ReasonReserved  Reason = "reserved"  // the target is not for other nodes
	ReasonWatches   Reason = "watches"   // the peer watches too many actors
	ReasonPanic     Reason = "panic"     // delivering it panicked
)

// Hooks are told what the bridge did, for metrics. Unset ones are skipped. They
// must not block, and must not call the bridge.
type Hooks struct {
	// FrameSent tells of a frame that the transport took.
	FrameSent func(envelopes, bytes int)
	// FrameReceived tells of a frame that was accepted.
	FrameReceived func(envelopes, bytes int)
	// Dropped tells of outgoing envelopes that were not sent.
	Dropped func(reason Reason, envelopes int)
	// Refused tells of incoming envelopes that were not delivered. A frame that
	// is refused whole counts as one.
	Refused func(reason Reason)
	// BreakerChanged tells the breaker's new state: closed, half-open or open.
	BreakerChanged func(state string)
}

// orSilent returns the hooks with the unset ones filled in.
func (h Hooks) orSilent() Hooks {
	if h.FrameSent == nil {
		h.FrameSent = func(int, int) {}
	}
	if h.FrameReceived == nil {
		h.FrameReceived = func(int, int) {}
	}
	if h.Dropped == nil {
		h.Dropped = func(Reason, int) {}
	}
	if h.Refused == nil {
		h.Refused = func(Reason) {}
	}
	if h.BreakerChanged == nil {
		h.BreakerChanged = func(string) {}
	}
	return h
}
