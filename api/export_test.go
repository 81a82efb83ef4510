package api

import (
	"context"
	"time"

	"connectrpc.com/connect"

	"yardmaster/domain/problem"
)

// IntakeOf returns an intake of a size.
func IntakeOf(memory int64, decoders int, patience time.Duration) *Intake {
	return newIntake(memory, decoders, patience)
}

// Quota is a quota for tests.
type Quota struct{ q quota }

// NewQuota returns a quota of a size for which so many may wait.
func NewQuota(size int64, most int, patience time.Duration) *Quota {
	return &Quota{quota{what: "room", size: size, most: most, patience: patience}}
}

// Take is quota.take.
func (q *Quota) Take(ctx context.Context, n int64) (func(), error) { return q.q.take(ctx, n) }

// Use is quota.use.
func (q *Quota) Use() PoolUse { return q.q.use() }

// Occupy keeps every decoder of an intake busy.
func Occupy(i *Intake) (release func()) {
	giveBack, err := i.decoders.take(context.Background(), i.decoders.size)
	if err != nil {
		panic(err)
	}
	return giveBack
}

// Call is call, with a call of its own.
func Call(ctx context.Context, c *Client, do func(context.Context) error) error {
	_, err := call(ctx, c, func(ctx context.Context, _ *connect.Request[struct{}]) (*connect.Response[struct{}], error) {
		return connect.NewResponse(&struct{}{}), do(ctx)
	}, &struct{}{})
	return err
}

// ProblemError is what a caller is told of a problem.
func ProblemError(p *problem.Problem) error { return problemError(p) }
