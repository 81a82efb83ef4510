package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// stopUnheard makes it a wish to stop when nobody reads the output any more. By
// default that ends the process on the spot, with all that it should clean up.
// The caller calls release when it has done so.
func (a *app) stopUnheard() (release func()) {
	orderly, stop := context.WithCancel(a.stops.orderly)
	a.stops.orderly, a.out = orderly, &heard{a.out, stop}
	broken := make(chan os.Signal, 1) // not received from: it tells of any pipe or connection
	signal.Notify(broken, syscall.SIGPIPE)
	return func() {
		signal.Stop(broken)
		stop()
	}
}

// heard is an output that tells when its reader has gone.
type heard struct {
	io.Writer
	gone func()
}

// Write implements io.Writer.
func (h *heard) Write(p []byte) (int, error) {
	n, err := h.Writer.Write(p)
	if errors.Is(err, syscall.EPIPE) {
		h.gone()
	}
	return n, err
}
