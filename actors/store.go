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
// partition, and reports false: nobody may hear of the change.
func (e *jobEnv) store(ctx actor.Context, events ...[]byte) bool {
	err := e.journal.Append(events...)
	for n := 1; errors.Is(err, ErrOverloaded) && n < storeTries; n++ {
		<-time.After(retry.Backoff(storeFirst, 2, storeCap, n, rand.Float64()))
		err = e.journal.Append(events...)
	}
	if err == nil {
		return true
	}
	ctx.Send(e.owner, journalLost{e.journal})
	return false
}
