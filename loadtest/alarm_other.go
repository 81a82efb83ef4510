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
func (*alarm) wait(ctx context.Context, d time.Duration) bool { return pause(ctx, d) }
