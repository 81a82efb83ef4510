package placement

import (
	"fmt"
	"strings"

	"yardmaster/domain/resource"
)

// What the filters say of the workers that they exclude.

const never = "no worker could ever match: "

func lackLabels(e *Explanation, _, _ int) string {
	var says []string
	var nowhere []string
	for _, l := range e.Labels {
		if l.Workers == 0 {
			nowhere = append(nowhere, l.Label)
		}
	}
	switch {
	case len(nowhere) > 0:
		says = append(says, fmt.Sprintf("%s%s %s on no worker", never,
			plural(len(nowhere), "label", "labels")+" "+strings.Join(nowhere, ", "), plural(len(nowhere), "is", "are")))
	case e.Matching == 0:
		says = append(says, "no worker has all of "+strings.Join(e.Demand, ", ")+" together")
	default:
		says = append(says, fmt.Sprintf("%d of %s %s %s",
			e.Matching, count(e.Workers, "worker"), plural(e.Matching, "has", "have"), strings.Join(e.Demand, ", ")))
	}
	for _, l := range e.Labels {
		if l.OnlyLack > 0 && len(e.Demand) > 1 {
			says = append(says, fmt.Sprintf("%d %s only label %s", l.OnlyLack, plural(l.OnlyLack, "lacks", "lack"), l.Label))
		}
	}
	return strings.Join(says, "; ")
}

func areElsewhere(e *Explanation, n, left int) string {
	pool := "the default pool"
	if e.Pool != "" {
		pool = "pool " + e.Pool
	}
	return fmt.Sprintf("%s%s %s of another pool: the jobs of its project run only in %s",
		e.ifNone(n == left), e.some(n, left), plural(n, "is", "are"), pool)
}

func areTooSmall(e *Explanation, n, left int) string {
	s := &e.TooSmall
	if s.NoSlots == n {
		return fmt.Sprintf("%s%s %s no slots", e.ifNone(n == left), e.some(n, left), plural(n, "has", "have"))
	}
	return fmt.Sprintf("%s%s %s too small: %s", e.ifNone(n == left), e.some(n, left), plural(n, "is", "are"),
		s.describe(e.Resources, "any of them has"))
}

// describe says what workers have too little of, and how many lack one thing alone.
func (s *Shortage) describe(need resource.Amount, most string) string {
	cpu, memory := need.CPU > s.Most.CPU, need.Memory > s.Most.Memory
	if !cpu && !memory { // none has enough of both
		cpu, memory = true, true
	}
	has := s.Most
	if need.CPU == 0 || !cpu {
		has.CPU, cpu = 0, false
	}
	if need.Memory == 0 || !memory {
		has.Memory, memory = 0, false
	}
	text := "it needs " + needed(need, cpu, memory)
	if amount := has.String(); amount != "" {
		text += fmt.Sprintf(", the most %s is %s", most, amount)
	}
	for _, lack := range []struct {
		n    int
		what string
	}{{s.OnlyCPU, "cpu"}, {s.OnlyMemory, "memory"}} {
		if lack.n > 0 && s.Workers > 1 && need.CPU > 0 && need.Memory > 0 {
			text += fmt.Sprintf("; %d %s only %s", lack.n, plural(lack.n, "lacks", "lack"), lack.what)
		}
	}
	return text
}

// ifNone begins a sentence about all that are left: then nothing could ever match.
func (e *Explanation) ifNone(all bool) string {
	if all {
		return never
	}
	return ""
}

func takeNothing(e *Explanation, n, left int) string {
	states := make([]string, len(e.States))
	for i, s := range e.States {
		states[i] = fmt.Sprintf("%d %s", s.Workers, s.State)
	}
	return fmt.Sprintf("%s %s no jobs: %s", e.some(n, left), plural(n, "takes", "take"), strings.Join(states, ", "))
}

func arePassedOver(e *Explanation, n, left int) string {
	return fmt.Sprintf("%s %s passed over: an attempt of it did not succeed there",
		e.some(n, left), plural(n, "is", "are"))
}

func areBusy(e *Explanation, n, left int) string {
	until := ""
	if !e.FreeAt.IsZero() && e.FreeAt.After(e.At) {
		until = ", until about " + e.clock(e.FreeAt, "15:04")
	}
	full := &e.Full
	busy := fmt.Sprintf("%s %s busy (%d of %s)", e.some(n, left), plural(n, "is", "are"), e.Used, count(e.Slots, "slot"))
	if full.Workers == 0 {
		return busy + until
	}
	room := fmt.Sprintf("%s a free slot, but too little beside: %s",
		plural(full.Workers, "has", "have"), full.describe(e.Resources, "that is free"))
	if full.Workers == n {
		return fmt.Sprintf("%s %s%s", e.some(n, left), room, until)
	}
	return fmt.Sprintf("%s%s; %d %s", busy, until, full.Workers, room)
}

func areKept(e *Explanation, n, left int) string {
	kept := make([]string, len(e.Kept))
	for i, k := range e.Kept {
		kept[i] = fmt.Sprintf("%s for job %s", k.Worker, k.For)
	}
	return fmt.Sprintf("%s %s kept free for jobs that are due before it: %s",
		e.some(n, left), plural(n, "is", "are"), strings.Join(kept, ", "))
}
