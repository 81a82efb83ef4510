package lease_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"yardmaster/domain/lease"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTheDefaultLeaseIsTheOneInTheDesign(t *testing.T) {
	t.Parallel()

	l := lease.Default()
	require.NoError(t, l.Validate(lease.RenewEvery))
	assert.Equal(t, 18*time.Second, l.TrustedUntil(100).Sub(100), "the holder kills at lease less margin")
	assert.Equal(t, 22*time.Second, l.GivenAwayAt(100).Sub(100), "the owner gives away at lease plus margin")
	assert.Less(t, l.Length+l.Margin+lease.RenewEvery, 30*time.Second, "a lost worker is noticed in under 30 s")
}

func TestTheEdgesOfALease(t *testing.T) {
	t.Parallel()

	l := lease.Lease{Length: 10, Margin: 2}
	assert.True(t, l.Trusted(100, 107))
	assert.False(t, l.Trusted(100, 108))
	assert.False(t, l.GivenAway(100, 111))
	assert.True(t, l.GivenAway(100, 112))
}

func TestALeaseThatCannotWorkIsRefusedWithEveryFault(t *testing.T) {
	t.Parallel()

	err := lease.Lease{Length: time.Second}.Validate(0)
	require.ErrorIs(t, err, lease.ErrBadLease)
	require.ErrorContains(t, err, "margin 0s must be above zero")
	require.ErrorContains(t, err, "renewal every 0s must be above zero")

	err = lease.Lease{Length: 11 * time.Second, Margin: 2 * time.Second}.Validate(5 * time.Second)
	require.ErrorIs(t, err, lease.ErrBadLease)
	require.ErrorContains(t, err, "shorter than two renewals of 5s")
}

// world is one run of heartbeats over a network that delays and loses, between
// two clocks that show different times.
type world struct {
	holder, owner                 clock
	lastAckedSent, lastReceivedAt time.Duration // true time, which nobody can read
}

// clock shows offset + rate * true time.
type clock struct {
	offset time.Duration
	rate   float64
}

func (c clock) at(trueTime time.Duration) lease.Instant {
	return lease.Instant(c.offset + time.Duration(float64(trueTime)*c.rate))
}

func (c clock) trueTime(i lease.Instant) time.Duration {
	return time.Duration(float64(i-lease.Instant(c.offset)) / c.rate)
}

func drawWorld(t *rapid.T, rate *rapid.Generator[float64]) world {
	offset := rapid.Int64Range(-int64(1000*time.Hour), int64(1000*time.Hour))
	delay := rapid.Int64Range(0, int64(time.Minute))
	w := world{
		holder: clock{time.Duration(offset.Draw(t, "holder offset")), rate.Draw(t, "holder rate")},
		owner:  clock{time.Duration(offset.Draw(t, "owner offset")), rate.Draw(t, "owner rate")},
	}
	// The first heartbeat is acknowledged: without one there is no lease.
	for i := range rapid.IntRange(1, 8).Draw(t, "heartbeats") {
		sent := time.Duration(i) * lease.RenewEvery
		received := sent + time.Duration(delay.Draw(t, "delay"))
		if i > 0 && !rapid.Bool().Draw(t, "delivered") {
			continue
		}
		w.lastReceivedAt = max(w.lastReceivedAt, received)
		if i == 0 || rapid.Bool().Draw(t, "acknowledged") {
			w.lastAckedSent = max(w.lastAckedSent, sent)
		}
	}
	return w
}

func (w world) gap(l lease.Lease) time.Duration {
	stops := w.holder.trueTime(l.TrustedUntil(w.holder.at(w.lastAckedSent)))
	gives := w.owner.trueTime(l.GivenAwayAt(w.owner.at(w.lastReceivedAt)))
	return gives - stops
}

func TestTheHolderStopsTwoMarginsBeforeTheOwnerGivesAway(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		l := lease.Lease{
			Length: time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "length")),
			Margin: time.Duration(rapid.Int64Range(1, int64(time.Minute)).Draw(t, "margin")),
		}
		if gap := drawWorld(t, rapid.Just(1.0)).gap(l); gap < 2*l.Margin-time.Microsecond {
			t.Fatalf("the owner gives away only %v after the holder stops", gap)
		}
	})
}

func TestTheDefaultMarginForgivesClocksThatDifferByFivePercent(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		if gap := drawWorld(t, rapid.Float64Range(0.95, 1.05)).gap(lease.Default()); gap <= 0 {
			t.Fatalf("the owner gives away %v before the holder stops", -gap)
		}
	})
}
