package supervisor_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"

	"yardmaster/supervisor"
)

func TestAPoolRunsEveryTaskOnceAndLeavesNothing(t *testing.T) {
	t.Parallel()
	pool := supervisor.NewPool()
	var done sync.WaitGroup
	var ran atomic.Int64
	for range 8 {
		done.Go(func() {
			for range 2000 {
				done.Add(1)
				pool.Schedule(func() { ran.Add(1); done.Done() })
			}
		})
	}
	done.Wait()
	assert.EqualValues(t, 16000, ran.Load())
	pool.Close() // goleak sees whether a goroutine stays
}

func TestAPoolMakesNobodyWait(t *testing.T) {
	t.Parallel()
	pool := supervisor.NewPool()
	defer pool.Close()
	blocked, free := make(chan struct{}), make(chan struct{})
	for range 100 {
		pool.Schedule(func() { <-blocked })
	}
	pool.Schedule(func() { close(free) })
	<-free
	close(blocked)
}

func TestAClosedPoolStillRunsTasks(t *testing.T) {
	t.Parallel()
	pool := supervisor.NewPool()
	pool.Close()
	ran := make(chan struct{})
	pool.Schedule(func() { close(ran) })
	<-ran
	assert.Positive(t, pool.Throughput())
}
