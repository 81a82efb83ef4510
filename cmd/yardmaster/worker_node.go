package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"yardmaster/actors"
	"yardmaster/cluster/bridge"
	"yardmaster/cluster/natsjs"
	"yardmaster/domain/plan"
	"yardmaster/observe"
	"yardmaster/supervisor"
	"yardmaster/worker"
	"yardmaster/worker/action"
	"yardmaster/worker/capability"
	"yardmaster/worker/machine"
	"yardmaster/worker/shim"
)

// workerClient begins the name under which a worker connects to NATS.
const workerClient = "worker "

// workerNode is a worker in this process.
type workerNode struct {
	actors  *actors.WorkerNode
	closers []func(context.Context) error
}

// shimMain runs the process beside the steps of an attempt, or one that is a step's
// action, when args ask for it.
func shimMain(args []string) (code int, isShim bool) {
	switch {
	case shim.Wanted(args):
		return shim.Run(), true
	case action.Wanted(args):
		return action.Run(), true
	}
	return 0, false
}

// startWorker starts a worker. It returns before a coordinator node has welcomed
// it: that may take as long as it takes.
func startWorker(ctx context.Context, cfg workerConfig) (*workerNode, error) {
	w := &workerNode{}
	if err := w.start(ctx, cfg); err != nil {
		stopping, cancel := context.WithTimeout(context.Background(), cfg.DrainTimeout)
		defer cancel()
		return nil, errors.Join(err, w.Stop(stopping))
	}
	return w, nil
}

func (w *workerNode) later(stop func(context.Context) error) { w.closers = append(w.closers, stop) }

func (w *workerNode) start(ctx context.Context, cfg workerConfig) error {
	executor, err := worker.New(worker.Config{
		WorkDir: cfg.WorkDir, Grace: cfg.Grace, LogCap: cfg.LogCap, Environ: os.Environ(),
		KeepWorkspaces: cfg.KeepWorkspaces, Logger: cfg.Logger,
	})
	if err != nil {
		return err
	}
	w.later(func(context.Context) error { return executor.Close() })
	metrics := observe.NewWorker()
	back := make(chan struct{}, 1)
	conn, err := dialWorker(ctx, cfg, metrics, back)
	if err != nil {
		return err
	}
	w.later(func(context.Context) error { conn.Close(); return nil })
	can := capabilities(ctx, cfg, executor.ToolCache())
	err = w.join(conn, metrics, actors.WorkerConfig{
		Log: cfg.Logger, ID: cfg.ID, Labels: cfg.Labels, Found: can.Labels, Resources: can.Resources, Pool: cfg.Pool,
		Slots: cfg.Slots, SlotsMin: cfg.SlotsMin, SlotsMax: cfg.SlotsMax, Machine: machine.This(),
		Executor: worker.Executors{plan.ExecutorProcess: executor, plan.ExecutorNoop: worker.Noop{}},
	})
	if err != nil {
		return err
	}
	metrics.Watch(w.actors.Size)
	w.followConnection(back)
	return w.serveMetrics(ctx, cfg, metrics)
}

// join starts the actors of a worker, behind a bridge to the coordinator nodes over
// conn. c says what the worker is.
func (w *workerNode) join(conn *nats.Conn, metrics *observe.Worker, c actors.WorkerConfig) error {
	c.Version, c.Incarnation = readBuildInfo().Version, bridge.NewEpoch(bridge.Worker, time.Now())
	c.System = bridge.NewSystem(c.ID, c.Incarnation, c.Log)
	w.later(func(context.Context) error { c.System.Shutdown(); return nil })
	pool := supervisor.NewPool()
	w.later(func(context.Context) error { pool.Close(); return nil })
	c.Discover = func(ctx context.Context) (string, error) { return natsjs.Discover(ctx, conn, c.ID) }
	c.Hooks, c.Dispatcher = metrics.Supervision(), pool
	w.actors = actors.NewWorkerNode(c)
	b, err := bridge.Start(c.System, natsjs.NewTransport(conn, c.System.Address(), c.ID), bridge.Config{
		NodeID: c.ID, Role: bridge.Worker, Hooks: metrics.Bridge(),
		Kinds: []bridge.Kind{{Name: actors.AttemptKind, Spawn: w.actors.SpawnAttempt}},
	})
	if err != nil {
		return err
	}
	w.later(func(ctx context.Context) error { return ignoreDisconnected(b.Close(ctx)) })
	if err := b.Listen(); err != nil {
		return err
	}
	w.later(w.actors.Stop)
	return w.actors.Start()
}

