package natsjs

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/nats-io/nats.go"
)

// discoverSubject is where the worker of that ID asks for the coordinator node
// that workers join. It lies under what a worker may publish.
func discoverSubject(worker string) string { return "up." + worker + ".discover" }

// ServeDiscovery answers workers that look for a coordinator node with address,
// until the returned function is called.
func ServeDiscovery(conn *nats.Conn, address string) (stop func() error, err error) {
	sub, err := conn.Subscribe(discoverSubject("*"), func(m *nats.Msg) {
		worker, _, _ := strings.Cut(strings.TrimPrefix(m.Subject, "up."), ".")
		// NATS lets a sender name any reply subject: answer only where that worker
		// itself listens.
		if !strings.HasPrefix(m.Reply, inboxPrefix(worker)+".") {
			return
		}
		_ = conn.Publish(m.Reply, []byte(address)) // lost answers are asked for again
	})
	if err != nil {
		return nil, fmt.Errorf("natsjs: serve discovery: %w", err)
	}
	return sub.Unsubscribe, nil
}

// Discover returns the address of the coordinator node that the worker of that
// ID may join. The connection must have been made with WorkerInbox.
func Discover(ctx context.Context, conn *nats.Conn, worker string) (string, error) {
	m, err := conn.RequestWithContext(ctx, discoverSubject(worker), nil)
	if errors.Is(err, nats.ErrReconnectBufExceeded) { // nothing is buffered, so it says no more than that
		return "", notConnected(conn)
	}
	if err != nil {
		return "", fmt.Errorf("natsjs: no coordinator node answers: %w", err)
	}
	return string(m.Data), nil
}

// notConnected says why conn has no connection, as far as is known.
func notConnected(conn *nats.Conn) error {
	if cause := conn.LastError(); cause != nil {
		return fmt.Errorf("natsjs: not connected to a server: %w", cause)
	}
	return errors.New("natsjs: not connected to a server")
}

// WorkerInbox is the prefix of the inboxes that a worker of that ID listens on,
// for DialConfig.InboxPrefix.
func WorkerInbox(worker string) string { return inboxPrefix(worker) }

func inboxPrefix(worker string) string { return "_INBOX." + worker }
