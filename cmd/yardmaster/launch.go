package main

import (
	"context"
	"errors"

	"yardmaster/domain/project"
)

// runningNode is a coordinator node in this process.
type runningNode interface {
	// APIURL is where its API answers.
	APIURL() string
	// Done gives the error that ended it, if it fails.
	Done() <-chan error
	// SetProjects changes what projects may have.
	SetProjects(ctx context.Context, set project.Set) error
	Stop(ctx context.Context) error
}

// runningWorker is a worker in this process.
type runningWorker interface {
	// Done gives the error that ended it, if it fails.
	Done() <-chan error
	// Drain takes no more attempts and waits for those it has.
	Drain(ctx context.Context) error
	Stop(ctx context.Context) error
}

// launcher starts the parts of Yardmaster. Tests put their own in its place.
type launcher struct {
	node func(ctx context.Context, cfg nodeConfig) (runningNode, error)
	// worker connects in process when beside is not nil.
	worker func(ctx context.Context, cfg workerConfig, beside runningNode) (runningWorker, error)
}

func systemLauncher() launcher {
	return launcher{
		node: func(ctx context.Context, cfg nodeConfig) (runningNode, error) {
			n, err := startNode(ctx, cfg)
			if err != nil {
				return nil, err // not n: a nil *node is not a nil runningNode
			}
			return n, nil
		},
		worker: func(ctx context.Context, cfg workerConfig, beside runningNode) (runningWorker, error) {
			if beside != nil {
				n, ok := beside.(*node)
				if !ok {
					return nil, errors.New("yardmaster: not a node of this process")
				}
				cfg.Node = n
			}
			w, err := startWorker(ctx, cfg)
			if err != nil {
				return nil, err
			}
			return w, nil
		},
	}
}