// capabilities returns what the worker offers beside the labels it was given. A
// worker of yardmaster run stands in for whatever its jobs demand, so it only looks
// at what costs nothing: nobody waits for tools to tell their versions.
func capabilities(ctx context.Context, cfg workerConfig, toolCache string) capability.Found {
	begun, can := time.Now(), capability.Machine()
	switch {
	case cfg.NoProbe:
		can.Labels = nil
	case cfg.Node == nil:
		can = capability.Discover(ctx, os.Environ(), toolCache)
	}
	if cfg.Resources.CPU > 0 {
		can.Resources.CPU = cfg.Resources.CPU
	}
	if cfg.Resources.Memory > 0 {
		can.Resources.Memory = cfg.Resources.Memory
	}
	cfg.Logger.Info("capabilities found", slog.String("labels", strings.Join(can.Labels, ",")),
		slog.String("resources", can.Resources.String()), slog.Duration("took", time.Since(begun)))
	return can
}

// dialWorker connects to the server, or to the node in the same process. back
// gets a token whenever the connection is there again.
func dialWorker(ctx context.Context, cfg workerConfig, metrics *observe.Worker, back chan struct{},
) (*nats.Conn, error) {
	dial := natsjs.DialConfig{
		Name: workerClient + cfg.ID, InboxPrefix: natsjs.WorkerInbox(cfg.ID), KeepTrying: true,
		Changes: func(change natsjs.Change, err error) {
			metrics.Connectivity(change, err)
			if change == natsjs.Reconnected || change == natsjs.Connected {
				select {
				case back <- struct{}{}:
				default:
				}
			}
		},
	}
	if cfg.Node != nil {
		return cfg.Node.server.Connect(ctx, dial)
	}
	return natsjs.Dial(ctx, cfg.Server, dial)
}

// followConnection has the worker announce itself when it is connected again.
func (w *workerNode) followConnection(back <-chan struct{}) {
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() { // ends with the worker
		defer close(ended)
		for {
			select {
			case <-stop:
				return
			case <-back:
				w.actors.Reconnected()
			}
		}
	}()
	w.later(func(context.Context) error { close(stop); <-ended; return nil })
}

func (w *workerNode) serveMetrics(ctx context.Context, cfg workerConfig, metrics *observe.Worker) error {
	if cfg.MetricsListen == "" {
		return nil
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", cfg.MetricsListen)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", metrics.Handler())
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 30 * time.Second}
	go func() { _ = server.Serve(listener) }() // ends with Shutdown
	cfg.Logger.Info("metrics served", slog.String("url", "http://"+listener.Addr().String()))
	w.later(server.Shutdown)
	return nil
}

// ignoreDisconnected forgives a worker that its last words were not heard: when
// the server is gone too there is nobody to hear them.
func ignoreDisconnected(err error) error {
	// A flush that waits while the connection is tried anew in vain ends with
	// ErrConnectionClosed, although the connection is closed only afterwards.
	if errors.Is(err, nats.ErrDisconnected) || errors.Is(err, nats.ErrConnectionClosed) {
		return nil
	}
	return err
}

// Done gives the error that ended it, if it fails.
func (w *workerNode) Done() <-chan error { return w.actors.Failed() }

// Drain takes no more attempts and waits for those it has.
func (w *workerNode) Drain(ctx context.Context) error { return w.actors.Drain(ctx) }

// Stop stops it, and every attempt that it still has.
func (w *workerNode) Stop(ctx context.Context) error {
	var errs []error
	for i := len(w.closers) - 1; i >= 0; i-- {
		errs = append(errs, w.closers[i](ctx))
	}
	w.closers = nil
	return errors.Join(errs...)
}
