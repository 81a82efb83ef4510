package observe_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/actors"
	"yardmaster/domain/scale"
	"yardmaster/internal/testkit"
	"yardmaster/observe"
)

func TestScalingIsShownByClass(t *testing.T) {
	t.Parallel()
	y := testkit.NewYard(t)
	p := testkit.NewProvider()
	node := y.StartNode(func(c *actors.Config) {
		c.Log = slog.New(slog.DiscardHandler)
		c.Scaling = actors.Scaling{
			Classes: []scale.Class{
				{Name: "small", Slots: 1, Least: 2, Most: 3, Boot: time.Minute, Cost: 1, Provider: "p"},
				{Name: "pods", Slots: 1, Most: 3, Boot: time.Minute, Cost: 1}, // not known right after a start
			},
			Providers: map[string]actors.Provider{"p": p},
		}
	})
	n := observe.NewNode()
	n.WatchScaling(node.Scaling())
	assert.NotContains(t, scrape(t, n.Handler()), "yardmaster_scaling_desired")

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoError(t, await(ctx, func() bool { return len(p.Running()) == 2 }))
	require.NoError(t, await(ctx, func() bool { v, _ := node.Scaling().Of("small"); return v.Booting == 2 }))
	f := scrape(t, n.Handler())
	for name, want := range map[string]float64{
		"desired": 2, "connected": 0, "booting": 2, "waiting_jobs": 0, "alert": 0,
	} {
		assert.InDelta(t, want, f.value(t, "yardmaster_scaling_"+name, "class=small"), 0, name)
		assert.Len(t, f["yardmaster_scaling_"+name].GetMetric(), 1)
	}
}

// await returns when ok, or when ctx has ended.
func await(ctx context.Context, ok func() bool) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-ctx.Done():
			return errors.New("not in time")
		case <-tick.C:
		}
	}
	return nil
}
