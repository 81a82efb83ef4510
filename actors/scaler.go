package actors

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"yardmaster/domain/scale"
	"yardmaster/domain/worker"
)

const (
	// scaleEvery is how often it is decided how many workers there should be.
	scaleEvery = 2 * time.Second
	// listEvery is how often providers are asked what they run.
	listEvery = 10 * time.Second
	// Bounds of a provider's calls; one that has not answered shortly after is
	// taken for failed, whatever it does later.
	launchWithin = time.Minute
	removeWithin = 2 * time.Minute
	listWithin   = 30 * time.Second
	callSlack    = 5 * time.Second
	// scalerPrincipal is in whose name the scaler holds workers back.
	scalerPrincipal = "autoscaler"
)

// Scaling says how the number of workers follows the load. The zero value scales
// nothing.
type Scaling struct {
	Classes []scale.Class
	// Providers start and stop workers, by the names that the classes call them by.
	Providers map[string]Provider
	// DryRun decides, and says what it would do, and does nothing.
	DryRun bool
}

// Scaler has as many workers started and stopped as the load needs. What it knows
// is soft: after a restart it finds its workers on the roster and at the
// providers. It never blocks: calls of providers come back as messages.
//
// A worker is removed in three steps, so that no attempt can be lost: its session
// holds it back, as for an operator, and stores that; the coordinator, which has
// heard of that, says that it holds nothing; the provider removes it. A launch that is given up goes the same way,
// since it may register at that very moment.
//
// Mailbox protocol
//
//	message           from         does                                answer
//	scaleDue          itself       asks what waits, and who runs       askDemand to the coordinator
//	demandOf          coordinator  decides, and begins what follows    changeWorker to sessions, by the registry
//	workerChangeDone  session      goes on if the worker is held back  askHeld to the coordinator
//	workerHeld        coordinator  removes the worker, or releases it  changeWorker to the session
//	launchDone        itself       a provider's call is over           -
//	removeDone        itself       a provider's call is over           workerRemoved to the session
//	listDone          itself       a provider's call is over           -
type Scaler struct {
	env      *scalerEnv
	timer    *time.Timer
	since    time.Time // its start
	memories map[string]scale.Memory
	machines map[string]*machine // by name: what was asked for, and not removed
	gone     map[string]time.Time
	idle     map[worker.ID]time.Time // since when workers of the roster hold nothing
	listings map[string]*listing     // by provider
	troubles map[string]string       // by class: what its provider does not do
	said     map[string]string       // by class: what was logged last
}

// scalerEnv is what the scaler is given.
type scalerEnv struct {
	Scaling
	log                   *slog.Logger
	roster                *Roster
	registry, coordinator *actor.PID
	view                  *ScalingView
	// serving ends with the node.
	serving context.Context //nolint:containedctx // the life of the node, for calls of providers
	// patience is how long after a start workers are given to come back before
	// they are missed.
	patience time.Duration
}

type (
	scaleDue   struct{}
	launchDone struct {
		name string
		call time.Time // when it began
		err  error
	}
	removeDone struct {
		name string
		call time.Time
		err  error
	}
	listDone struct {
		provider string
		call     time.Time
		names    []string
		err      error
	}
)

func newScaler(env *scalerEnv) *Scaler {
	return &Scaler{
		env: env, since: time.Now(), memories: map[string]scale.Memory{}, machines: map[string]*machine{},
		gone: map[string]time.Time{}, idle: map[worker.ID]time.Time{}, listings: map[string]*listing{},
		troubles: map[string]string{}, said: map[string]string{},
	}
}

