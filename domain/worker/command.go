package worker

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
	// Labels are at most MaxLabels. In lower case each is one letter or digit,
	// then up to 62 letters, digits or any of "._=/-".
	Labels []string
	// Slots lies in [1,MaxSlots].
	Slots int
	// Held is how many attempts this incarnation runs already: not 0 when it
	// registers with another owner than before.
	Held int
}

// Heartbeat is a worker's sign of life.
type Heartbeat struct {
	Incarnation Incarnation
	// Held is how many attempts it runs. It counts when a silence ends; while a
	// worker is heard of, what was taken and released counts, because an
	// assignment may be under way.
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

// Drain asks that the worker finish what it runs and take no more.
type Drain struct{}

// Resume ends a drain.
type Resume struct{}

// Leave is a worker's last word: it runs nothing any more.
type Leave struct{ Incarnation Incarnation }

// Forget gives up on a worker that is UNHEALTHY.
type Forget struct{}

// Take counts an attempt that the worker was given.
type Take struct{}

// Release counts an attempt that the worker no longer runs.
type Release struct{}

func (Register) command()      {}
func (Heartbeat) command()     {}
func (Resize) command()        {}
func (MissHeartbeat) command() {}
func (Drain) command()         {}
func (Resume) command()        {}
func (Leave) command()         {}
func (Forget) command()        {}
func (Take) command()          {}
func (Release) command()       {}
