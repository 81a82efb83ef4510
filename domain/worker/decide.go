package worker

import (
	"errors"
	"fmt"
	"slices"
)

// Why a command is refused, beside InvalidStateTransition, ErrBadRegistration and
// ErrBadAdjustment.
var (
	// ErrOtherWorker means that a registration names another worker.
	ErrOtherWorker = errors.New("worker: another worker's id")
	// ErrSuperseded means that a message is of an earlier life of the worker.
	ErrSuperseded = errors.New("worker: incarnation was superseded")
	// ErrNotRegistered means that the worker, or this life of it, must register
	// first: it never did, or it was silent for too long.
	ErrNotRegistered = errors.New("worker: incarnation is not registered")
	// ErrBadHeld means that a worker says it runs an impossible number of attempts.
	ErrBadHeld = errors.New("worker: impossible number of attempts held")
	// ErrBadSlots means that a worker says it has an impossible number of slots.
	ErrBadSlots = errors.New("worker: impossible number of slots")
)

// Decide answers a command with the events it causes, or with the reason it
// causes none. A command whose wish is already so causes neither.
func Decide(w Worker, c Command) ([]Event, error) {
	switch c := c.(type) {
	case Register:
		return w.register(c)
	case Heartbeat:
		return w.heartbeat(c)
	case Resize:
		return w.resize(c)
	case MissHeartbeat:
		return w.miss(c)
	case Drain:
		return w.drain()
	case Adjust:
		return w.adjust(c)
	case Leave:
		return w.leave(c)
	case Forget:
		return w.forget()
	}
	panic("worker: command without a rule in Decide")
}

func (w Worker) register(c Register) ([]Event, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if w.Left {
		return nil, w.cannotBecome(Available)
	}
	if w.ID != "" && w.ID != c.ID {
		return nil, fmt.Errorf("%w: %q, not %q", ErrOtherWorker, c.ID, w.ID)
	}
	if slices.Contains(w.Former, c.Incarnation) {
		return nil, fmt.Errorf("%w: %q of %q", ErrSuperseded, c.Incarnation, w.ID)
	}
	registered := Registered{
		ID: c.ID, Incarnation: c.Incarnation, Labels: CanonicalLabels(slices.Concat(c.Labels, c.Found)),
		Slots: c.Slots, Resources: c.Resources, Pool: c.Pool, Held: c.Held,
	}
	switch {
	case w.Incarnation == "":
		return w.nowIdle([]Event{registered}, c.Held), nil
	case w.Incarnation != c.Incarnation:
		w.Draining = false
		return w.nowIdle([]Event{
			Superseded{Old: w.Incarnation, New: c.Incarnation, Attempts: w.Held}, registered,
		}, c.Held), nil
	case !w.is(registered):
		return w.nowIdle([]Event{registered}, c.Held), nil
	case w.Misses > 0:
		return w.nowIdle([]Event{Recovered{Held: c.Held}}, c.Held), nil
	}
	return w.count(c.Held), nil
}

// is reports whether the worker is and can what a registration says.
func (w Worker) is(r Registered) bool {
	return w.Incarnation == r.Incarnation && w.Slots == r.Slots && w.Resources == r.Resources && w.Pool == r.Pool &&
		slices.Equal(w.Said, r.Labels)
}

func (w Worker) heartbeat(c Heartbeat) ([]Event, error) {
	if err := w.current(c.Incarnation, Available); err != nil {
		return nil, err
	}
	if c.Held < 0 || c.Held > MaxSlots {
		return nil, fmt.Errorf("%w: %d by %q", ErrBadHeld, c.Held, w.ID)
	}
	if w.Misses > 0 { // what it is and can is looked at anew before it counts as healthy
		return nil, fmt.Errorf("%w: %q was silent for too long", ErrNotRegistered, w.ID)
	}
	return w.count(c.Held), nil
}

// count tells how many attempts the worker runs, if that is news.
func (w Worker) count(held int) []Event {
	if held == w.Held {
		return nil
	}
	return w.nowIdle([]Event{Counted{Held: held}}, held)
}

func (w Worker) resize(c Resize) ([]Event, error) {
	if err := w.current(c.Incarnation, Available); err != nil {
		return nil, err
	}
	if c.Slots < 1 || c.Slots > MaxSlots {
		return nil, fmt.Errorf("%w: %d by %q", ErrBadSlots, c.Slots, w.ID)
	}
	if c.Slots == w.Slots {
		return nil, nil
	}
	return []Event{Resized{Slots: c.Slots}}, nil
}

func (w Worker) miss(c MissHeartbeat) ([]Event, error) {
	if err := w.current(c.Incarnation, Unhealthy); err != nil {
		return nil, err
	}
	return []Event{HeartbeatMissed{Misses: w.Misses + 1, Attempts: w.Held}}, nil
}

func (w Worker) drain() ([]Event, error) {
	if w.Left || w.Incarnation == "" {
		return nil, w.cannotBecome(Draining)
	}
	if w.Draining {
		return nil, nil
	}
	events := []Event{DrainStarted{}}
	if w.Misses > 0 { // only a worker that is heard of can be said to be drained
		return events, nil
	}
	w.Draining = true
	return w.nowIdle(events, w.Held), nil
}

func (w Worker) adjust(c Adjust) ([]Event, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	next := w.Settings.adjusted(c, w.Said)
	if next.Equal(w.Settings) {
		return nil, nil
	}
	if len(next.Added) > MaxSettings || len(next.Removed) > MaxSettings {
		return nil, fmt.Errorf("%w: operators would have added %d labels to %q and removed %d; %d each are the most",
			ErrBadAdjustment, len(next.Added), w.ID, len(next.Removed), MaxSettings)
	}
	events, before := []Event{Adjusted{next}}, w.State()
	if w.Settings = next; w.State() == Draining && before != Draining {
		events = w.nowIdle(events, w.Held)
	}
	return events, nil
}

func (w Worker) leave(c Leave) ([]Event, error) {
	if w.Left && c.Incarnation == w.Incarnation {
		return nil, nil
	}
	if err := w.current(c.Incarnation, Gone); err != nil {
		return nil, err
	}
	return []Event{Left{Attempts: w.Held}}, nil
}

func (w Worker) forget() ([]Event, error) {
	if w.Left {
		return nil, nil
	}
	if w.State() != Unhealthy {
		return nil, w.cannotBecome(Gone)
	}
	return []Event{Forgotten{Attempts: w.Held, Alert: !w.Draining || w.Held > 0}}, nil
}

// nowIdle adds that the worker is drained, when it drains and holds nothing more.
func (w Worker) nowIdle(events []Event, held int) []Event {
	if w.drains() && held == 0 {
		return append(events, Drained{})
	}
	return events
}

// current admits a message, which would lead to state to, only from the life of
// the worker that is registered.
func (w Worker) current(of Incarnation, to State) error {
	switch {
	case slices.Contains(w.Former, of):
		return fmt.Errorf("%w: %q of %q", ErrSuperseded, of, w.ID)
	case of == "" || of != w.Incarnation:
		return fmt.Errorf("%w: %q of %q", ErrNotRegistered, clip(string(of)), w.ID)
	case w.Left:
		return w.cannotBecome(to)
	}
	return nil
}

func (w Worker) cannotBecome(to State) error {
	return &InvalidStateTransition{Worker: w.ID, From: w.State(), To: to}
}
