package api_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/api"
	"yardmaster/api/apitest"
	"yardmaster/domain/problem"
	"yardmaster/messages"
)

func TestASubmissionWithKeysIsRepeatedWhenTheServerIsBusy(t *testing.T) {
	t.Parallel()
	calls := 0 // calls come one after the other
	b := &apitest.Backend{OnSubmit: func(api.Submission) ([]*messages.SubmittedRun, error) {
		if calls++; calls < 3 {
			return nil, problem.RetryIn(problem.Exhausted, time.Millisecond, "the queue is full")
		}
		return []*messages.SubmittedRun{{RunId: apitest.RunID(1)}}, nil
	}}
	c := client(t, serve(t, b, api.Config{}), "")
	_, err := c.Submit(t.Context(), submitHello("key"))
	require.NoError(t, err)
	assert.Len(t, b.Submissions(), 3)

	calls = 0
	_, err = c.Submit(t.Context(), submitHello(""))
	assert.Equal(t, connect.CodeResourceExhausted, connect.CodeOf(err), "without a key it could run twice")
	assert.Equal(t, time.Millisecond, api.RetryAfter(err))
	assert.Len(t, b.Submissions(), 4)
}

func TestCallsOfTheClient(t *testing.T) {
	t.Parallel()
	b := &apitest.Backend{
		Why:        &messages.ExplainJobResponse{Reasons: []string{"no worker"}},
		WorkerList: []*messages.Worker{{WorkerId: "w1"}},
	}
	b.Put(&messages.Run{RunId: apitest.RunID(1), Name: "a"})
	c := client(t, serve(t, b, api.Config{}), "")
	runs, err := c.Runs(t.Context(), &messages.ListRunsRequest{})
	require.NoError(t, err)
	assert.Len(t, runs, 1)
	why, err := c.Explain(t.Context(), apitest.RunID(1), 0)
	require.NoError(t, err)
	assert.Equal(t, []string{"no worker"}, why.GetReasons())
	workers, err := c.Workers(t.Context())
	require.NoError(t, err)
	assert.Len(t, workers, 1)
	info, err := c.Info(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "n1", info.GetNodeId())
	require.NoError(t, c.Cancel(t.Context(), &messages.CancelRunRequest{RunId: apitest.RunID(1), Reason: "why not"}))
	assert.Equal(t, "why not", b.Cancels()[0].GetReason())
	for _, bad := range []string{"", "127.0.0.1:1", "ftp://x", "http://", "http://%zz"} {
		_, err := api.NewClient(bad, "")
		require.Error(t, err, bad)
	}
}

func TestAWatchIsTakenUpAgainWhenTheConnectionBreaks(t *testing.T) {
	t.Parallel()
	n := 0 // watches come one after the other
	b := &apitest.Backend{OnWatch: func(
		_ context.Context, id string, send func(*messages.WatchRunsResponse) error,
	) error {
		n++
		change := &messages.RunChange{RunId: id, Attempt: uint32(n)}
		if err := send(&messages.WatchRunsResponse{Changes: []*messages.RunChange{change}}); err != nil {
			return err
		}
		if n < 3 {
			panic(http.ErrAbortHandler) // the connection is cut
		}
		return nil
	}}
	c := client(t, serve(t, b, api.Config{}), "")
	var attempts []uint32
	resyncs := 0
	err := c.Watch(t.Context(), apitest.RunID(1), func(res *messages.WatchRunsResponse) error {
		if res.GetResync() {
			resyncs++
		}
		for _, change := range res.GetChanges() {
			attempts = append(attempts, change.GetAttempt())
		}
		return nil
	})
	require.NoError(t, err)
	assert.Equal(t, []uint32{1, 2, 3}, attempts)
	assert.Equal(t, 2, resyncs)
}

func TestALogGoesOnBehindItsLastPart(t *testing.T) {
	t.Parallel()
	first := true
	b := &apitest.Backend{OnLog: func(
		_ context.Context, r *messages.ReadLogRequest, send func(*messages.ReadLogResponse) error,
	) error {
		if first {
			first = false
			err := send(&messages.ReadLogResponse{Parts: []*messages.LogPart{{Seq: 1}, {Seq: 2}}})
			if err != nil {
				return err
			}
			panic(http.ErrAbortHandler)
		}
		return send(&messages.ReadLogResponse{
			Parts: []*messages.LogPart{{Seq: r.GetFromSeq()}}, End: &messages.LogEnd{Complete: true},
		})
	}}
	c := client(t, serve(t, b, api.Config{}), "")
	var seqs []uint64
	req := &messages.ReadLogRequest{RunId: apitest.RunID(1), Attempt: 1, Follow: true}
	err := c.ReadLog(t.Context(), req, func(res *messages.ReadLogResponse) error {
		for _, p := range res.GetParts() {
			seqs = append(seqs, p.GetSeq())
		}
		return nil
	})
	require.NoError(t, err)
	assert.Equal(t, []uint64{1, 2, 3}, seqs)

	own := errors.New("enough")
	err = c.ReadLog(t.Context(), req, func(*messages.ReadLogResponse) error { return own })
	assert.Equal(t, own, err, "the caller's error comes back as it is")
}

func TestALogReadInSeveralPiecesIsCompleteWhenAllOfItIsThere(t *testing.T) {
	t.Parallel()
	whole := sha256.Sum256([]byte("one\ntwo\n"))
	for name, tt := range map[string]struct {
		from     uint64
		second   string
		sum      *messages.LogSum
		complete bool
	}{
		"all of it":        {0, "two\n", &messages.LogSum{Bytes: 8, Sha256: whole[:]}, true},
		"also from part 1": {1, "two\n", &messages.LogSum{Bytes: 8, Sha256: whole[:]}, true},
		"altered":          {0, "twO\n", &messages.LogSum{Bytes: 8, Sha256: whole[:]}, false},
		"cut":              {0, "two", &messages.LogSum{Bytes: 8, Sha256: whole[:]}, false},
		"from the middle":  {2, "two\n", &messages.LogSum{Bytes: 8, Sha256: whole[:]}, false},
		"it goes on":       {0, "two\n", nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			broken := false
			b := &apitest.Backend{OnLog: func(
				_ context.Context, _ *messages.ReadLogRequest, send func(*messages.ReadLogResponse) error,
			) error {
				if !broken {
					broken = true
					err := send(&messages.ReadLogResponse{Parts: []*messages.LogPart{{Seq: 1, Data: []byte("one\n")}}})
					if err != nil {
						return err
					}
					panic(http.ErrAbortHandler)
				}
				return send(&messages.ReadLogResponse{
					Parts: []*messages.LogPart{{Seq: 2, Data: []byte(tt.second)}}, End: &messages.LogEnd{Sum: tt.sum},
				})
			}}
			c := client(t, serve(t, b, api.Config{}), "")
			var end *messages.LogEnd
			req := &messages.ReadLogRequest{RunId: apitest.RunID(1), Attempt: 1, FromSeq: tt.from}
			require.NoError(t, c.ReadLog(t.Context(), req, func(res *messages.ReadLogResponse) error {
				end = res.GetEnd()
				return nil
			}))
			assert.Equal(t, tt.complete, end.GetComplete())
		})
	}
}
