package messages_test

import (
	"fmt"
	"runtime"
	"strconv"
	"testing"

	"yardmaster/domain/job"
	"yardmaster/domain/ledger"
	"yardmaster/domain/plan"
	"yardmaster/domain/run"
	"yardmaster/messages"
)

var (
	benchID       = job.ID{Run: "01JZ0000000000000000000000", Index: 7}
	benchAssigned = job.Assigned{Token: 1, Worker: "worker-0001", Node: "worker-0001.17", At: epoch}
	benchEnded    = job.Ended{State: job.Success, At: epoch, Token: 1, Result: job.Result{
		Outcome: job.OutcomeSucceeded, StartedAt: epoch, EndedAt: epoch,
		Steps: []job.StepResult{{Outcome: job.OutcomeSucceeded, StartedAt: epoch, EndedAt: epoch}},
	}}
	benchStamp = messages.Stamp{At: epoch, Principal: "worker-0001"}
)

func BenchmarkEncodeJobEvent(b *testing.B) {
	for name, e := range map[string]job.Event{"assigned": benchAssigned, "ended": benchEnded} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				messages.EncodeJobEvent(benchID, e, benchStamp)
			}
		})
	}
}

func BenchmarkDecodeHistory(b *testing.B) {
	w, plans := benchPlan(1), messages.NewPlans()
	kept, err := plans.Decode(messages.EncodePlan(w))
	if err != nil {
		b.Fatal(err)
	}
	for name, data := range map[string][]byte{
		"submitted": messages.EncodeSubmission(run.Submission{ID: "r1"}, messages.EncodePlan(w), benchStamp),
		"assigned":  messages.EncodeJobEvent(benchID, benchAssigned, benchStamp),
		"ended":     messages.EncodeJobEvent(benchID, benchEnded, benchStamp),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := messages.DecodeHistory(data, plans); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	runtime.KeepAlive(kept)
}

func benchPlan(jobs int) *plan.Workflow {
	w := &plan.Workflow{Name: "load", Jobs: make([]plan.Job, jobs)}
	for i := range w.Jobs {
		key := "job-" + strconv.Itoa(i)
		w.Jobs[i] = plan.Job{
			Key: key, Name: key, Group: plan.NoGroup, Timeout: plan.DefaultTimeout, Executor: plan.ExecutorNoop,
		}
	}
	return w
}

// benchHistory is the whole history of so many runs of one job each: three
// events a run.
func benchHistory(runs int) [][]byte {
	data := messages.EncodePlan(benchPlan(1))
	history := make([][]byte, 0, 3*runs)
	for i := range runs {
		s := run.Submission{ID: run.ID(fmt.Sprintf("01JZ%022d", i)), At: epoch}
		id := job.ID{Run: s.ID}
		history = append(history, messages.EncodeSubmission(s, data, benchStamp),
			messages.EncodeJobEvent(id, benchAssigned, benchStamp), messages.EncodeJobEvent(id, benchEnded, benchStamp))
	}
	return history
}

// BenchmarkReplay decodes and folds the history of 10,000 runs, as a takeover
// does.
func BenchmarkReplay(b *testing.B) {
	history := benchHistory(10_000)
	b.ReportAllocs()
	for b.Loop() {
		r := newReplay(1000, messages.NewPlans())
		for _, data := range history {
			if err := r.fold(data); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.N*len(history))/b.Elapsed().Seconds(), "events/s")
}

// benchLedger holds so many live runs of one job that is assigned.
func benchLedger(b *testing.B, runs int) *ledger.Ledger {
	l, w := ledger.New(1000, messages.PackRun), benchPlan(1)
	for i := range runs {
		s := run.Submission{ID: run.ID(fmt.Sprintf("01JZ%022d", i)), Plan: w, Principal: "ann", At: epoch}
		if _, err := l.Submit(s); err != nil {
			b.Fatal(err)
		}
		if err := l.JobEvent(job.ID{Run: s.ID}, benchAssigned, epoch); err != nil {
			b.Fatal(err)
		}
	}
	return l
}

func BenchmarkEncodeLedgerOf10000Runs(b *testing.B) {
	l := benchLedger(b, 10_000)
	b.ReportAllocs()
	for b.Loop() {
		b.SetBytes(int64(len(messages.EncodeLedger(l))))
	}
}

func BenchmarkDecodeLedgerOf10000Runs(b *testing.B) {
	data := messages.EncodeLedger(benchLedger(b, 10_000))
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		l := ledger.New(1000, messages.PackRun)
		if err := messages.DecodeLedger(data, l, messages.NewPlans()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPlansThatStay interns so many different plans that all stay.
func BenchmarkPlansThatStay(b *testing.B) {
	data := make([][]byte, 20_000)
	for i := range data {
		data[i] = named(strconv.Itoa(i))
	}
	for b.Loop() {
		plans, held := messages.NewPlans(), make([]*plan.Workflow, len(data))
		for i := range data {
			w, err := plans.Decode(data[i])
			if err != nil {
				b.Fatal(err)
			}
			held[i] = w
		}
		if plans.Len() != len(held) {
			b.Fatal(plans.Len())
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()*1e9/float64(b.N*len(data)), "ns/plan")
}
