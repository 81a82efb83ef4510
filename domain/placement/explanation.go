package placement

import (
	"strings"
	"time"

	"yardmaster/domain/job"
	"yardmaster/domain/resource"
	"yardmaster/domain/worker"
)

// Explanation says why a job waits.
type Explanation struct {
	Job job.ID
	// At is when it was asked for. Its lines give times on that clock.
	At time.Time
	// Worker is where the job holds a slot; when it is set, all below is zero.
	Worker worker.ID
	// Waiting is false when the job is not known here; then all below is zero.
	Waiting  bool
	Project  string
	Priority int
	QueuedAt time.Time // zero is long ago
	// Ahead is how many jobs go before it, if nothing ends meanwhile, of those that
	// some worker could take as well as it. Competing counts all of these, and the
	// job itself. First are those that go first.
	Ahead, Competing int
	First            []Rival
	// Share is what its project has of all slots, unless it is alone.
	Share *Share
	// Bounds are the limits of its project that keep it waiting.
	Bounds []Bound

	Demand    []string // the labels it demands, sorted
	Pool      string
	Resources resource.Amount

	Workers     int // connected
	Labels      []LabelCount
	Matching    int // workers that have every label
	Fitting     int // of those, workers of its pool that have the resources
	TooSmall    Shortage
	States      []StateCount // of the fitting that take nothing
	Ready       int          // fitting workers that take jobs, and it does not pass over
	Used, Slots int          // of the ready
	Full        Shortage     // of the ready with a free slot, but without room
	// FreeAt is when one of the ready is expected to have room, or zero if that is
	// not known. It is about the workers alone, not about who goes first.
	FreeAt time.Time
	Free   int // workers that no filter excludes
	// Excluded has by filter, in their order, those where it is not 0.
	Excluded []Exclusion
	Avoid    []worker.ID // the workers that it would rather not go to
	Kept     []Keeping   // workers kept free for others
	Reserved worker.ID   // the worker that is kept free for it, or ""
	Victim   job.ID      // the job that gives way to it there, or the zero ID
}

// Rival is a job that goes before another.
type Rival struct {
	Job      job.ID
	Project  string
	Priority int
	QueuedAt time.Time // zero is long ago
	Why      Reason
}

// Reason is why a job goes before another.
type Reason string

// The reasons.
const (
	ReasonPriority Reason = "priority" // it is higher
	ReasonWaited   Reason = "waited"   // it has waited longer
	ReasonShare    Reason = "share"    // its project has less for its weight
)

// Share is what a project has of all slots.
type Share struct {
	Held, Slots int
	// Fair is what its weight gives it, beside the projects that have jobs here.
	Fair float64
}

// Bound is a limit of a project that is reached.
type Bound struct {
	Limit  string // "running" or "rate"
	Most   float64
	Until  time.Time // when it allows the next start; zero is when a job has ended
	Reason string
}

// LabelCount is how common a demanded label is.
type LabelCount struct {
	Label    string
	Workers  int // that have it
	OnlyLack int // that have every other demanded label
}

// Shortage is about workers that have too little.
type Shortage struct {
	Workers    int
	NoSlots    int // that have no slots at all
	OnlyCPU    int // that have enough of all else
	OnlyMemory int
	Most       resource.Amount // the most that any has of each
}

// Exclusion is what one filter did.
type Exclusion struct {
	Filter  string // "labels", "pool", "resources", "state", "avoid", "room" or "reservation"
	Workers int    // excluded by it, having passed the filters before
	Reason  string
}

// Keeping is a worker that is kept free for a job.
type Keeping struct {
	Worker worker.ID
	For    job.ID
}

// String returns the lines as one text.
func (e Explanation) String() string { return strings.Join(e.Lines(), "\n") }
