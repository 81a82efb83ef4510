// Package lease says how long a worker may go on with an attempt that it cannot
// prove to still hold, and when the owner of the job may give the attempt to
// somebody else.
//
// The promise: as long as both clocks tick equally fast, the holder has stopped
// before the owner gives away, whatever the clocks show, and however late
// messages are or how many are lost. The holder counts from when it SENT the
// last heartbeat that was acknowledged, the owner from when it RECEIVED the last
// one, and nothing is received before it was sent. The margins on both sides
// leave time to kill, and pay for clocks that tick unequally.
//
// A clock that stands still breaks the premise (a suspended machine, a paused
// virtual one). Then the fencing token of the job keeps a late report out.
package lease

import (
	"errors"
	"fmt"
	"time"
)

// The lease of an attempt, unless an operator says otherwise.
const (
	DefaultLength = 20 * time.Second
	DefaultMargin = 2 * time.Second
	// RenewEvery is the time between two heartbeats: three may be lost in a row.
	RenewEvery = 5 * time.Second
)

// ErrBadLease means that the durations of a lease do not fit one another.
var ErrBadLease = errors.New("lease: bad durations")

// Instant is a point on the monotonic clock of one process, as the time since an
// origin of that process's own choice. Instants of two processes, or of two
// lives of one, cannot be compared.
type Instant time.Duration

// Add returns the instant d later.
func (i Instant) Add(d time.Duration) Instant { return i + Instant(d) }

// Sub returns how much later i is than earlier.
func (i Instant) Sub(earlier Instant) time.Duration { return time.Duration(i - earlier) }

// Lease is a right that ends by itself unless it is renewed.
type Lease struct {
	// Length is how long the right lasts after its renewal.
	Length time.Duration
	// Margin is how much sooner the holder ends it, and how much later the owner.
	Margin time.Duration
}

// Default returns the lease of an attempt, unless an operator says otherwise.
func Default() Lease { return Lease{Length: DefaultLength, Margin: DefaultMargin} }

// Validate returns an error that is ErrBadLease when the margin is not positive,
// or when the holder would stop before a second heartbeat could reach the owner.
func (l Lease) Validate(renewEvery time.Duration) error {
	var faults []error
	if l.Margin <= 0 {
		faults = append(faults, fmt.Errorf("%w: margin %v must be above zero", ErrBadLease, l.Margin))
	}
	if renewEvery <= 0 {
		faults = append(faults, fmt.Errorf("%w: renewal every %v must be above zero", ErrBadLease, renewEvery))
	}
	if l.Length-l.Margin < 2*renewEvery {
		faults = append(faults, fmt.Errorf("%w: length %v less margin %v is shorter than two renewals of %v",
			ErrBadLease, l.Length, l.Margin, renewEvery))
	}
	return errors.Join(faults...)
}

// TrustedUntil returns when the holder must have begun to kill its attempts. Sent
// is when it sent the last heartbeat that was acknowledged; both instants are by
// the holder's own clock.
func (l Lease) TrustedUntil(sent Instant) Instant { return sent.Add(l.Length - l.Margin) }

// GivenAwayAt returns when the owner may give the attempts of the holder to
// somebody else. Received is when it received the last heartbeat; both instants
// are by the owner's own clock.
func (l Lease) GivenAwayAt(received Instant) Instant { return received.Add(l.Length + l.Margin) }

// Trusted reports whether the holder may still go on at now.
func (l Lease) Trusted(sent, now Instant) bool { return now < l.TrustedUntil(sent) }

// GivenAway reports whether the owner may give the attempts away at now.
func (l Lease) GivenAway(received, now Instant) bool { return now >= l.GivenAwayAt(received) }
