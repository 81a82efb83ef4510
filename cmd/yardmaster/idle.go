package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"yardmaster/actors"
	"yardmaster/domain/plan"
	"yardmaster/observe"
	"yardmaster/worker"
	"yardmaster/worker/capability"
)

// idleStop bounds the end of a worker that has nothing to end.
const idleStop = 5 * time.Second

// joinIdle returns what connects a worker of the load test: one like any other to the
// server, but so light that a thousand of them fit into one process, since none of
// them is given a job.
func joinIdle() func(ctx context.Context, server, id string) (stop func(context.Context) error, err error) {
	metrics, found := observe.NewWorker(), capability.Machine()
	log := slog.New(slog.DiscardHandler)
	return func(ctx context.Context, server, id string) (func(context.Context) error, error) {
		cfg, w := workerConfig{ID: id, Server: server}, &workerNode{}
		stop := func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, idleStop)
			defer cancel()
			return w.Stop(ctx)
		}
		conn, err := dialWorker(ctx, cfg, metrics, make(chan struct{}, 1))
		if err != nil {
			return nil, err
		}
		w.later(func(context.Context) error { conn.Close(); return nil })
		err = w.join(conn, metrics, actors.WorkerConfig{
			Log: log, ID: id, Labels: []string{"loadtest-idle"}, Found: found.Labels, Resources: found.Resources, Slots: 1,
			Executor: worker.Executors{plan.ExecutorNoop: worker.Noop{}},
		})
		if err != nil {
			return nil, errors.Join(err, stop(ctx))
		}
		return stop, nil
	}
}
