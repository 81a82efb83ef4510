package ledger_test

import (
	"strconv"
	"testing"

	"yardmaster/domain/job"
	"yardmaster/domain/ledger"
	"yardmaster/domain/run"
)

// BenchmarkFold folds runs of ten jobs: two events a job and one a run,
// as a replay does once the events are decoded.
func BenchmarkFold(b *testing.B) {
	const jobs = 10
	w := workflow(jobs)
	l := ledger.New(1000, pack)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		id := run.ID("r" + strconv.Itoa(n))
		if _, err := l.Submit(run.Submission{ID: id, Plan: w, At: epoch}); err != nil {
			b.Fatal(err)
		}
		for i := range uint32(jobs) {
			j := job.ID{Run: id, Index: i}
			for _, e := range [...]job.Event{
				job.Assigned{Token: 1, Worker: "w", At: epoch},
				job.Ended{State: job.Success, Token: 1, At: epoch},
			} {
				if err := l.JobEvent(j, e, epoch); err != nil {
					b.Fatal(err)
				}
			}
		}
		n++
	}
	b.ReportMetric(float64(n*(1+2*jobs))/b.Elapsed().Seconds(), "events/s")
}