// Receive implements actor.Actor.
func (s *Scaler) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		s.begin(ctx)
	case *actor.Stopping, *actor.Restarting:
		s.disarm()
	case scaleDue:
		s.due(ctx)
	case demandOf:
		s.decide(ctx, m)
	case workerChangeDone:
		s.changed(ctx, m)
	case workerHeld:
		s.held(ctx, m)
	case launchDone:
		s.launched(m)
	case removeDone:
		s.removed(ctx, m)
	case listDone:
		s.listed(m)
	case actor.SystemMessage, actor.AutoReceiveMessage:
	default:
		s.env.log.Warn("unexpected message", slog.String("type", fmt.Sprintf("%T", m)))
	}
}

func (s *Scaler) begin(ctx actor.Context) {
	if len(s.env.Classes) == 0 {
		return
	}
	for name := range s.env.Providers {
		s.listings[name] = &listing{}
	}
	root, self := ctx.ActorSystem().Root, ctx.Self()
	s.timer = time.AfterFunc(scaleEvery, func() { root.Send(self, scaleDue{}) })
	s.list(ctx)
}

func (s *Scaler) disarm() {
	if s.timer != nil {
		s.timer.Stop()
	}
}

// due begins a round: the decision follows when the coordinator has answered.
func (s *Scaler) due(ctx actor.Context) {
	s.timer.Reset(scaleEvery)
	s.list(ctx)
	ctx.Request(s.env.coordinator, askDemand{})
}

// decide is one round: look, decide, show, do.
func (s *Scaler) decide(ctx actor.Context, m demandOf) {
	now := time.Now()
	s.giveUpCalls(now)
	classes := s.knownClasses(now)
	verdicts, memories := scale.Decide(classes, s.memories, scale.Situation{
		Now: now, Demands: m.demands, Workers: s.fleet(now, m.held),
	})
	maps.Copy(s.memories, memories)
	for i := range verdicts {
		if v := &verdicts[i]; v.Alert == "" {
			v.Alert = s.troubles[v.Class]
		}
	}
	s.env.view.put(verdicts, s.unknown())
	for i := range verdicts {
		s.say(&verdicts[i])
		if !s.env.DryRun {
			s.do(ctx, &classes[i], &verdicts[i], now)
		}
	}
	s.holdAll(ctx)
}

// knownClasses returns the classes of which it is known what runs. Right after a
// start nothing is: workers come back one after the other.
func (s *Scaler) knownClasses(now time.Time) []scale.Class {
	return slices.DeleteFunc(slices.Clone(s.env.Classes), func(c scale.Class) bool {
		if c.External() {
			return now.Sub(s.since) < s.env.patience
		}
		return !s.listings[c.Provider].known
	})
}

// do begins what a verdict says.
func (s *Scaler) do(ctx actor.Context, c *scale.Class, v *scale.Verdict, now time.Time) {
	for range v.Launch {
		s.launch(ctx, c, now)
	}
	for _, name := range v.Drain {
		s.leave(name, "the autoscaler drains it: fewer workers of class "+c.Name+" are enough", false, now)
	}
	for _, name := range v.GiveUp {
		s.leave(name, "the autoscaler gives it up: it was not heard of for too long", true, now)
	}
}

// say logs an alert, or what a dry run would do, once.
func (s *Scaler) say(v *scale.Verdict) {
	text := v.Alert
	if now := v.Connected + v.Booting; s.env.DryRun && (v.Desired != now || len(v.GiveUp) > 0) {
		text += fmt.Sprint(v.Desired, now, v.GiveUp)
	}
	if s.said[v.Class] == text {
		return
	}
	s.said[v.Class] = text
	if v.Alert != "" {
		s.env.log.Error("autoscaling needs attention", slog.String("class", v.Class), slog.String("alert", v.Alert))
	}
	if text != v.Alert {
		s.env.log.Info("autoscaling would change workers", slog.String("class", v.Class),
			slog.Int("connected", v.Connected), slog.Int("booting", v.Booting), slog.Int("desired", v.Desired),
			slog.Int("launch", v.Launch), slog.Any("drain", v.Drain), slog.Any("give_up", v.GiveUp), slog.Any("why", v.Why))
	}
}
