package natsjs

import (
	"context"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// removeWithin bounds the removal of a consumer whose reader has ended.
const removeWithin = 5 * time.Second

// remove has the server forget the consumer of a reader that has ended, with the
// goroutines and the memory it has for it: by itself it would keep them for five
// minutes more.
func remove(ctx context.Context, stream jetstream.Stream, consumer jetstream.Consumer) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removeWithin)
	defer cancel()
	if info := consumer.CachedInfo(); info != nil {
		_ = stream.DeleteConsumer(ctx, info.Name) // an error means five minutes
	}
}
