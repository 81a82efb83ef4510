package api

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	pingInterval  = 15 * time.Second // of silence on an HTTP/2 connection
	pingTimeout   = 15 * time.Second
	stopTimeout   = 5 * time.Second // for calls to end when the server stops
	maxHeader     = 32 << 10
	maxPerConn    = 250 // HTTP/2 calls at once on one connection
)

// errStopping is the cause of a stream's end when the server stops.
var errStopping = errors.New("api: the server is stopping")

type drainKey struct{}

// Serve answers on ln until ctx is done, then stops: streams end at once, other
// calls within 5 s, or they are cut off. It closes ln. It returns nil when it
// stopped because ctx was done, whoever was cut off.
func Serve(ctx context.Context, ln net.Listener, handler http.Handler) error {
	draining, drain := context.WithCancelCause(context.WithoutCancel(ctx))
	defer drain(errStopping)
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	srv := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		Protocols:         &protocols,
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: maxPerConn,
			SendPingTimeout:      pingInterval,
			PingTimeout:          pingTimeout,
			WriteByteTimeout:     writeTimeout,
		},
		BaseContext: func(net.Listener) context.Context {
			return context.WithValue(context.WithoutCancel(ctx), drainKey{}, draining)
		},
	}
	srv.ConnContext = withConn
	stopped := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(stopped)
		drain(errStopping)
		shutdown(context.WithoutCancel(ctx), srv)
	})
	err := srv.Serve(patientListener{ln})
	if stop() { // ctx is not done: serving failed by itself
		_ = srv.Close()
		return fmt.Errorf("api: serve %s: %w", ln.Addr(), err)
	}
	<-stopped
	return nil
}

func shutdown(ctx context.Context, srv *http.Server) {
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil {
		_ = srv.Close()
	}
}

// untilDrain returns a context for a stream: it ends with ctx, and with the
// cause errStopping when the server begins to stop.
func untilDrain(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := func() bool { return true }
	if draining, ok := ctx.Value(drainKey{}).(context.Context); ok {
		stop = context.AfterFunc(draining, func() { cancel(errStopping) })
	}
	return ctx, func() {
		stop()
		cancel(context.Canceled)
	}
}
