package loadtest

import (
	"context"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// alarm waits for a moment to within some ten microseconds. The timers of an idle
// Go program are late by up to a millisecond on Linux, which would count as the
// server's latency; a timerfd is not.
type alarm struct{ file *os.File }

func newAlarm() (*alarm, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("timerfd_create", err)
	}
	return &alarm{os.NewFile(uintptr(fd), "timerfd")}, nil
}

func (a *alarm) close() { _ = a.file.Close() }

// wait waits for d and reports whether ctx allowed it.
func (a *alarm) wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 || ctx.Err() != nil {
		return ctx.Err() == nil
	}
	raw, err := a.file.SyscallConn()
	if err != nil {
		return false
	}
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(d))}
	failed := error(nil)
	if err := raw.Control(func(fd uintptr) { failed = unix.TimerfdSettime(int(fd), 0, &spec, nil) }); err != nil {
		return false
	}
	if failed != nil {
		return false
	}
	stop := context.AfterFunc(ctx, func() { _ = a.file.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	var expirations [8]byte
	_, err = a.file.Read(expirations[:])
	return err == nil
}
