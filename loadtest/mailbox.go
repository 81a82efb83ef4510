package loadtest

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"yardmaster/supervisor"
)

// Mailbox sends messages between actors of this process.
type Mailbox struct {
	Messages int // in each round
	Rounds   int
}

// Name implements Scenario.
func (Mailbox) Name() string { return "mailbox" }

// Question implements Scenario.
func (Mailbox) Question() string { return "How many messages a second go through a mailbox?" }

// Params implements Scenario.
func (s Mailbox) Params() []Param {
	return []Param{param("messages", s.Messages), param("rounds", s.Rounds)}
}

// Validate implements Scenario.
func (s Mailbox) Validate() error {
	return errors.Join(check("messages", s.Messages, 8, 1_000_000_000), check("rounds", s.Rounds, 1, 100))
}

// propsFunc returns what spawns an actor, with one kind of mailbox or another.
type propsFunc func(start func() actor.Actor) *actor.Props

func (s Mailbox) run(ctx context.Context, b *bench) error {
	system := supervisor.NewSystem(slog.New(slog.DiscardHandler))
	defer system.Shutdown()
	class := &supervisor.MailboxClass{Limit: 1 << 30, Gauge: new(supervisor.Gauge)}
	ours := func(start func() actor.Actor) *actor.Props { return supervisor.Props(class, start) }
	bare := func(start func() actor.Actor) *actor.Props { return actor.PropsFromProducer(start) }
	for _, kind := range []struct {
		name  string
		props propsFunc
	}{{"ours", ours}, {"Proto.Actor's own", bare}} {
		for _, way := range []struct {
			name string
			send func(context.Context, *actor.ActorSystem, propsFunc) (time.Duration, error)
		}{{"1 to 1", s.tell(1)}, {"8 to 1", s.tell(8)}, {"ping-pong", s.pingPong}} {
			times := make([]time.Duration, 0, s.Rounds)
			for range s.Rounds {
				took, err := way.send(ctx, system, kind.props)
				if err != nil {
					return err
				}
				times = append(times, took)
			}
			b.report.Rates = append(b.report.Rates, rate(way.name+", "+kind.name, s.Messages, times))
			b.progress.say("%s, %s: done", way.name, kind.name)
		}
	}
	return nil
}

func rate(name string, messages int, times []time.Duration) Rate {
	slices.Sort(times)
	at := func(i int) float64 { return perSecond(messages, int64(times[i])) }
	return Rate{Name: name, Unit: "messages/s", Median: at(len(times) / 2), Least: at(len(times) - 1), Most: at(0)}
}

type ball struct{}

// counter counts messages, and closes done when it has them all.
type counter struct {
	left int
	done chan<- struct{}
}

// Receive implements actor.Actor.
func (c *counter) Receive(ctx actor.Context) {
	if _, ok := ctx.Message().(*ball); ok {
		if c.left--; c.left == 0 {
			close(c.done)
		}
	}
}

// tell has several goroutines send to one actor.
func (s Mailbox) tell(senders int) func(context.Context, *actor.ActorSystem, propsFunc) (time.Duration, error) {
	return func(ctx context.Context, system *actor.ActorSystem, props propsFunc) (time.Duration, error) {
		done, each := make(chan struct{}), s.Messages/senders
		pid := system.Root.Spawn(props(func() actor.Actor { return &counter{each * senders, done} }))
		message := &ball{}
		var all sync.WaitGroup
		begin := time.Now()
		for range senders {
			all.Go(func() {
				for range each {
					system.Root.Send(pid, message)
				}
			})
		}
		err := await(ctx, done)
		took := time.Since(begin)
		all.Wait()
		return took, errors.Join(err, system.Root.StopFuture(pid).Wait())
	}
}

// player sends each message back.
type player struct {
	counter
	other *actor.PID
}

type opponent struct{ pid *actor.PID }

// Receive implements actor.Actor.
func (p *player) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *opponent:
		p.other = m.pid
	case *ball:
		if p.left--; p.left > 0 {
			ctx.Send(p.other, m)
		} else if p.left == 0 {
			close(p.done)
		}
	}
}

// pingPong has two actors send one message to and fro.
func (s Mailbox) pingPong(ctx context.Context, system *actor.ActorSystem, props propsFunc) (time.Duration, error) {
	done, never := make(chan struct{}), make(chan struct{})
	one := system.Root.Spawn(props(func() actor.Actor { return &player{counter: counter{s.Messages / 2, done}} }))
	two := system.Root.Spawn(props(func() actor.Actor { return &player{counter: counter{s.Messages, never}} }))
	system.Root.Send(one, &opponent{two})
	system.Root.Send(two, &opponent{one})
	begin := time.Now()
	system.Root.Send(two, &ball{})
	err := await(ctx, done)
	took := time.Since(begin)
	return took, errors.Join(err, system.Root.StopFuture(one).Wait(), system.Root.StopFuture(two).Wait())
}

func await(ctx context.Context, done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
