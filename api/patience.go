package api

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"
)

const (
	// writeTimeout is how long a client may take nothing at all of an answer.
	writeTimeout = 30 * time.Second
	// streamPatience is the same of a stream. Whoever follows a log may read as slowly
	// as he likes: a byte a second fills a packet in less than half an hour, and before
	// that the network shows no difference to a reader that has stopped.
	streamPatience = time.Hour
	// looks is how often within the time it is seen whether anything was taken.
	looks = 8
	// pieceBytes is how much of an answer over HTTP/2 has a deadline of its own.
	pieceBytes = 4 << 10
)

// patientListener accepts connections that give their clients time.
type patientListener struct{ net.Listener }

// Accept implements net.Listener.
func (l patientListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	p := &patientConn{Conn: c}
	p.patience.Store(int64(writeTimeout))
	return p, nil
}

// patientConn is a connection that is given up when its client has taken nothing
// for a while. What takes long, and goes on, is not: a deadline for a whole write
// would end every slow reader.
type patientConn struct {
	net.Conn
	patience atomic.Int64
	armed    time.Time // by Write, which is called by one at a time
	within   time.Duration
}

// Write implements net.Conn. It looks a few times within the patience whether
// anything was taken, and begins anew when it was.
func (c *patientConn) Write(p []byte) (n int, err error) {
	for idle := 0; ; {
		c.arm()
		k, err := c.Conn.Write(p[n:])
		n += k
		if n == len(p) || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
		if idle++; k > 0 {
			idle = 0
		}
		if idle == looks {
			return n, err
		}
		c.armed = time.Time{}
	}
}

// arm sets the deadline of a look, unless it was set just now: that costs more than
// writing a few bytes.
func (c *patientConn) arm() {
	within := time.Duration(c.patience.Load()) / looks
	if now := time.Now(); within != c.within || now.Sub(c.armed) > within/2 {
		c.armed, c.within = now, within
		_ = c.Conn.SetWriteDeadline(now.Add(within)) // a connection without deadlines is one of a test
	}
}

// SetWriteDeadline does nothing: Write sets its own.
func (c *patientConn) SetWriteDeadline(time.Time) error { return nil }

// SetDeadline sets the one for reading.
func (c *patientConn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

// CloseWrite ends one direction, where the connection can: the server does so behind
// an answer for a client that is still sending.
func (c *patientConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

type connKey struct{}

// withConn lets a handler find the connection of its request.
func withConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// patient gives the client of a request its time, and returns the writer to answer
// with. Over HTTP/1 the connection is the request's own; over HTTP/2 it is shared,
// and each stream has deadlines of its own.
func patient(w http.ResponseWriter, r *http.Request, patience time.Duration) (writer http.ResponseWriter, end func()) {
	if r.ProtoMajor >= 2 {
		return &patientWriter{ResponseWriter: w, control: http.NewResponseController(w), patience: patience}, func() {}
	}
	c, ok := r.Context().Value(connKey{}).(*patientConn)
	if !ok {
		return w, func() {}
	}
	c.patience.Store(int64(patience))
	return w, func() { c.patience.Store(int64(writeTimeout)) }
}

// patientWriter gives every piece of an answer a deadline of its own.
type patientWriter struct {
	http.ResponseWriter
	control  *http.ResponseController
	patience time.Duration
	armed    time.Time
}

// Write implements http.ResponseWriter.
func (w *patientWriter) Write(p []byte) (n int, err error) {
	for err == nil {
		if now := time.Now(); now.Sub(w.armed) > w.patience/looks {
			w.armed = now
			_ = w.control.SetWriteDeadline(now.Add(w.patience))
		}
		var k int
		k, err = w.ResponseWriter.Write(p[n:min(len(p), n+pieceBytes)])
		if n += k; n == len(p) {
			break
		}
	}
	return n, err
}

// Flush implements http.Flusher.
func (w *patientWriter) Flush() { _ = w.control.Flush() }

// Unwrap lets http.ResponseController find the writer below.
func (w *patientWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
