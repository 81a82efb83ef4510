package natsjs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	reconnectWait   = 250 * time.Millisecond
	reconnectJitter = 250 * time.Millisecond
	pingInterval    = 10 * time.Second
	pingsMissed     = 2
	defaultDial     = 5 * time.Second
)

// Change says what happened to a connection.
type Change uint8

// The changes of a connection.
const (
	Connected Change = iota
	Disconnected
	Reconnected
	Closed
	SlowConsumer // messages of a subscription were dropped
	Failed       // an asynchronous error: a refused publish, for one
)

// String names the change.
func (c Change) String() string {
	names := [...]string{"connected", "disconnected", "reconnected", "closed", "slow_consumer", "failed"}
	if int(c) < len(names) {
		return names[c]
	}
	return fmt.Sprintf("change(%d)", uint8(c))
}

// Connectivity is told of changes, one at a time and in order. It must not
// block. err is nil where there is nothing to add.
type Connectivity func(change Change, err error)

// DialConfig is how a connection is made and kept.
type DialConfig struct {
	Name        string       // of the client, as events tell it
	InboxPrefix string       // CustomInboxPrefix; default _INBOX
	Changes     Connectivity // may be nil
	// KeepTrying returns a connection at once and goes on in the background when
	// the server cannot be reached at first.
	KeepTrying bool
	Timeout    time.Duration // of one attempt to connect; 5 s
	Options    []nats.Option // credentials and TLS
}

// Dial connects to a NATS server or cluster and stays: it reconnects for ever,
// and what was published while there was no connection is refused, never sent
// late.
func Dial(ctx context.Context, url string, cfg DialConfig) (*nats.Conn, error) {
	return dial(ctx, url, cfg, cfg.Options...)
}

func dial(ctx context.Context, url string, cfg DialConfig, more ...nats.Option) (*nats.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("natsjs: connect: %w", err)
	}
	changes := cfg.Changes
	if changes == nil {
		changes = func(Change, error) {}
	}
	timeout := cfg.Timeout
	if timeout == 0 {
		timeout = defaultDial
	}
	if until, ok := ctx.Deadline(); ok {
		timeout = min(timeout, time.Until(until))
	}
	options := []nats.Option{
		nats.Name(cfg.Name), nats.MaxReconnects(-1), nats.ReconnectWait(reconnectWait),
		nats.ReconnectJitter(reconnectJitter, reconnectJitter), nats.PingInterval(pingInterval),
		nats.MaxPingsOutstanding(pingsMissed), nats.ReconnectBufSize(-1), nats.Timeout(timeout),
		nats.RetryOnFailedConnect(cfg.KeepTrying), nats.PermissionErrOnSubscribe(true),
		nats.ConnectHandler(func(*nats.Conn) { changes(Connected, nil) }),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { changes(Disconnected, err) }),
		nats.ReconnectHandler(func(*nats.Conn) { changes(Reconnected, nil) }),
		nats.ClosedHandler(func(nc *nats.Conn) { changes(Closed, nc.LastError()) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			if errors.Is(err, nats.ErrSlowConsumer) {
				changes(SlowConsumer, err)
				return
			}
			changes(Failed, err)
		}),
	}
	if cfg.InboxPrefix != "" {
		options = append(options, nats.CustomInboxPrefix(cfg.InboxPrefix))
	}
	nc, err := nats.Connect(url, append(options, more...)...)
	if err != nil {
		return nil, fmt.Errorf("natsjs: connect: %w", err)
	}
	return nc, nil
}
