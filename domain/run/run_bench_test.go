package run_test

import (
	"testing"

	"yardmaster/domain/job"
	"yardmaster/domain/plan"
	"yardmaster/domain/run"
)

// BenchmarkNextOfAWideRun asks a run of 1,000 jobs what it wants.
func BenchmarkNextOfAWideRun(b *testing.B) {
	jobs := make([]plan.Job, 1000)
	for i := range jobs {
		jobs[i] = alone("j", i/2)
	}
	jobs[0].Needs = nil
	r := after(begin(nil, jobs...), end{0, job.Success, 0})
	released := among(1)
	b.ReportAllocs()
	for b.Loop() {
		if n := r.Next(run.View{Released: released}); len(n.Release) != 1 {
			b.Fatal(n)
		}
	}
}
