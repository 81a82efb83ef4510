//go:build linux

package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/api"
	"yardmaster/messages"
)

const (
	// upLongest and downLongest bound how long a server lives between two kills:
	// counted from when it was ready, or from its very start.
	upLongest   = 1200 * time.Millisecond
	downLongest = 250 * time.Millisecond
)

// TestServerKilledAtRandomMoments kills the server again and again, also while it
// starts, under a steady load and with two workers that live on, and shows that
// nothing acknowledged is lost, nothing runs twice, and no log has a hole.
func TestServerKilledAtRandomMoments(t *testing.T) {
	rng := chance(t)
	y := newYard(t)
	y.start()
	w1, w2 := y.worker("w1", 4), y.worker("w2", 4)
	l := y.load(rng, 3)
	var slowest time.Duration
	for range *rounds {
		y.killSometime(rng)
		y.launch()
		if rng.IntN(3) == 0 {
			continue // it may be killed while it starts
		}
		begun := time.Now()
		y.server.says("server ready")
		slowest = max(slowest, time.Since(begun))
	}
	y.server.says("server ready")
	l.end()
	t.Logf("%d submissions; the slowest start took %s", len(l.orders), slowest.Round(time.Millisecond))

	y.checkOrders(l)
	y.checkLedger()
	for _, w := range []*process{w1, w2} {
		assert.NotContains(t, w.err.String(), "lease was lost", w.name)
		select {
		case <-w.done:
			assert.Fail(t, w.name+" ended")
		default:
		}
	}
}

// killSometime kills the server after a random time of its life.
func (y *yard) killSometime(rng *rand.Rand) {
	most := upLongest
	select {
	case <-y.server.err.seen("server ready"):
	default:
		most = downLongest
	}
	select {
	case <-time.After(time.Duration(rng.Int64N(int64(most)))): // the moment is the experiment
	case <-y.server.done:
		require.FailNow(y.t, "the server ended by itself", y.server.err.String())
	}
	y.server.kill()
}

// checkOrders waits for the end of every run, and checks what the API says of it.
func (y *yard) checkOrders(l *load) {
	t := y.t
	t.Helper()
	ctx := bounded(t)
	known := map[string]*order{} // by run
	acked, open := 0, 0
	for _, o := range l.orders {
		if definite(o.err) && o.run == "" {
			assert.Fail(t, "a sound submission was refused", "%s: %v", o.key, o.err)
			continue
		}
		before := o.run
		runs, err := y.client.Submit(ctx, o.request(y.ledger))
		require.NoError(t, err, o.key)
		o.run = runs[0].GetRunId()
		if before == "" {
			open++
		} else {
			acked++
			assert.True(t, runs[0].GetExisting(), "%s was acknowledged and is gone", o.key)
			assert.Equal(t, before, o.run, "the same key gives another run: %s", o.key)
		}
		known[o.run] = o
	}
	t.Logf("%d acknowledged, %d left open", acked, open)
	for id, o := range known {
		y.checkRun(y.end(id), o)
	}
	for _, run := range allRuns(ctx, t, y.client) {
		o := known[run.GetRunId()]
		if assert.NotNil(t, o, "run %s of key %q was never answered", run.GetRunId(), run.GetIdempotencyKey()) {
			delete(known, run.GetRunId())
		}
	}
	assert.Empty(t, known, "runs that are not listed")
}

// checkRun checks a run that has ended against what its workflow is known to do.
func (y *yard) checkRun(run *messages.Run, o *order) {
	t := y.t
	t.Helper()
	assert.Equal(t, o.key, run.GetIdempotencyKey(), "run %s", run.GetRunId())
	assert.Equal(t, o.kind.state, run.GetState(), "run %s (%s): %s", run.GetRunId(), o.kind.name, run.GetReason())
	assert.Len(t, run.GetJobs(), len(o.kind.want))
	for _, j := range run.GetJobs() {
		want := o.kind.want[j.GetKey()]
		name := fmt.Sprintf("%s.%d (%s %s)", run.GetRunId(), j.GetIndex(), o.kind.name, j.GetKey())
		assert.Equal(t, want.state, j.GetState(), "job %s: %s", name, j.GetReason())
		starts := y.ledger.of(t, fmt.Sprintf("%s.%d", run.GetRunId(), j.GetIndex()), "start")
		if want.lines == 0 {
			assert.Empty(t, starts, "job %s ran", name)
			continue
		}
		assert.Len(t, starts, 1, "starts of job %s", name)
		if assert.Len(t, j.GetAttempts(), 1, "attempts of job %s, whose worker lives", name) {
			checkLog(t, y.client, run, j, want.lines)
		}
	}
}

// checkLedger checks what the jobs wrote: each ran once, under tokens that grow,
// and nothing that was refused ran.
func (y *yard) checkLedger() {
	t := y.t
	t.Helper()
	tokens, stopped := map[string]uint64{}, map[string]bool{}
	for _, e := range y.ledger.read(t) {
		assert.NotEqual(t, "refused", e.tag, "a refused submission ran: %+v", e)
		assert.GreaterOrEqual(t, e.token, tokens[e.job], "a token fell: %+v", e)
		tokens[e.job] = e.token
		if e.what == "stop" {
			assert.False(t, stopped[e.job], "it stopped twice: %+v", e)
			stopped[e.job] = true
		} else {
			assert.False(t, stopped[e.job], "a job that had ended ran again: %+v", e)
		}
	}
	for job := range tokens {
		assert.True(t, stopped[job], "job %s never came to its end", job)
	}
	t.Logf("%d jobs ran", len(tokens))
}

// allRuns lists every run.
func allRuns(ctx context.Context, t *testing.T, c *api.Client) []*messages.Run {
	t.Helper()
	var all []*messages.Run
	for before := ""; ; before = all[len(all)-1].GetRunId() {
		page, err := c.Runs(ctx, &messages.ListRunsRequest{Limit: api.MaxListed, BeforeRunId: before})
		require.NoError(t, errors.Join(err, ctx.Err()))
		all = slices.Concat(all, page)
		if len(page) < api.MaxListed {
			return all
		}
	}
}
