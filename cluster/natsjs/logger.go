package natsjs

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
)

// logger hands the server's log to slog. A fatal message does not end the
// process: it is kept, and told to the owner once.
type logger struct {
	log   *slog.Logger
	fatal func(error)

	mu  sync.Mutex
	err error
}

func (l *logger) Noticef(format string, args ...any) { l.log.Debug("nats server", said(format, args)) }

func (l *logger) Debugf(format string, args ...any) { l.log.Debug("nats server", said(format, args)) }

func (l *logger) Tracef(format string, args ...any) { l.log.Debug("nats server", said(format, args)) }

// plainWords is what the server says of the passwords that it is given, which are
// made anew at each start and never leave the process.
const plainWords = "Plaintext passwords detected"

func (l *logger) Warnf(format string, args ...any) {
	if strings.HasPrefix(format, plainWords) {
		return
	}
	l.log.Warn("nats server", said(format, args))
}

// What the server says when it writes no more until it is started again, because
// its disk is full or has failed.
const (
	disabled   = "will be DISABLED"
	writeError = "ritical write error"
)

func (l *logger) Errorf(format string, args ...any) {
	if strings.Contains(format, disabled) || strings.Contains(format, writeError) {
		l.Fatalf(format+"; make room on the disk of the data directory, or mend it, and start again", args...)
		return
	}
	l.log.Error("nats server", said(format, args))
}

func (l *logger) Fatalf(format string, args ...any) {
	err := errors.New("natsjs: server: " + fmt.Sprintf(format, args...))
	l.log.Error("nats server cannot go on", said(format, args))
	l.mu.Lock()
	first := l.err == nil
	if first {
		l.err = err
	}
	l.mu.Unlock()
	if first && l.fatal != nil {
		l.fatal(err)
	}
}

func (l *logger) failure() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

func said(format string, args []any) slog.Attr {
	return slog.String("said", fmt.Sprintf(format, args...))
}
