package worker

import (
	"errors"
	"fmt"
	"slices"
)

// Why a command is refused, beside InvalidStateTransition and ErrBadRegistration.
var (
	// ErrOtherWorker means that a registration names another worker.
	ErrOtherWorker = errors.New("worker: another worker's id")
	// ErrSuperseded means that a message is of an earlier life of the worker.
	ErrSuperseded = errors.New("worker: incarnation was superseded")
	// ErrNotRegistered means that the worker, or this life of it, must register first.
	ErrNotRegistered = errors.New("worker: incarnation is not registered")
	// ErrNoFreeSlot means that the worker holds as many attempts as it has slots.
	ErrNoFreeSlot = errors.New("worker: no free slot")
	// ErrNothingHeld means that the worker holds no attempt that could be released.
	ErrNothingHeld = errors.New("worker: holds no attempt")
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
	case Resume:
		return w.resume()
	case Leave:
		return w.leave(c)
	case Forget:
		return w.forget()
	case Take:
		return w.take()
	case Release:
		return w.release()
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
		ID: c.ID, Incarnation: c.Incarnation, Labels: CanonicalLabels(c.Labels), Slots: c.Slots, Held: c.Held,
	}
	switch {
	case w.Incarnation == "":
		return []Event{registered}, nil
	case w.Incarnation != c.Incarnation:
		return []Event{Superseded{Old: w.Incarnation, New: c.Incarnation, Attempts: w.Held}, registered}, nil
	case w.Misses == 0 && w.Slots == c.Slots && slices.Equal(w.Labels, registered.Labels):
		return nil, nil
	case w.Misses == 0:
		registered.Held = w.Held // see Heartbeat.Held
	}
	return w.nowIdle([]Event{registered}, registered.Held), nil
}

func (w Worker) heartbeat(c Heartbeat) ([]Event, error) {
	if err := w.current(c.Incarnation, Available); err != nil {
		return nil, err
	}
	if c.Held < 0 || c.Held > MaxSlots {
		return nil, fmt.Errorf("%w: %d by %q", ErrBadHeld, c.Held, w.ID)
	}
	if w.Misses == 0 {
		return nil, nil
	}
	return w.nowIdle([]Event{Recovered{Held: c.Held}}, c.Held), nil
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
	if w.Held == 0 && w.Misses == 0 {
		return []Event{DrainStarted{}, Drained{}}, nil
	}
	return []Event{DrainStarted{}}, nil
}

func (w Worker) resume() ([]Event, error) {
	if w.Left || w.Incarnation == "" {
		return nil, w.cannotBecome(Available)
	}
	if !w.Draining {
		return nil, nil
	}
	return []Event{Resumed{}}, nil
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
	return []Event{Forgotten{Attempts: w.Held}}, nil
}

func (w Worker) take() ([]Event, error) {
	if !w.State().Takes() {
		return nil, w.cannotBecome(Running)
	}
	if w.Free() == 0 {
		return nil, fmt.Errorf("%w: %q holds %d of %d", ErrNoFreeSlot, w.ID, w.Held, w.Slots)
	}
	return []Event{Taken{}}, nil
}

func (w Worker) release() ([]Event, error) {
	if w.Held == 0 {
		return nil, fmt.Errorf("%w: %q", ErrNothingHeld, w.ID)
	}
	if w.Misses > 0 { // only a worker that is heard of can be said to be drained
		return []Event{Released{}}, nil
	}
	return w.nowIdle([]Event{Released{}}, w.Held-1), nil
}

// nowIdle adds that the worker is drained, when it drains and holds nothing more.
func (w Worker) nowIdle(events []Event, held int) []Event {
	if w.Draining && held == 0 {
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
