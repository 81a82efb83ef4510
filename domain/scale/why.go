package scale

import (
	"fmt"
	"strings"
	"time"
)

func (t *tally) note(format string, args ...any) { t.why = append(t.why, fmt.Sprintf(format, args...)) }

// explain says why the verdict is what it is: what is needed first, and then what
// is done about it.
func (t *tally) explain(now time.Time, need int, before Memory, v Verdict) []string {
	t.explainNeed()
	t.explainLimits(need)
	t.explainUp(now, need, v)
	t.explainDown(now, need, before, v)
	for _, name := range v.GiveUp {
		t.note("%s is given up: it was not heard of for more than %s", name, brief(t.memory.overdue(t.class)))
	}
	return t.why
}

// explainNeed says what there is to do.
func (t *tally) explainNeed() {
	boot := brief(t.memory.boot(t.class))
	switch {
	case t.urgent > 0:
		t.note("a job has waited for %s, longer than it should: one more needed", brief(t.urgent))
	case t.given > 0:
		t.note("%s that will not be done before a new worker has booted (%s): %d more needed",
			jobsWait(t.given), boot, whole(t.wanted))
	case t.blocked > 0:
		t.note("%s, more than existing slots and the workers that may be started will do", jobsWait(t.blocked))
	case t.waiting > t.bound:
		t.note("%s, and existing slots will do %s before a new worker has booted (%s), or new ones of another class will",
			jobsWait(t.waiting), them(t.waiting), boot)
	case t.bound > 0:
		t.note("%s although a worker that could take %s is idle: more workers would not help",
			jobsWait(t.bound), them(t.bound))
	case t.held == 0:
		t.note("nothing runs here, and nothing waits")
	}
	if t.held > 0 {
		t.note("%s held, which is the work of %s", count(t.held, "slot")+" "+isAre(t.held),
			workers(whole(float64(t.held)*t.share)))
	}
}

// explainLimits says which limit the need has reached.
func (t *tally) explainLimits(need int) {
	switch {
	case t.class.Least == t.class.Most:
		t.note("there shall always be %d", t.class.Most)
	case need == t.class.Most && t.wanted+float64(t.blocked) > 0:
		t.note("there may never be more than %d", need)
	case need == t.class.Least && need > 0:
		t.note("there shall never be fewer than %d", need)
	}
}

// explainUp says what is asked for, or why it is not.
func (t *tally) explainUp(now time.Time, need int, v Verdict) {
	missing := need > t.have() || t.blocked > 0
	switch {
	case v.Launch > 0:
		t.note("%s asked for", workers(v.Launch)+" "+isAre(v.Launch))
	case !missing || t.class.External():
	case !t.memory.mayLaunch(now):
		t.note("nothing is started for %s, after %s: %s", brief(t.memory.RetryAt.Sub(now)),
			count(t.memory.Failures, "failure"), t.memory.LastFailure)
	case t.room() == 0 && t.leaving+t.silent > 0:
		t.note("nothing is started until one of those that leave, or are silent, has gone")
	case t.room() > 0 && !t.memory.mayRise(t.class, now):
		t.note("nothing is started for %s, so soon after the last step up",
			brief(t.class.CooldownUp-now.Sub(t.memory.LastUp)))
	}
}

// explainDown says what is drained, or when it will be.
func (t *tally) explainDown(now time.Time, need int, before Memory, v Verdict) {
	switch {
	case len(v.Drain) > 0:
		t.note("%s drained, the longest idle first: %s", workers(len(v.Drain))+" "+isAre(len(v.Drain)),
			strings.Join(v.Drain, ", "))
	case t.memory.Target < before.Target:
		t.note("%d have been enough for %s", t.memory.Target, brief(now.Sub(before.SurplusSince)))
	case !t.memory.SurplusSince.IsZero():
		t.note("%d would do; fewer are kept when that has been so for %s", t.memory.Peak, brief(t.class.Idle))
	case !t.class.External() && t.have() > max(need, t.memory.Target):
		t.note("%s too many, and none idle", workers(t.have()-max(need, t.memory.Target))+" "+
			isAre(t.have()-max(need, t.memory.Target)))
	}
}

func (t *tally) alert() string {
	return fmt.Sprintf("workers of class %s do not come: %d launches failed one after the other; the last: %s",
		t.class.Name, t.memory.Failures, t.memory.LastFailure)
}

// brief writes a duration in seconds, or less when it is short.
func brief(d time.Duration) string {
	if d >= time.Second {
		d = d.Round(time.Second)
	} else {
		d = d.Round(time.Millisecond)
	}
	return d.String()
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func workers(n int) string { return count(n, "worker") }

func jobsWait(n int) string {
	if n == 1 {
		return "1 job waits"
	}
	return fmt.Sprintf("%d jobs wait", n)
}

func isAre(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

func them(n int) string {
	if n == 1 {
		return "it"
	}
	return "them"
}
