package loadtest

import (
	"context"
	"testing"
	"time"
)

// What tests look at.
var (
	Quantile = quantile
	Plot     = plot
)

// Judge is Series.judge.
func (s *Series) Judge(warm time.Duration, share float64) { s.judge(warm, share) }

// ErrandAt names the errand of a submission.
func ErrandAt(number int) string { return errandAt(allErrands(), number).name }

// ErrandShares returns the share and the file of each errand, and how much the
// shares add up to.
func ErrandShares() (shares map[string]int, files map[string][]byte, total int) {
	shares, files = map[string]int{}, map[string][]byte{}
	for _, e := range allErrands() {
		shares[e.name] = e.share
		files[e.name] = new(errands).request("", e.file).GetWorkflow()
		total += e.share
	}
	return shares, files, total
}

// RunErrands sends errands at a rate and reports what became of them.
func RunErrands(t *testing.T, target Target, rate float64, planned int) *Report {
	t.Helper()
	b := &bench{target: target, base: time.Now(), stall: 20 * time.Millisecond, report: &Report{}}
	e, err := startErrands(t.Context(), b, planned)
	if err != nil {
		t.Fatal(err)
	}
	sending, cancel := context.WithCancel(t.Context())
	defer cancel()
	e.send(sending, t.Context(), rate, 50)
	if err := e.close(); err != nil {
		t.Error(err)
	}
	b.report.Counts = e.counts()
	e.faults(b.report)
	return b.report
}
