package messages_test

import (
	"bytes"
	"errors"
	"testing"

	"google.golang.org/protobuf/proto"

	"yardmaster/domain/attempt"
	"yardmaster/domain/job"
	"yardmaster/domain/ledger"
	"yardmaster/domain/plan"
	"yardmaster/domain/run"
	"yardmaster/messages"
)

// refused reports whether err is the one refusal there is.
func refused(t *testing.T, err error) bool {
	t.Helper()
	if err != nil && !errors.Is(err, messages.ErrMalformed) {
		t.Fatalf("an error of no known kind: %v", err)
	}
	return err != nil
}

func FuzzDecodeHistory(f *testing.F) {
	for _, p := range pasts() {
		f.Add(p.bytes)
		f.Add(p.bytes[:len(p.bytes)/2])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := messages.DecodeHistory(data, messages.NewPlans())
		if refused(t, err) {
			return
		}
		set := 0
		for _, is := range []bool{
			h.Submitted != nil, h.Cancelled != nil, h.JobEvent != nil, h.Worker != nil, h.Poisoned != nil,
			h.Secret != nil, h.Removed != nil,
		} {
			if is {
				set++
			}
		}
		if set != 1 {
			t.Fatalf("%d things at once: %+v", set, h)
		}
		if h.JobEvent == nil {
			return
		}
		if e, ok := h.JobEvent.(job.Ended); ok && !e.State.Final() {
			t.Fatalf("an end in %s", e.State)
		}
		again, err := messages.DecodeHistory(messages.EncodeJobEvent(h.Job, h.JobEvent, h.Stamp), nil)
		if err != nil || again.Job != h.Job || again.Stamp != h.Stamp {
			t.Fatalf("%+v became %+v, %v", h, again, err)
		}
	})
}

func FuzzDecodePlan(f *testing.F) {
	f.Add(messages.EncodePlan(pastPlan()))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		w, err := messages.DecodePlan(data)
		if refused(t, err) {
			return
		}
		checkPlan(t, w, len(data))
		once := messages.EncodePlan(w)
		again, err := messages.DecodePlan(once)
		if err != nil || !bytes.Equal(once, messages.EncodePlan(again)) {
			t.Fatalf("%v became %v, %v", w, again, err)
		}
	})
}

// checkPlan follows every index, and holds the plan to the size of its bytes.
func checkPlan(t *testing.T, w *plan.Workflow, size int) {
	t.Helper()
	if 2*(len(w.Jobs)+len(w.Groups)+len(w.On)) > size {
		t.Fatalf("%d jobs out of %d bytes", len(w.Jobs), size)
	}
	for i := range w.Jobs {
		for _, n := range w.Jobs[i].Needs {
			_ = w.Jobs[n]
		}
		if g := w.Jobs[i].Group; g != plan.NoGroup {
			_ = w.Groups[g]
		}
	}
}

func FuzzDecodeLedger(f *testing.F) {
	l, _ := example(f)
	f.Add(messages.EncodeLedger(l))
	end(f, l)
	f.Add(messages.EncodeLedger(l))
	f.Fuzz(func(t *testing.T, data []byte) {
		l := ledger.New(4, messages.PackRun)
		if refused(t, messages.DecodeLedger(data, l, messages.NewPlans())) {
			return
		}
		if live, ended := l.Counts(); 2*live > len(data) || ended > 4 {
			t.Fatalf("%d live and %d ended runs out of %d bytes", live, ended, len(data))
		}
		for e := range l.Live() {
			messages.ViewRun(e, true, nil)
			e.Run.Next(run.View{
				Released: e.Released, Holds: func(uint32) (bool, error) { return true, nil },
			})
		}
		for e := range l.EndedRuns() {
			messages.ViewEnded(e)
			if got, err := messages.UnpackRun(e.Packed, e.Plan); !refused(t, err) {
				messages.ViewRun(got, true, nil)
			}
		}
		again := ledger.New(4, messages.PackRun)
		if err := messages.DecodeLedger(messages.EncodeLedger(l), again, messages.NewPlans()); err != nil {
			t.Fatalf("what was restored cannot be stored: %v", err)
		}
	})
}

func FuzzUnpackRun(f *testing.F) {
	l, e := example(f)
	w := e.Run.Plan
	f.Add(messages.PackRun(e))
	end(f, l)
	f.Add(messages.PackRun(e))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := messages.UnpackRun(data, w)
		if refused(t, err) {
			return
		}
		if len(e.Jobs) != len(w.Jobs) || len(e.Run.Jobs) != len(w.Jobs) {
			t.Fatalf("%d jobs for a plan of %d", len(e.Jobs), len(w.Jobs))
		}
		messages.ViewRun(e, true, nil)
		for _, j := range e.Jobs { // what was stored must be safe to decide from
			for _, c := range []job.Command{job.Report{Token: j.Token()}, job.Cancel{}, job.Fail{}, job.Assign{}} {
				events, _ := job.Decide(*j, c, epoch)
				for _, ev := range events {
					next := job.Evolve(*j, ev)
					_ = next.Worker() + next.Node()
				}
			}
			_ = j.Worker() + j.Node()
		}
	})
}

func FuzzTaskFromProto(f *testing.F) {
	id := job.ID{Run: "01J", Index: 1}
	task := attempt.Task{Job: id, Token: 2, Attempt: 2, Workflow: "ci", Spec: pastPlan().Jobs[1]}
	data, err := proto.Marshal(messages.TaskToProto(task, nil))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		var m messages.SpawnAttempt
		if proto.Unmarshal(data, &m) != nil {
			return
		}
		task, err := messages.TaskFromProto(&m)
		if refused(t, err) {
			return
		}
		if task.Job.Run == "" || task.Token == 0 || 2*len(task.Spec.Steps) > len(data) {
			t.Fatalf("%+v out of %d bytes", task, len(data))
		}
	})
}

func FuzzChunkFromProto(f *testing.F) {
	data, err := proto.Marshal(messages.ChunkToProto(1, attempt.Chunk{Seq: 1, Time: epoch, Data: []byte("hello")}))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		var m messages.LogChunk
		if proto.Unmarshal(data, &m) != nil {
			return
		}
		c, err := messages.ChunkFromProto(&m)
		if !refused(t, err) && (c.Seq == 0 || len(c.Data) == 0 || len(c.Data) > attempt.MaxChunk || c.Step < 0) {
			t.Fatalf("%v", c)
		}
	})
}

func FuzzResultFromProto(f *testing.F) {
	data, err := proto.Marshal(messages.ResultToProto(pastResult()))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		var m messages.Result
		if proto.Unmarshal(data, &m) == nil {
			r := messages.ResultFromProto(&m)
			if r.Outcome > job.OutcomePreempted || r.Fault > job.FaultSystem {
				t.Fatalf("%+v", r)
			}
		}
		var s messages.StepProgress
		if proto.Unmarshal(data, &s) == nil {
			if got := messages.StepFromProto(&s); got.Index < 0 || got.Result.Outcome > job.OutcomePreempted {
				t.Fatalf("%+v", got)
			}
		}
	})
}
