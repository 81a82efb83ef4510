package actors

import (
	"context"
	"errors"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"yardmaster/domain/job"
	"yardmaster/domain/project"
)

// This file is how the limits of projects change while the node runs. Whoever goes by
// them is told, keeps them beyond its own crash, and says so.

// setProjectsTries is how often those are told that did not answer: a mailbox may be
// full for a while.
const setProjectsTries = 3

type (
	setProjects struct{ projects project.Set }
	projectsSet struct{}
)

// SetProjects changes what projects may have, and returns when that holds. After an
// error it may hold in part: it may be said again.
func (n *Node) SetProjects(ctx context.Context, set project.Set) error {
	var errs []error
	for _, to := range []*actor.PID{n.gateway, n.coordinator} {
		var err error
		for range setProjectsTries {
			if _, err = ask[projectsSet](ctx, n, to, setProjects{set}); err == nil || ctx.Err() != nil {
				break
			}
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// setProjects changes what projects may have. Jobs that wait change to the workers of
// another pool, if their project has one now.
func (c *Coordinator) setProjects(ctx actor.Context, m setProjects) {
	c.env.projects = m.projects
	for _, id := range c.yard.SetProjects(m.projects, time.Now()) {
		if c.jobs[id] != nil {
			c.tell(ctx, id, &failJob{
				cause: job.CauseExpired, reason: "its project has another pool now, and there are too many different demands",
			})
		}
	}
	c.place(ctx)
	ctx.Respond(projectsSet{})
}
