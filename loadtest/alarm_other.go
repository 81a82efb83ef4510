//go:build !linux

package loadtest

import (
	"context"
	"time"
)

// alarm waits for a moment.
type alarm struct{}

func newAlarm() (*alarm, error) { return &alarm{}, nil }

func (*alarm) close() {}

// wait waits for d and reports whether ctx allowed it.
func (*alarm) wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
