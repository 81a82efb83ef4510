//go:build linux

package e2e_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/messages"
)

// TestAJobGivesWayToAnUrgentOne runs a job that takes its time to end when it is told
// to, and one of much higher priority that wants its place: that one begins when
// nothing of the other is left, and the other is run again after it.
func TestAJobGivesWayToAnUrgentOne(t *testing.T) {
	t.Parallel()
	y := newYard(t, "--preempt", "10", "--preempt-after", "500ms")
	y.start()
	y.worker("w1", 1, "--grace", "1m")
	g, sure := gate(t), gate(t)
	// A trap that waits for a gate of its own: how long it takes to end is in our hands.
	low := y.submit("name: low\n" + y.ledger.env("low") + "jobs:\n  j:\n" +
		"    yardmaster: {idempotent: true}\n    steps:\n      - run: |\n" +
		fmt.Sprintf("          trap '%s; exit 9' TERM\n", passGate(sure)) +
		"          " + note("start") + "\n          " + passGate(g) + "\n          " + note("stop") + "\n")
	y.ledger.starts(t, low, 1, patience)
	y.running(low, 1)
	urgent := y.submit("name: urgent\n" + y.ledger.env("urgent") + "jobs:\n  j:\n" +
		"    yardmaster: {priority: 10}\n    steps:\n      - run: " + fmt.Sprintf("%q", note("start")) + "\n")

	y.server.says("job gives way")
	var why string
	eventually(t, patience, "it is said why the job is stopped", func() bool {
		why = y.cli("why", low+"/j").out.String()
		return strings.Contains(why, "it is being stopped, and will be queued again: preempted by job "+urgent)
	})
	assert.Contains(t, y.cli("why", urgent+"/j").out.String(), "it gives way to this one")
	assert.Empty(t, y.ledger.of(t, urgent, "start"), "the place is free when nothing is left of the other")
	assert.NotEmpty(t, processesOfRun(t, low))
	open(t, sure)
	assert.Equal(t, success, y.end(urgent).GetState())
	y.ledger.starts(t, low, 2, patience)
	why = y.cli("why", low+"/j").out.String()
	t.Log(why)
	assert.Contains(t, why, "attempt 1 on w1 preempted after")
	assert.Contains(t, why, "it gave way to jobs of higher priority 1 of at most 3 times")

	open(t, g)
	run := y.end(low)
	assert.Equal(t, success, run.GetState(), run.GetReason())
	require.Len(t, run.GetJobs()[0].GetAttempts(), 2)
	first := run.GetJobs()[0].GetAttempts()[0]
	assert.Equal(t, messages.Outcome_OUTCOME_PREEMPTED, first.GetOutcome())
	assert.Equal(t, messages.Fault_FAULT_INFRASTRUCTURE, first.GetFault())
	assert.Contains(t, first.GetReason(), "preempted by job "+urgent+".0")
	assert.InDelta(t, 1, y.metric("yardmaster_preemptions_total"), 0)
	y.checkAttempts(low, 1)

	begun := map[string]int{}
	for i, e := range y.ledger.read(t) {
		begun[e.tag+e.what] = i
	}
	assert.Less(t, begun["urgentstart"], begun["lowstart"], "the second start of the victim comes last")
}
