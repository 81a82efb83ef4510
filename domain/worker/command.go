package worker

import "yardmaster/domain/resource"

// Command is a wish concerning a worker, which may be refused.
//
//sumtype:decl
type Command interface{ command() }

// Register is a worker's first word, and its answer when it is asked who it is.
type Register struct {
	// ID is one letter or digit, then up to 62 letters, digits, '_' or '-'.
	ID ID
	// Incarnation has the syntax of an ID.
	Incarnation Incarnation
	// Labels are those its operator gave it, Found those it found by itself. Both
	// together are at most MaxLabels; see CheckLabel.
	Labels, Found []string
	// Slots lies in [1,MaxSlots].
	Slots int
	// Resources are what its attempts may take of the machine; nothing means that
	// it offers none beside its slots.
	Resources resource.Amount
	// Pool is the trust pool it belongs to; see CheckPool. "" means the default.
	Pool string
	// Held is how many attempts this incarnation runs already: not 0 when it
	// registers with another owner than before.
	Held int
}

// Heartbeat is a worker's sign of life.
type Heartbeat struct {
	Incarnation Incarnation
	// Held is how many attempts it runs.
	Held int
}

// Resize tells how many attempts a worker takes at once from now on. It may run
// more than that, until they end.
type Resize struct {
	Incarnation Incarnation
	// Slots lies in [1,MaxSlots].
	Slots int
}

// MissHeartbeat tells that the worker's lease ran out, once for each lease's
// length in which nothing was heard.
type MissHeartbeat struct{ Incarnation Incarnation }

// Drain is a worker's own word that it takes no more attempts, and leaves when it
// runs none.
type Drain struct{}

// Adjust is what an operator wants of a worker, which need not be there. See
// Validate for its limits.
type Adjust struct {
	// HeldBack says whether it gets nothing new; nil leaves that as it is.
	HeldBack *bool
	// Add and Remove are labels that it shall have, and shall not.
	Add, Remove []string
}

// Leave is a worker's last word: it runs nothing any more.
type Leave struct{ Incarnation Incarnation }

// Forget gives up on a worker that is UNHEALTHY.
type Forget struct{}

func (Register) command()      {}
func (Heartbeat) command()     {}
func (Resize) command()        {}
func (MissHeartbeat) command() {}
func (Drain) command()         {}
func (Adjust) command()        {}
func (Leave) command()         {}
func (Forget) command()        {}
