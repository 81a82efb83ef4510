package job_test

import (
	"testing"

	"yardmaster/domain/job"
)

// BenchmarkAssignAndReport is the pure part of a whole job: both decisions and
// both folds.
func BenchmarkAssignAndReport(b *testing.B) {
	pending := given(b, spec(1))
	var assign job.Command = job.Assign{Worker: "w1", Node: "n1"}
	var report job.Command = job.Report{Token: 1, Result: ok}
	b.ReportAllocs()
	for b.Loop() {
		j := pending
		for _, c := range []job.Command{assign, report} {
			events, err := job.Decide(j, c, epoch)
			if err != nil {
				b.Fatal(err)
			}
			for _, e := range events {
				j = job.Evolve(j, e)
			}
		}
		if j.State != job.Success {
			b.Fatal(j.State)
		}
	}
}
