package api_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/api"
	"yardmaster/api/apitest"
	"yardmaster/messages"
)

const mib = 1 << 20

// largeFile is a workflow of nearly 1 MiB, without its first line.
func largeFile() []byte {
	var b bytes.Buffer
	b.WriteString("on: push\njobs:\n  a:\n    steps:\n      - run: |\n")
	line := "          echo " + strings.Repeat("a", 100) + "\n"
	for b.Len()+len(line) < mib-100 {
		b.WriteString(line)
	}
	return b.Bytes()
}

// postLarge submits a file of its own without having it in memory: it differs from
// others by its first line.
func postLarge(ctx context.Context, c *http.Client, url string, n int, rest []byte, length ...int64,
) (status int, body []byte, err error) {
	name := fmt.Sprintf("name: file-%06d\n", n)
	head := binary.AppendUvarint([]byte{1<<3 | 2}, 4) // file_name
	head = append(head, "a.yml"[:4]...)
	head = append(head, 2<<3|2) // workflow
	head = binary.AppendUvarint(head, uint64(len(name)+len(rest)))
	head = append(head, name...)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/yardmaster.v1.YardmasterService/SubmitRuns",
		io.MultiReader(bytes.NewReader(head), bytes.NewReader(rest)))
	if err != nil {
		return 0, nil, err
	}
	req.ContentLength = append(length, int64(len(head)+len(rest)))[0]
	req.Header.Set("Content-Type", "application/proto")
	res, err := c.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	body, err = io.ReadAll(res.Body)
	return res.StatusCode, body, err
}

// heap follows the most memory in use until it is stopped.
func heap() (stop func() (grown uint64)) {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	before, most := m.HeapInuse, uint64(0)
	stopped, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stopped:
				return
			case <-tick.C:
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapInuse)
			}
		}
	}()
	return func() uint64 {
		close(stopped)
		<-ended
		return most - min(most, before)
	}
}

// A thousand different files of 1 MiB come at once: a gigabyte, twice that while it
// is taken in. Each gets an answer, nobody else waits, and memory stays bounded.
//
//nolint:paralleltest // it measures the heap of the process
func TestAThousandLargeFilesAtOnce(t *testing.T) {
	b := new(apitest.Backend)
	b.OnSubmit = func(api.Submission) ([]*messages.SubmittedRun, error) {
		return []*messages.SubmittedRun{{RunId: apitest.RunID(1)}}, nil
	}
	b.Put(&messages.Run{RunId: apitest.RunID(1)})
	intake := api.IntakeOf(8*mib, 1, 2*time.Second)
	url := serve(t, b, api.Config{Intake: intake})
	rest := largeFile()
	tr := &http.Transport{MaxIdleConns: 1}
	defer tr.CloseIdleConnections()
	grown := heap()

	var accepted, putOff, asked atomic.Int64
	var all, other sync.WaitGroup
	flooding, calm := context.WithCancel(t.Context())
	for n := range floodFiles {
		all.Go(func() {
			status, body, err := postLarge(t.Context(), &http.Client{Transport: tr}, url, n, rest)
			switch {
			case assert.NoError(t, err) && status == http.StatusOK:
				accepted.Add(1)
			case status == http.StatusTooManyRequests && bytes.Contains(body, []byte("RetryHint")):
				putOff.Add(1)
			default:
				assert.Fail(t, "no answer that tells what to do", "%d %s", status, body)
			}
		})
	}
	c := client(t, url, "")
	other.Go(func() {
		for flooding.Err() == nil {
			begun := time.Now()
			_, err := c.Run(t.Context(), apitest.RunID(1))        //nolint:contextcheck // it does not end with the flood
			if err != nil || time.Since(begun) > 30*time.Second { // slower than the slowest machine
				assert.Fail(t, "another call is not answered", "%v after %s", err, time.Since(begun))
				return
			}
			asked.Add(1)
		}
	})
	all.Wait()
	calm()
	other.Wait()
	most := grown()
	t.Logf("%d accepted, %d put off, %d other calls, heap grew by %d MiB", accepted.Load(), putOff.Load(), asked.Load(),
		most/mib)
	assert.EqualValues(t, floodFiles, accepted.Load()+putOff.Load())
	assert.Positive(t, accepted.Load())
	assert.Greater(t, asked.Load(), int64(5))
	assert.Less(t, most, uint64(400*mib), "and not 2 GiB")
	assert.Equal(t, putOff.Load(), intake.Memory().Refused+intake.Decoders().Refused)
	assert.Zero(t, intake.Memory().InUse+intake.Decoders().InUse)
}

