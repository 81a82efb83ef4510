package actors

import (
	"fmt"
	"time"

	"yardmaster/domain/ledger"
	"yardmaster/domain/plan"
	"yardmaster/domain/run"
	"yardmaster/messages"
)

// fold adds a partition's history up to its ledger. Replay and compaction use
// the same one.
type fold struct {
	ledger *ledger.Ledger
	plans  *messages.Plans
	events int
	last   *plan.Workflow // of the newest submission
}

// newFold returns a Folder with an empty ledger.
func newFold(kept retention, plans *messages.Plans) *fold {
	return &fold{ledger: kept.ledger(), plans: plans}
}

// retention is what a partition keeps of what is over.
type retention struct {
	runs    int           // that have ended
	keyLife time.Duration // 0 means ledger.KeyLife
}

// ledger returns an empty one that keeps that.
func (r retention) ledger() *ledger.Ledger {
	l := ledger.New(r.runs, messages.PackRun)
	if r.keyLife > 0 {
		l.KeyLife = r.keyLife
	}
	return l
}

// Snapshot implements Folder.
func (f *fold) Snapshot(data []byte) error { return messages.DecodeLedger(data, f.ledger, f.plans) }

// Encode implements Folder.
func (f *fold) Encode() []byte { return messages.EncodeLedger(f.ledger) }

// submit folds a submission, whose plan may be that of the one before.
func (f *fold) submit(s *run.Submission) error {
	if s.Plan == nil {
		s.Plan = f.last
	}
	if f.last = s.Plan; s.Plan == nil {
		return fmt.Errorf("%w: run %s has no plan", messages.ErrMalformed, s.ID)
	}
	_, err := f.ledger.Submit(*s)
	return err
}

// Event implements Folder.
func (f *fold) Event(data []byte) error {
	h, err := messages.DecodeHistory(data, f.plans)
	if err != nil {
		return err
	}
	f.events++
	switch {
	case h.Submitted != nil:
		err = f.submit(h.Submitted)
	case h.Cancelled != nil:
		err = f.ledger.RunCancelled(h.Job.Run, *h.Cancelled)
	case h.JobEvent != nil:
		err = f.ledger.JobEvent(h.Job, h.JobEvent, h.At)
	case h.Worker != nil:
		err = messages.FoldWorker(f.ledger.Workers, h.Worker, h.Stamp)
	case h.Secret != nil:
		f.ledger.Secrets.Put(*h.Secret)
	case h.Removed != nil:
		f.ledger.Secrets.Remove(*h.Removed)
	}
	return err
}
