package placement

import (
	"slices"
	"time"

	"yardmaster/domain/job"
	"yardmaster/domain/project"
	"yardmaster/domain/queue"
)

// SetProjects changes what projects may have, from now on. What holds a slot keeps
// it, also beyond a new limit. Jobs that wait for workers of another pool than their
// project has now, wait for those of the new one, in their old place. It returns those
// for which that makes one kind of demand too many: they do not wait any more.
func (y *Yard) SetProjects(set project.Set, now time.Time) (dropped []job.ID) {
	y.catchUp(now)
	y.config.Projects = set
	for id, s := range y.shares.all {
		if s == nil || s.limits == set.Of(s.name) {
			continue
		}
		moves := s.limits.Pool != set.Of(s.name).Pool
		s.limits = set.Of(s.name)
		s.pace = s.pace.become(paceOf(s.limits.StartsPerSecond), now)
		y.settle(int32(id))
		switch {
		case s.jobs == 0 && s.pace.every == 0:
			y.dropShare(int32(id))
		case moves:
			for _, l := range slices.Clone(s.lanes) {
				dropped = append(dropped, y.movePool(l, s.limits.Pool)...)
			}
		}
	}
	return dropped
}

// movePool has the waiting jobs of a lane wait for workers of a pool.
func (y *Yard) movePool(l int32, pool string) (dropped []job.ID) {
	of := *y.lanes.at(l)
	d := y.demands.all[of.demand]
	if d.pool == pool {
		return nil
	}
	r := Request{Labels: d.labels, Pool: pool, Resources: d.need, Project: y.shares.all[of.share].name}
	for n := y.queue.LenOf(queue.ClassID(l)); n > 0; n-- {
		e, _ := y.queue.Head(queue.ClassID(l))
		to, err := y.laneFor(&r)
		if err != nil {
			y.Remove(e.Job)
			dropped = append(dropped, e.Job)
			continue
		}
		y.count(to, 1)
		_, avoid, _ := y.dequeue(e.Job)
		y.count(l, -1)
		e.Class = queue.ClassID(to)
		y.enqueue(e, avoid)
	}
	return dropped
}

// become returns another pace that goes on from where p is: at most as far ahead as one
// that has just started as many as it may.
func (p pace) become(next pace, now time.Time) pace {
	if next.every == 0 {
		return pace{}
	}
	next.next = p.next
	if most := now.Add(next.slack + next.every); next.next.After(most) {
		next.next = most
	}
	return next
}
