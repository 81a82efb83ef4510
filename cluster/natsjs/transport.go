package natsjs

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// Limits of what waits to be handled, per subscription. Beyond them the client
// drops frames and reports nats.ErrSlowConsumer.
const (
	maxPendingFrames     = 1 << 16
	maxPendingFrameBytes = 128 << 20
)

// frameFlushDeadline is how long a flush may take, if its context allows.
const frameFlushDeadline = 10 * time.Second

// usualMaxFrame is what a server accepts unless told otherwise, in bytes.
const usualMaxFrame = 1 << 20

// Transport carries frames between the actors' bridges of two nodes over core
// NATS. A node's address, "<node ID>.<epoch>", is one token of a subject with ~
// instead of the dot:
//
//	ym.node.<address>            to a coordinator node, from another
//	up.<worker ID>.<address>     to a coordinator node, from a worker
//	wk.<worker ID>.<address>     to a worker
//
// The server lets a worker publish on up.<its ID>.> only, so the ID in the
// subject is the one it has shown credentials for.
type Transport struct {
	conn    *nats.Conn
	address string
	worker  string
}

// NewTransport returns the transport of the node at address; worker is its
// worker ID, empty for a coordinator node. The connection stays the caller's. It
// needs nats.ReconnectBufSize(-1): otherwise the client itself keeps frames
// while it is disconnected, and sends them however late.
func NewTransport(conn *nats.Conn, address, worker string) *Transport {
	return &Transport{conn: conn, address: address, worker: worker}
}

func frameAddressToken(address string) string { return strings.Replace(address, ".", "~", 1) }

// FrameSubject returns the subject that frames take to the node at address: one
// of to and from is a worker ID, if that side is a worker, and the other empty.
func FrameSubject(from, to, address string) string {
	switch {
	case to != "":
		return "wk." + to + "." + frameAddressToken(address)
	case from != "":
		return "up." + from + "." + frameAddressToken(address)
	default:
		return "ym.node." + frameAddressToken(address)
	}
}

// frameNotNow is the error of a frame that may be sent again.
type frameNotNow struct{ error }

// Temporary says that nothing was sent, and the same frame may go later.
func (frameNotNow) Temporary() bool { return true }

// Unwrap returns the client's error.
func (e frameNotNow) Unwrap() error { return e.error }

// Send publishes a frame for the node at address; worker is its worker ID, empty
// for a coordinator node. It does not keep frame. While the client reconnects
// the error has a method Temporary that answers true.
func (t *Transport) Send(worker, address string, frame []byte) error {
	err := t.conn.Publish(FrameSubject(t.worker, worker, address), frame)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, nats.ErrReconnectBufExceeded), errors.Is(err, nats.ErrConnectionReconnecting):
		return frameNotNow{fmt.Errorf("natsjs: send frame: %w", err)}
	default:
		return fmt.Errorf("natsjs: send frame: %w", err)
	}
}

// Listen subscribes to the frames for this node. receive gets the ID of the
// worker that sent a frame, empty for a coordinator node. When stop returns
// nothing more is received by the connection, though a last receive may be
// running.
func (t *Transport) Listen(receive func(worker string, frame []byte)) (stop func() error, err error) {
	subjects := []string{FrameSubject("", t.worker, t.address)}
	if t.worker == "" {
		subjects = append(subjects, FrameSubject("*", "", t.address))
	}
	var subscriptions []*nats.Subscription
	stop = func() error {
		var faults []error
		for _, s := range subscriptions {
			if err := s.Unsubscribe(); err != nil && !errors.Is(err, nats.ErrConnectionClosed) {
				faults = append(faults, fmt.Errorf("natsjs: stop listening: %w", err))
			}
		}
		return errors.Join(faults...)
	}
	for _, subject := range subjects {
		s, err := t.conn.Subscribe(subject, func(m *nats.Msg) { receive(frameSendingWorker(m.Subject), m.Data) })
		if err != nil {
			return nil, errors.Join(fmt.Errorf("natsjs: listen on %s: %w", subject, err), stop())
		}
		subscriptions = append(subscriptions, s)
		if err := s.SetPendingLimits(maxPendingFrames, maxPendingFrameBytes); err != nil {
			return nil, errors.Join(fmt.Errorf("natsjs: limit %s: %w", subject, err), stop())
		}
	}
	return stop, nil
}

// frameSendingWorker returns the worker ID of a subject up.<worker ID>.<address>, of
// another subject "".
func frameSendingWorker(subject string) string {
	rest, up := strings.CutPrefix(subject, "up.")
	if !up {
		return ""
	}
	worker, _, _ := strings.Cut(rest, ".")
	return worker
}

// Flush waits until the server has what was sent. Without a connection there is
// nothing to wait for, and it returns the reason. It gives up after 10 s.
func (t *Transport) Flush(ctx context.Context) error {
	if !t.conn.IsConnected() {
		return fmt.Errorf("natsjs: flush: %w", nats.ErrDisconnected)
	}
	ctx, cancel := context.WithTimeout(ctx, frameFlushDeadline) // the client insists on a deadline
	defer cancel()
	if err := t.conn.FlushWithContext(ctx); err != nil {
		return fmt.Errorf("natsjs: flush: %w", err)
	}
	return nil
}

// MaxFrame is the largest frame that the server takes, in bytes.
func (t *Transport) MaxFrame() int {
	if limit := t.conn.MaxPayload(); limit > 0 {
		return int(limit)
	}
	return usualMaxFrame
}
