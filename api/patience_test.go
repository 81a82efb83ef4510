package api_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/api"
	"yardmaster/api/apitest"
	"yardmaster/messages"
	"yardmaster/messages/messagesconnect"
)

// pipes is a listener whose connections hold nothing between their ends: what is
// written has been read. It works in a bubble with a virtual clock.
type pipes struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), done: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case p.conns <- far:
		return near, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// followLog asks over HTTP/1.1 for a log, and returns the connection with the answer.
func (p *pipes) followLog(t testing.TB) net.Conn {
	t.Helper()
	c, err := p.dial(t.Context(), "", "")
	require.NoError(t, err)
	body := `{"run_id":"` + apitest.RunID(1) + `","follow":true}`
	frame := append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(body))), body...)
	req, err := http.NewRequest(http.MethodPost, "http://localhost/yardmaster.v1.YardmasterService/ReadLog",
		bytes.NewReader(frame))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/connect+json")
	require.NoError(t, req.Write(c))
	return c
}

// endlessLog is a backend whose log never ends, and tells when its follower is gone.
func endlessLog() (b *apitest.Backend, gone <-chan error) {
	ended := make(chan error, 4)
	data := make([]byte, 64<<10)
	_, _ = rand.NewChaCha8([32]byte{}).Read(data) // it cannot be compressed, and never fails
	part := &messages.ReadLogResponse{Parts: []*messages.LogPart{{Seq: 1, Data: data}}}
	return &apitest.Backend{OnLog: func(
		_ context.Context, _ *messages.ReadLogRequest, send func(*messages.ReadLogResponse) error,
	) (err error) {
		for err == nil {
			err = send(part)
		}
		ended <- err
		return err
	}}, ended
}

// inPipes serves b in a bubble.
func inPipes(t *testing.T, b api.Backend, test func(t *testing.T, p *pipes)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(context.Background())
		p, served := newPipes(), make(chan error, 1)
		handler := api.NewHandler(b, api.Config{Logger: slog.New(slog.DiscardHandler)})
		go func() { served <- api.Serve(ctx, p, handler) }()
		test(t, p)
		stop()
		require.NoError(t, <-served)
	})
}

func TestAFollowerMayReadAsSlowlyAsItLikesButNotStop(t *testing.T) {
	t.Parallel()
	b, gone := endlessLog()
	inPipes(t, b, func(t *testing.T, p *pipes) {
		c := p.followLog(t)
		defer c.Close()
		one := make([]byte, 1)
		for range 3 * 3600 { // three hours, a byte a second
			_, err := io.ReadFull(c, one)
			require.NoError(t, err)
			time.Sleep(time.Second)
		}
		require.Empty(t, gone)
		time.Sleep(50 * time.Minute) // a pause is no stop
		synctest.Wait()
		require.Empty(t, gone)
		time.Sleep(20 * time.Minute)
		synctest.Wait()
		require.Len(t, gone, 1)
	})
}

func TestWhoTakesNothingOfAnAnswerIsCutOffSoon(t *testing.T) {
	t.Parallel()
	b := new(apitest.Backend)
	b.Put(&messages.Run{RunId: apitest.RunID(1), Name: strings.Repeat("x", 1<<20)})
	inPipes(t, b, func(t *testing.T, p *pipes) {
		c, err := p.dial(t.Context(), "", "")
		require.NoError(t, err)
		defer c.Close()
		req, err := http.NewRequest(http.MethodPost, "http://localhost/yardmaster.v1.YardmasterService/GetRun",
			strings.NewReader(`{"run_id":"`+apitest.RunID(1)+`"}`))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/json")
		require.NoError(t, req.Write(c))
		one := make([]byte, 1)
		for range 100 {
			_, err := io.ReadFull(c, one)
			require.NoError(t, err)
			time.Sleep(time.Second)
		}
		time.Sleep(40 * time.Second)
		synctest.Wait()
		_, err = io.Copy(io.Discard, c)
		require.NoError(t, err) // what a pipe says when the other end is closed
		rest, err := c.Read(one)
		assert.Zero(t, rest)
		require.Error(t, err)
	})
}

func TestAFollowerOverHTTP2HasTheSamePatience(t *testing.T) {
	t.Parallel()
	b, gone := endlessLog()
	inPipes(t, b, func(t *testing.T, p *pipes) {
		var protocols http.Protocols
		protocols.SetUnencryptedHTTP2(true)
		tr := &http.Transport{Protocols: &protocols, DialContext: p.dial}
		defer tr.CloseIdleConnections()
		c := messagesconnect.NewYardmasterServiceClient(&http.Client{Transport: tr}, "http://localhost", connect.WithGRPC())
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		stream, err := c.ReadLog(ctx, connect.NewRequest(&messages.ReadLogRequest{RunId: apitest.RunID(1), Follow: true}))
		require.NoError(t, err)
		for range 100 { // 64 KiB every two minutes
			require.True(t, stream.Receive(), stream.Err())
			time.Sleep(2 * time.Minute)
		}
		require.Empty(t, gone)
		time.Sleep(65 * time.Minute)
		synctest.Wait()
		require.Len(t, gone, 1)
	})
}
