package observe_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"yardmaster/actors"
	"yardmaster/observe"
)

func TestPoolsShowTheirUse(t *testing.T) {
	t.Parallel()
	n := observe.NewNode()
	decoders := observe.PoolUse{Size: 1, InUse: 1, Waiting: 7, Refused: 3}
	n.WatchPool("decoders", func() observe.PoolUse { return decoders })
	n.WatchPool("logs", func() observe.PoolUse { return observe.PoolUse{Size: 64} })
	n.WatchLogs(func() actors.LogUse { return actors.LogUse{Size: 9, InUse: 5, Attempts: 2, PutOff: 4} })
	f := scrape(t, n.Handler())
	assert.InDelta(t, 9, f.value(t, "yardmaster_log_room_bytes", ""), 0)
	assert.InDelta(t, 5, f.value(t, "yardmaster_log_in_flight_bytes", ""), 0)
	assert.InDelta(t, 2, f.value(t, "yardmaster_log_in_flight_attempts", ""), 0)
	assert.InDelta(t, 4, f.value(t, "yardmaster_log_put_off_total", ""), 0)
	assert.InDelta(t, 1, f.value(t, "yardmaster_pool_size", "pool=decoders"), 0)
	assert.InDelta(t, 64, f.value(t, "yardmaster_pool_size", "pool=logs"), 0)
	assert.InDelta(t, 1, f.value(t, "yardmaster_pool_in_use", "pool=decoders"), 0)
	assert.InDelta(t, 7, f.value(t, "yardmaster_pool_waiting", "pool=decoders"), 0)
	assert.InDelta(t, 3, f.value(t, "yardmaster_pool_refused_total", "pool=decoders"), 0)
	decoders.Waiting = 0
	assert.InDelta(t, 0, scrape(t, n.Handler()).value(t, "yardmaster_pool_waiting", "pool=decoders"), 0)
}
