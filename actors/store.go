package actors

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"yardmaster/domain/retry"
)

// How an append that the journal has no room for is tried again. It gives way
// within seconds: the journal refuses only while tens of thousands wait.
const (
	storeTries = 20
	storeFirst = 10 * time.Millisecond
	storeCap   = time.Second
)

// journalLost tells a partition that its journal answers no more.
type journalLost struct{ journal Journal }

// store appends events for an actor of a partition, and waits while the journal
// has no room. When the journal is lost it tells the owner, who replays the
// partition, and reports false: nobody may hear of the change. What can never be
// stored is a defect of the actor: it panics, and is quarantined in the end.
func (e *jobEnv) store(ctx actor.Context, events ...[]byte) bool {
	switch err := appendPatiently(e.journal, events...); {
	case err == nil:
		return true
	case errors.Is(err, ErrTooLarge):
		panic(err)
	}
	ctx.Send(e.owner, journalLost{e.journal})
	return false
}

// appendPatiently appends, again and again while the journal has no room.
func appendPatiently(j Journal, events ...[]byte) error {
	err := j.Append(events...)
	for n := 1; errors.Is(err, ErrOverloaded) && n < storeTries; n++ {
		<-time.After(retry.Backoff(storeFirst, 2, storeCap, n, rand.Float64()))
		err = j.Append(events...)
	}
	return err
}
