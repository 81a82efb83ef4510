package fleet_test

import (
	"fmt"
	"testing"
	"time"

	"yardmaster/domain/fleet"
	"yardmaster/domain/worker"
)

// BenchmarkApply folds changes of 10,000 workers, each of which has a full history.
func BenchmarkApply(b *testing.B) {
	const workers = 10_000
	f, ids := fleet.New(), make([]worker.ID, workers)
	apply := func(i int) {
		f.Apply(ids[i%workers], says, change(time.Duration(i), worker.Available, worker.Settings{}))
	}
	for i := range ids {
		ids[i] = worker.ID(fmt.Sprintf("w%d", i))
	}
	for i := range 10 * workers {
		apply(i)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		apply(i)
	}
}