func TestALargeFileWaitsForMemoryAndASmallCallDoesNot(t *testing.T) {
	t.Parallel()
	entered, leave := make(chan struct{}), make(chan struct{})
	b := &apitest.Backend{OnSubmit: func(api.Submission) ([]*messages.SubmittedRun, error) {
		entered <- struct{}{}
		<-leave
		return []*messages.SubmittedRun{{RunId: apitest.RunID(1)}}, nil
	}}
	b.Put(&messages.Run{RunId: apitest.RunID(1)})
	intake := api.IntakeOf(mib, 1, time.Minute)
	url := serve(t, b, api.Config{Intake: intake})
	rest := largeFile()
	done := make(chan int, 2)
	tr := &http.Transport{}
	defer tr.CloseIdleConnections()
	for n := range 2 {
		go func() {
			status, _, err := postLarge(t.Context(), &http.Client{Transport: tr}, url, n, rest)
			assert.NoError(t, err)
			done <- status
		}()
	}
	<-entered
	require.Eventually(t, func() bool { return intake.Memory().Waiting == 1 }, deadline, time.Millisecond)
	_, err := client(t, url, "").Run(t.Context(), apitest.RunID(1))
	require.NoError(t, err)
	_, err = grpcClient(t, url).GetRun(t.Context(), connect.NewRequest(&messages.GetRunRequest{RunId: apitest.RunID(1)}))
	require.NoError(t, err, "gRPC does not say how long a request is")
	leave <- struct{}{}
	require.Equal(t, http.StatusOK, <-done)
	<-entered
	leave <- struct{}{}
	require.Equal(t, http.StatusOK, <-done)
}

func TestARequestThatDoesNotSayHowLargeItIsCountsAsTheLargest(t *testing.T) {
	t.Parallel()
	entered, leave := make(chan struct{}), make(chan struct{})
	b := &apitest.Backend{OnSubmit: func(api.Submission) ([]*messages.SubmittedRun, error) {
		entered <- struct{}{}
		<-leave
		return []*messages.SubmittedRun{{RunId: apitest.RunID(1)}}, nil
	}}
	intake := api.IntakeOf(8*mib, 1, time.Minute)
	url := serve(t, b, api.Config{Intake: intake})
	tr := &http.Transport{}
	defer tr.CloseIdleConnections()
	for name, submit := range map[string]func() error{
		"in pieces": func() error {
			status, _, err := postLarge(t.Context(), &http.Client{Transport: tr}, url, 1, largeFile(), -1)
			if err == nil && status != http.StatusOK {
				err = fmt.Errorf("status %d", status)
			}
			return err
		},
		"compressed": func() error {
			status, _ := post(t, url, "SubmitRuns", gzipped(t, `{"file_name":"a.yml","workflow":"`+helloBase64+`"}`),
				"Content-Encoding", "gzip")
			if status != http.StatusOK {
				return fmt.Errorf("status %d", status)
			}
			return nil
		},
	} {
		done := make(chan error, 1)
		go func() { done <- submit() }()
		<-entered
		assert.EqualValues(t, api.MaxRequestBytes, intake.Memory().InUse, name)
		leave <- struct{}{}
		require.NoError(t, <-done, name)
		assert.Zero(t, intake.Memory().InUse, name)
	}
}

func TestTheSameFileIsDecodedOnceHoweverManyAskAtOnce(t *testing.T) {
	t.Parallel()
	b := new(apitest.Backend)
	intake := api.IntakeOf(64*mib, 1, time.Minute)
	url := serve(t, b, api.Config{Intake: intake})
	c := client(t, url, "")
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			_, err := c.Submit(t.Context(), submitHello("key"))
			assert.NoError(t, err)
		})
	}
	all.Wait()
	subs := b.Submissions()
	require.Len(t, subs, 50)
	for _, s := range subs {
		assert.Same(t, subs[0].Plan, s.Plan)
	}
}

func TestAFileThatNobodyHadTimeToDecodeIsNotRemembered(t *testing.T) {
	t.Parallel()
	intake := api.IntakeOf(64*mib, 1, 50*time.Millisecond)
	url := serve(t, new(apitest.Backend), api.Config{Intake: intake})
	release := api.Occupy(intake)
	c := client(t, url, "")
	_, err := c.Submit(t.Context(), submitHello(""))
	assert.Equal(t, connect.CodeResourceExhausted, connect.CodeOf(err))
	assert.Positive(t, api.RetryAfter(err))
	release()
	_, err = c.Submit(t.Context(), submitHello(""))
	require.NoError(t, err)
}

// helloBase64 is hello, as JSON has bytes.
var helloBase64 = base64.StdEncoding.EncodeToString([]byte(hello))

func gzipped(t testing.TB, text string) string {
	t.Helper()
	var b strings.Builder
	w := gzip.NewWriter(&b)
	_, err := w.Write([]byte(text))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.String()
}
