package attempt_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"yardmaster/domain/attempt"
	"yardmaster/domain/job"
	"yardmaster/domain/plan"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAnAttemptIsNamedAfterItsJobAndToken(t *testing.T) {
	t.Parallel()

	task := attempt.Task{Job: job.ID{Run: "01J", Index: 7}, Token: 3, Attempt: 2}
	assert.Equal(t, "01J.7.3", task.Name())
	id, token, err := attempt.ParseName("01J.7.3")
	require.NoError(t, err)
	assert.Equal(t, task.Job, id)
	assert.Equal(t, task.Token, token)
}

func TestWhatIsNoNameIsRefused(t *testing.T) {
	t.Parallel()

	for _, name := range []string{
		"", "01J", "01J.7", ".7.3", "01J..3", "01J.7.", "01J.x.3", "01J.7.x", "01J.7.-1", "01J.4294967296.1",
		"01J.7.18446744073709551616", "01J.7.3.4",
	} {
		_, _, err := attempt.ParseName(name)
		require.ErrorIs(t, err, attempt.ErrBadName, name)
	}
}

func TestEveryNameIsReadAsItWasWritten(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		id := job.ID{
			Run:   job.RunID(rapid.StringMatching(`[0-9A-Z]{1,26}`).Draw(t, "run")),
			Index: rapid.Uint32().Draw(t, "index"),
		}
		token := job.Token(rapid.Uint64Range(0, math.MaxUint64).Draw(t, "token"))
		gotID, gotToken, err := attempt.ParseName(attempt.Name(id, token))
		if err != nil || gotID != id || gotToken != token {
			t.Fatalf("%v %v became %v %v, %v", id, token, gotID, gotToken, err)
		}
	})
}

func FuzzParseName(f *testing.F) {
	f.Add("01J.7.3")
	f.Add("..")
	f.Add("a.1.+1")
	f.Fuzz(func(t *testing.T, name string) {
		id, token, err := attempt.ParseName(name)
		if err != nil {
			require.ErrorIs(t, err, attempt.ErrBadName)
			return
		}
		again, same, err := attempt.ParseName(attempt.Name(id, token))
		require.NoError(t, err)
		assert.Equal(t, id, again)
		assert.Equal(t, token, same)
	})
}

func TestPrintingATaskShowsNoSecret(t *testing.T) {
	t.Parallel()

	task := attempt.Task{
		Job: job.ID{Run: "01J", Index: 7}, Token: 3,
		Spec: plan.Job{Env: []plan.Var{{Name: "TOKEN", Value: "hunter2"}}},
	}
	for _, format := range []string{"%v", "%+v", "%s"} {
		assert.Equal(t, "01J.7.3", fmt.Sprintf(format, task))
	}
}

func TestWhatIsHeardOfAnAttemptReadsWell(t *testing.T) {
	t.Parallel()

	assert.Equal(t, "output notice ChunkKind(2)", fmt.Sprint(attempt.Output, " ", attempt.Notice, " ", attempt.Notice+1))
	chunk := attempt.Chunk{Seq: 4, Step: 1, Kind: attempt.Notice, Data: []byte("secret")}
	assert.Equal(t, "chunk 4: 6 bytes of notice by step 1", chunk.String())
	assert.Equal(t, "step 2 begins", attempt.Step{Index: 2, Running: true}.String())
	assert.Equal(t, "step 2 has ended", attempt.Step{Index: 2}.String())
}
