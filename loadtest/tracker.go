package loadtest

import (
	"sync"
	"time"

	"yardmaster/messages"
)

// maxStrangers bounds the runs of others that are remembered.
const maxStrangers = 1 << 20

// fate is what is known of a run. Times are in nanoseconds from the start of the
// scenario; 0 means not known.
type fate struct {
	sent, acked, started, ended int64
	attempt                     uint32
	state                       messages.JobState
	submitted, listed           bool
}

// tracker follows every run from its submission to its end. Both may be heard of
// in either order: the end of a run can overtake the answer to its submission.
type tracker struct {
	base time.Time // of wall clocks

	mu         sync.Mutex
	index      map[string]int32 // of fates, by run ID
	fates      []fate
	planned    int
	acked      int // submissions answered
	ended      int // runs of ours that ended
	duplicated int
	sealed     bool // nothing more will be submitted
	done       chan struct{}
}

func newTracker(planned int, base time.Time) *tracker {
	return &tracker{
		base: base.Round(0), planned: planned, index: make(map[string]int32, planned), fates: make([]fate, 0, planned),
		done: make(chan struct{}),
	}
}

// fate returns the one of a run, or nil when too many are unknown. The caller
// holds the lock.
func (t *tracker) fate(id string) *fate {
	i, ok := t.index[id]
	if !ok {
		if len(t.fates) >= t.planned+maxStrangers {
			return nil
		}
		i = int32(len(t.fates)) //nolint:gosec // bounded by planned and maxStrangers
		t.index[id] = i
		t.fates = append(t.fates, fate{})
	}
	return &t.fates[i]
}

// acknowledged takes in the answer to a submission: sent is when it was made, or
// was meant to be made.
func (t *tracker) acknowledged(runs []*messages.SubmittedRun, sent, now int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range runs {
		f := t.fate(r.GetRunId())
		t.acked++
		if f == nil {
			continue
		}
		if f.submitted {
			t.duplicated++
			continue
		}
		f.submitted, f.sent, f.acked = true, sent, now
		if f.state != 0 {
			t.ended++
		}
	}
	t.settle()
}

// changes takes in what the watch tells.
func (t *tracker) changes(all []*messages.RunChange, now int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range all {
		if c.GetState() < messages.JobState_JOB_STATE_SUCCESS {
			continue
		}
		f := t.fate(c.GetRunId())
		switch {
		case f == nil:
		case c.GetOfRun():
			if !t.end(f, c.GetState(), now) && f.listed {
				f.listed, f.ended = false, now // a list was quicker, but it was told
			}
		default:
			f.attempt = c.GetAttempt()
			if s := c.GetAttemptStartedAt(); s != nil {
				f.started = int64(s.AsTime().Sub(t.base))
			}
		}
	}
	t.settle()
}

// end takes in the end of a run. The caller holds the lock.
func (t *tracker) end(f *fate, state messages.JobState, now int64) bool {
	if f.state != 0 {
		return false
	}
	f.state, f.ended = state, now
	if f.submitted {
		t.ended++
	}
	return true
}

// listed takes in runs that ended, as a list shows them. A run that nobody
// submitted here and that is older than the scenario is not our concern.
func (t *tracker) listed(runs []*messages.Run) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range runs {
		if r.GetState() < messages.JobState_JOB_STATE_SUCCESS || r.GetSubmittedAt().AsTime().Before(t.base) {
			continue
		}
		if f := t.fate(r.GetRunId()); f != nil && t.end(f, r.GetState(), int64(r.GetEndedAt().AsTime().Sub(t.base))) {
			f.listed = true
		}
	}
	t.settle()
}

// plan says that so many runs more will be submitted.
func (t *tracker) plan(runs int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.planned += runs
}

// each calls fn with the fate of each of the runs, if it is known.
func (t *tracker) each(runs []string, fn func(f *fate)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, id := range runs {
		if i, ok := t.index[id]; ok {
			fn(&t.fates[i])
		}
	}
}

// seal says that nothing more will be submitted.
func (t *tracker) seal() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sealed = true
	t.settle()
}

// settle closes done once all that was acknowledged has ended. The caller holds
// the lock.
func (t *tracker) settle() {
	if !t.sealed || t.ended < t.acked-t.duplicated {
		return
	}
	select {
	case <-t.done:
	default:
		close(t.done)
	}
}

// sample says how far things are.
func (t *tracker) sample() Sample {
	t.mu.Lock()
	defer t.mu.Unlock()
	return Sample{Planned: t.planned, Acknowledged: t.acked, Done: t.ended}
}

// missing returns up to most IDs of runs that have not ended.
func (t *tracker) missing(most int) []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var ids []string
	for id, i := range t.index {
		if f := &t.fates[i]; f.submitted && f.state == 0 {
			if ids = append(ids, id); len(ids) == most {
				break
			}
		}
	}
	return ids
}

// allSent reports whether nothing more will be submitted.
func (t *tracker) allSent() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.sealed
}
