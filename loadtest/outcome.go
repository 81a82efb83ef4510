package loadtest

import "yardmaster/messages"

// outcome puts what became of the runs into the report. Latencies are of the
// runs sent at warm or later; names say what they are called, and which are
// reported.
func (t *tracker) outcome(r *Report, alone bool, warm int64, names latencyNames) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := r.Counts
	c.Planned, c.Acknowledged, c.Duplicated = t.planned, t.acked, c.Duplicated+t.duplicated
	ack, start, end := newHistogram(names.acknowledged), newHistogram(names.started), newHistogram(names.finished)
	span := &span{}
	for i := range t.fates {
		f := &t.fates[i]
		if !f.submitted {
			c.stranger(f, alone)
			continue
		}
		c.count(f)
		span.add(f)
		if f.sent < warm {
			continue
		}
		ack.add(f.acked - f.sent)
		if f.started != 0 {
			start.add(f.started - f.sent)
		}
		if f.state != 0 && !f.listed {
			end.add(f.ended - f.sent)
		}
	}
	span.report(r)
	for _, h := range []*histogram{ack, start, end} {
		if h.name != "" && h.TotalCount() > 0 {
			r.Latencies = append(r.Latencies, h.latency())
		}
	}
}

// latencyNames are the distributions to be reported; an empty one is not.
type latencyNames struct{ acknowledged, started, finished string }

func (c *Counts) stranger(f *fate, alone bool) {
	switch {
	case f.state == 0:
	case alone:
		c.Duplicated++
	default:
		c.Strangers++
	}
}

func (c *Counts) count(f *fate) {
	if f.attempt > 1 {
		c.Restarted++
	}
	if f.listed {
		c.Listed++
	}
	switch f.state {
	case messages.JobState_JOB_STATE_UNSPECIFIED, messages.JobState_JOB_STATE_PENDING,
		messages.JobState_JOB_STATE_RUNNING:
		c.Lost++
		return
	case messages.JobState_JOB_STATE_SUCCESS:
		c.Succeeded++
	case messages.JobState_JOB_STATE_FAILED, messages.JobState_JOB_STATE_CANCELLED:
	}
	c.Finished++
}

// span is from the first submission to the last answer and the last end.
type span struct {
	first, lastAck, lastEnd int64
	any                     bool
}

func (s *span) add(f *fate) {
	if !s.any || f.sent < s.first {
		s.first, s.any = f.sent, true
	}
	s.lastAck, s.lastEnd = max(s.lastAck, f.acked), max(s.lastEnd, f.ended)
}

func (s *span) report(r *Report) {
	r.Load.Acknowledged = perSecond(r.Counts.Acknowledged, s.lastAck-s.first)
	r.Load.Finished = perSecond(r.Counts.Finished, s.lastEnd-s.first)
	r.Load.Seconds = float64(max(s.lastAck, s.lastEnd)-s.first) / 1e9
}
