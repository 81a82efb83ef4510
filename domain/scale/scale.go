// Package scale says how many workers there should be of each class, by the work
// that waits and runs.
//
// Decide is pure: the same classes, memory and situation give the same verdicts,
// so a dry run prints exactly what would be done. What it promises:
//
//   - Work that waits is given to the cheapest class that can serve it and has
//     room; what existing slots will have finished before a new worker has booted
//     starts none.
//   - Only workers that hold nothing are named for removal, the longest idle
//     first, and never so many that fewer than the least remain.
//   - The wish for fewer must hold for a class's whole idle time before it counts,
//     so that a load that comes and goes does not start and stop machines.
//   - A launch that fails, or never registers, is tried again after a pause that
//     grows; meanwhile another class that could serve the work does.
package scale

import (
	"slices"
	"time"

	"yardmaster/domain/resource"
)

// Limits of what a class may say, and the defaults of what it leaves out.
const (
	MaxClasses = 100
	MaxWorkers = 10_000 // of one class
	MaxName    = 40     // bytes: the names of its workers are longer, and have a limit, too

	DefaultBoot         = time.Minute
	DefaultCooldownUp   = 10 * time.Second
	DefaultCooldownDown = time.Minute
	DefaultIdle         = 5 * time.Minute
)

// Class is a kind of worker whose number follows the load.
type Class struct {
	Name string
	// Labels that its workers have, in lower case, sorted, each once.
	Labels []string
	Pool   string // trust pool; "" means the default one
	Slots  int    // of one worker
	// Resources of one worker. Nothing serves only jobs that ask for nothing.
	Resources resource.Amount
	// Least and Most workers that there may be at any time.
	Least, Most int
	// Boot is how long a worker takes from its launch to its registration, as
	// estimated; what is measured counts afterwards.
	Boot time.Duration
	// CooldownUp and CooldownDown are the least time between two steps up, and
	// from any step to the next one down.
	CooldownUp, CooldownDown time.Duration
	// Idle is how long fewer workers must have been enough before any is drained.
	Idle time.Duration
	// Patience is how long a job may wait before the forecast is not believed any
	// more and one worker more is started; 0 means twice the boot time.
	Patience time.Duration
	// Cost of one worker, compared with those of other classes. Positive.
	Cost float64
	// Provider is who starts and stops its workers; "" means somebody else, who
	// goes by the desired number alone.
	Provider string
}

// External reports whether somebody else starts and stops the class's workers.
func (c *Class) External() bool { return c.Provider == "" }

// Demand is all jobs that ask for the same.
type Demand struct {
	Labels    []string // lower case, sorted, each once
	Pool      string
	Resources resource.Amount // of one job
	// Waiting is how many of them a worker would be given now, if there were one:
	// a job that a limit of its project holds back is not waiting for a worker.
	Waiting int
	Held    int // how many have one
	// OldestWait is how long the first of those that wait has waited.
	OldestWait time.Duration
	// Typical is how long such a job takes; 0 means not known.
	Typical time.Duration
}

// Phase is where a worker stands in the eyes of the one who started it.
type Phase uint8

// The phases of a worker.
const (
	Booting Phase = iota // asked for, and not heard of yet
	Ready                // takes jobs
	Leaving              // takes no more jobs
	Silent               // was there, and is not heard of any more
)

// Worker is a worker of a class, or one of none whose slots count nevertheless.
type Worker struct {
	Name      string
	Class     string // "" when it belongs to none
	Phase     Phase
	Labels    []string
	Pool      string
	Slots     int
	Resources resource.Amount
	Held      int // attempts
	// Since is when it was asked for, when it fell silent, or, of a worker that is
	// ready and holds nothing, since when it is idle.
	Since time.Time
}

// idle reports whether the worker could be drained without anyone noticing.
func (w *Worker) idle() bool { return w.Phase == Ready && w.Held == 0 }

// Situation is what a decision is made from.
type Situation struct {
	Now     time.Time
	Demands []Demand
	// Workers of all classes and of none, each once.
	Workers []Worker
}

// Verdict is what is decided about one class.
type Verdict struct {
	Class string
	// Connected workers take jobs; Booting ones were asked for; Leaving ones take
	// no more, or are not heard of.
	Connected, Booting, Leaving int
	// Waiting jobs could run on workers of the class.
	Waiting int
	// Desired is how many workers there should be.
	Desired int
	// Launch is how many to ask for now.
	Launch int
	// Drain and GiveUp name workers to remove: idle ones that are not needed, and
	// those that are not heard of although they should be.
	Drain, GiveUp []string
	// Why are sentences for people.
	Why []string
	// Alert is worth somebody's attention; "" means that nothing is.
	Alert string
}

// fits returns how many jobs of a demand one worker takes at once, which may be 0.
func (d *Demand) fits(labels []string, pool string, slots int, has resource.Amount) int {
	if d.Pool != pool || !hasAll(labels, d.Labels) || !d.Resources.Fits(has) {
		return 0
	}
	n := slots
	if d.Resources.CPU > 0 {
		n = min(n, int(has.CPU/d.Resources.CPU))
	}
	if d.Resources.Memory > 0 {
		n = min(n, int(has.Memory/d.Resources.Memory))
	}
	return n
}

func (d *Demand) onClass(c *Class) int { return d.fits(c.Labels, c.Pool, c.Slots, c.Resources) }

func (d *Demand) onWorker(w *Worker) int { return d.fits(w.Labels, w.Pool, w.Slots, w.Resources) }

func hasAll(labels, demanded []string) bool {
	for _, l := range demanded {
		if _, found := slices.BinarySearch(labels, l); !found {
			return false
		}
	}
	return true
}
