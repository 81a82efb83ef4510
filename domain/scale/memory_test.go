package scale_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/domain/scale"
)

func TestALaunchThatDoesNotRegisterIsGivenUpAndTriedAgainLater(t *testing.T) {
	t.Parallel()

	c := class("small")
	s := scale.Situation{Now: noon, Demands: []scale.Demand{wait(2, time.Hour)}, Workers: of(c, scale.Booting, 1, 0)}
	v, m := after(c, scale.Memory{}, 3*time.Minute, s)
	require.Empty(t, v.GiveUp)
	s.Now = noon.Add(3*time.Minute + time.Second)
	v, m = after(c, m, 0, s)
	assert.Equal(t, []string{"small-000"}, v.GiveUp)
	assert.Zero(t, v.Launch)
	assert.Contains(t, v.Why, "small-000 is given up: it was not heard of for more than 3m0s")

	s.Workers, s.Now = nil, s.Now.Add(time.Second)
	v, m = after(c, m, 0, s)
	assert.Zero(t, v.Launch)
	assert.Contains(t, v.Why, "nothing is started for 9s, after 1 failure: small-000 did not register within 3m0s")
	s.Now = s.Now.Add(9 * time.Second)
	v, _ = after(c, m, 0, s)
	assert.Equal(t, 1, v.Launch)
}

func TestFailuresInARowRaiseAnAlertAndTheOtherClassServes(t *testing.T) {
	t.Parallel()

	small, big := class("small"), class("big")
	big.Cost = 3
	m := scale.Memory{}
	now := noon
	for range 3 {
		m = m.Failed(now, "no such image")
		m = m.Failed(now, "no such image") // of the same round
		now = m.RetryAt
	}
	assert.Equal(t, 3, m.Failures)
	assert.Equal(t, 70*time.Second, now.Sub(noon), "10 s, 20 s and 40 s")
	s := scale.Situation{Now: now.Add(-time.Second), Demands: []scale.Demand{wait(2, time.Hour)}}
	v, _ := scale.Decide([]scale.Class{small, big}, map[string]scale.Memory{"small": m}, s)
	assert.Equal(t, "workers of class small do not come: 3 launches failed one after the other; the last: no such image",
		v[0].Alert)
	assert.Zero(t, v[0].Launch)
	assert.Equal(t, 1, v[1].Launch)

	m = m.Registered(20 * time.Second)
	assert.Zero(t, m.Failures)
	assert.Equal(t, 20*time.Second, m.Booted)
	s.Now = s.Now.Add(time.Hour)
	v, _ = scale.Decide([]scale.Class{small, big}, map[string]scale.Memory{"small": m}, s)
	assert.Empty(t, v[0].Alert)
	assert.Equal(t, 1, v[0].Launch)
}

func TestTheLongestPauseIsTenMinutes(t *testing.T) {
	t.Parallel()

	m, now := scale.Memory{}, noon
	for range 50 {
		m = m.Failed(now, "no")
		require.LessOrEqual(t, m.RetryAt.Sub(now), 10*time.Minute)
		now = m.RetryAt
	}
	assert.Equal(t, 10*time.Minute, m.Failed(now, "no").RetryAt.Sub(now))
}

func TestWhatWasMeasuredReplacesTheEstimate(t *testing.T) {
	t.Parallel()

	c := class("small")
	m := scale.Memory{}
	for range 20 {
		m = m.Registered(10 * time.Second)
	}
	assert.Equal(t, 10*time.Second, m.Booted)
	m = m.Registered(50 * time.Second)
	assert.Equal(t, 20*time.Second, m.Booted)
	m.Booted = 10 * time.Second
	s := scale.Situation{
		Now: noon, Demands: []scale.Demand{wait(100, time.Second)}, Workers: of(c, scale.Ready, 1, 2),
	}
	v, _ := after(c, m, 0, s)
	assert.Equal(t, 5, v.Launch, "of the 100, two slots do 18 in ten seconds; a new worker has time for 20")
}

func TestAWorkerThatFellSilentForGoodIsGivenUpButNoLaunchFailed(t *testing.T) {
	t.Parallel()

	c := class("small")
	s := scale.Situation{Now: noon.Add(4 * time.Minute), Workers: of(c, scale.Silent, 1, 0)}
	v, m := after(c, scale.Memory{}, 0, s)
	assert.Equal(t, []string{"small-300"}, v.GiveUp)
	assert.Zero(t, m.Failures)
}
