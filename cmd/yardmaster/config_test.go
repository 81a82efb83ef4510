package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// goodWorker is a configuration that nothing is wrong with.
func goodWorker() workerConfig {
	return workerConfig{
		Server: "nats://" + defaultNATSListen, ID: "w1", WorkDir: "work", Slots: 1, Grace: time.Second,
		DrainTimeout: time.Second, LogCap: 1,
	}
}

func TestAGraceOfNothingIsRefused(t *testing.T) {
	t.Parallel()
	c := goodWorker()
	require.NoError(t, c.validate())
	for _, grace := range []time.Duration{0, -time.Second} {
		c.Grace = grace
		assert.EqualError(t, c.validate(), "--grace is not positive")
	}
}
