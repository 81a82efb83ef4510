// Command yardmaster is the whole of Yardmaster in one program: the coordinator
// node, the worker, and what users type. This package reads flags, wires parts
// together and shows what the API answers; it decides nothing.
//
// Exit codes: 0 success; 1 the workflow failed, or lint found faults in it; 2 wrong
// usage or bad input; 3 the server could not be reached or could not answer; 130
// cancelled.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// How long a program that was told twice to stop may take: to kill and to remove
// what it has, and in all.
const (
	lastActs  = 2 * time.Second
	lastWords = 3 * time.Second
)

func main() {
	if code, isShim := shimMain(os.Args); isShim {
		os.Exit(code)
	}
	tuneGC(os.Getenv)
	stops, release := listenForStops()
	code := execute(stops, os.Args[1:], systemStreams())
	release()
	os.Exit(code)
}

// stops are the user's wishes to stop: the first asks for an orderly end, the
// second for one at once. By last, even killing and removing must be done.
type stops struct {
	orderly, immediate, last context.Context //nolint:containedctx // the signals of a process
	hangups                  *hangups        // nil where none are listened for
}

// listenForStops turns SIGINT and SIGTERM into stops. Some time after the second
// one it ends the process, whatever it is doing. SIGHUP is a first stop only: when
// a terminal goes it comes more than once. Whoever ignores it, as nohup does, goes on,
// and a server has another use for it.
func listenForStops() (stops, func()) {
	orderly, stopOrderly := context.WithCancel(context.Background())
	immediate, stopImmediate := context.WithCancel(context.Background())
	last, stopLast := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	h := &hangups{signals: make(chan os.Signal, 1)}
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(h.signals, syscall.SIGHUP)
	}
	go func() {
		for goesOn := true; goesOn; {
			select {
			case <-signals:
				goesOn = false
			case <-h.signals:
				goesOn = h.used()
			}
		}
		stopOrderly()
		<-signals
		stopImmediate()
		time.AfterFunc(lastActs, stopLast)
		time.AfterFunc(lastWords, func() { os.Exit(exitCancelled) })
	}()
	return stops{orderly, immediate, last, h}, func() {
		signal.Stop(signals)
		signal.Stop(h.signals)
		stopOrderly()
		stopImmediate()
		stopLast()
	}
}
