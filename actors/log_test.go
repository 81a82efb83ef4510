package actors_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"yardmaster/domain/attempt"
	"yardmaster/domain/job"
	"yardmaster/domain/problem"
	"yardmaster/internal/testkit"
	"yardmaster/messages"
)

func TestAFollowerSeesTheLogToItsEnd(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n := y.StartNode()
		id := submit(t, n, workflow(aJob("a"))) // nobody runs it yet
		var got strings.Builder
		var at []time.Duration
		var end *messages.LogEnd
		began := time.Now()
		done := make(chan error, 1)
		go func() {
			done <- n.Backend().ReadLog(t.Context(), &messages.ReadLogRequest{RunId: id, Follow: true},
				func(m *messages.ReadLogResponse) error {
					for _, p := range m.Parts {
						got.Write(p.Data)
						at = append(at, time.Since(began))
					}
					end = m.End
					return nil
				})
		}()
		elapse(10 * time.Second)
		require.Zero(t, got.Len())
		y.StartWorker("w1", testkit.NewExecutor(slowly(time.Second, "one\n", "two\n", "three\n")))
		require.NoError(t, <-done)
		require.Equal(t, "one\ntwo\nthree\n", got.String())
		require.True(t, end.Complete)
		require.Equal(t, []time.Duration{11 * time.Second, 12 * time.Second, 13 * time.Second}, at, "as it is written")
	})
}

// A log is far longer than the window, and the store refuses every third chunk
// at first: it is whole and in order all the same.
func TestALongLogIsWhole(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		tries := 0
		y.Logs.Judge(func(job.ID, job.Token, attempt.Chunk) error {
			if tries++; tries%3 == 0 && tries < 200 {
				return errors.New("not now")
			}
			return nil
		})
		var chunks []string
		for i := range 100 {
			chunks = append(chunks, strings.Repeat(string(rune('a'+i%26)), 100))
		}
		n := y.StartNode()
		y.StartWorker("w1", testkit.NewExecutor(writing(chunks...)))
		id := submit(t, n, workflow(aJob("a")))
		require.Equal(t, success, await(t, n, id).State)
		text, end := readLog(t, n, id, false)
		require.Equal(t, strings.Join(chunks, ""), text)
		require.True(t, end.Complete)
	})
}

func TestALogIsReadAsItStands(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n := y.StartNode()
		y.StartWorker("w1", testkit.NewExecutor(slowly(time.Minute, "one\n", "two\n")))
		id := submit(t, n, workflow(aJob("a"), aJob("never", 0)))
		elapse(90 * time.Second)
		text, end := readLog(t, n, id, false)
		require.Equal(t, "one\n", text)
		require.False(t, end.Complete)
		await(t, n, id)

		read := func(m *messages.ReadLogRequest) (string, *messages.LogEnd, error) {
			var text bytes.Buffer
			var end *messages.LogEnd
			m.RunId = id
			err := n.Backend().ReadLog(t.Context(), m, func(m *messages.ReadLogResponse) error {
				for _, p := range m.Parts {
					text.Write(p.Data)
				}
				end = m.End
				return nil
			})
			return text.String(), end, err
		}
		text, end, err := read(&messages.ReadLogRequest{FromSeq: 2})
		require.NoError(t, err)
		require.Equal(t, "two\n", text)
		require.False(t, end.Complete, "a part is not the whole")
		_, end, err = read(&messages.ReadLogRequest{Attempt: 7, Follow: true})
		require.NoError(t, err)
		require.True(t, end.Complete, "there is no such attempt and never will be")
		_, _, err = read(&messages.ReadLogRequest{JobIndex: 9})
		requireProblem(t, err, problem.NotFound)
		unwilling := errors.New("enough")
		err = n.Backend().ReadLog(t.Context(), &messages.ReadLogRequest{RunId: id},
			func(*messages.ReadLogResponse) error { return unwilling })
		require.ErrorIs(t, err, unwilling)
	})
}

func TestTheLogOfARunNobodyHasRunIsEmpty(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n := y.StartNode()
		id := submit(t, n, workflow(aJob("a")))
		text, end := readLog(t, n, id, false)
		require.Empty(t, text)
		require.False(t, end.Complete)
		require.NoError(t, cancel(t, n, id, ""))
		_, end = readLog(t, n, id, true)
		require.True(t, end.Complete)
	})
}

func TestFollowersEndWithTheirNode(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		s := startTwo(t, y)
		done := make(chan error, 2)
		go func() {
			done <- s.n.Backend().ReadLog(t.Context(), &messages.ReadLogRequest{RunId: s.id, Follow: true},
				func(*messages.ReadLogResponse) error { return nil })
		}()
		go func() {
			done <- s.n.Backend().WatchRuns(t.Context(), "", func(*messages.WatchRunsResponse) error { return nil })
		}()
		elapse(time.Second)
		s.n.Stop()
		require.Error(t, <-done)
		require.Error(t, <-done)
	})
}
