// Package loadtest measures Yardmaster from outside, as a user of its API. Each
// scenario is a value that names the question it answers; running it gives a
// Report that says what was offered, what was achieved, how long it took, and
// what was lost, repeated or refused.
//
// It promises to be honest before it promises to be fast:
//
//   - Every run is followed by its ID, from the answer to its submission to the
//     end that WatchRuns tells of. Nothing is counted that was not seen.
//   - When the watch says that it has dropped changes, the ends are read through
//     ListRuns, and the report says how many.
//   - The open-loop scenario counts latency from the moment a submission was
//     intended, not from when a busy client got round to it.
//   - Latencies are put into histograms when all is over, from what was kept for
//     each run, so that measuring costs the measured as little as possible.
package loadtest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"connectrpc.com/connect"

	"yardmaster/api"
)

// Scenario is a question about performance and the way to its answer.
type Scenario interface {
	// Name is a word for the command line.
	Name() string
	// Question is what it answers, in a sentence.
	Question() string
	// Params are its parameters, for the report.
	Params() []Param
	// Validate returns everything that is wrong with the parameters.
	Validate() error

	run(ctx context.Context, bench *bench) error
}

// Param is a parameter of a scenario as it was used.
type Param struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func param(name string, value any) Param { return Param{Name: name, Value: fmt.Sprint(value)} }

// Target is what is measured.
type Target struct {
	// Client speaks to the server; nil for a scenario within this process.
	Client *api.Client
	// ServerPID and WorkerPIDs are processes of this machine whose memory and CPU
	// time are reported; 0 and none when they are not known.
	ServerPID  int
	WorkerPIDs []int
	// Fleet has started the server, and may start workers beside it; nil when the
	// server was there before.
	Fleet *Fleet
	// DataDir is where the server's journal lies, if it is on this machine.
	DataDir string
	// Alone says that nobody else uses the server: a run that we do not know of
	// was started twice.
	Alone bool
}

// Settings are what all scenarios have in common.
type Settings struct {
	Timeout time.Duration // for the whole scenario; what has not ended by then is lost
	// Stall is how long no run may end before the server is asked what it still
	// has; 0 means 3 s.
	Stall    time.Duration
	Build    Build
	Progress *Progress // nil: in silence
}

// Build is which program was measured.
type Build struct {
	Version  string `json:"version"`
	Commit   string `json:"commit"`
	Modified bool   `json:"modified"`
}

// bench is one scenario under way.
type bench struct {
	target   Target
	progress *Progress
	report   *Report
	base     time.Time // all times are counted from here
	stall    time.Duration
}

func (b *bench) now() int64 { return int64(time.Since(b.base)) }

// ErrNoServer means that the scenario needs a server and was given none.
var ErrNoServer = errors.New("loadtest: this scenario needs a server")

// Run runs a scenario. The report is there even when the error is not nil: it
// tells how far it came. Whether what was measured is sound is for Report.Faults
// to say, not for the error.
func Run(ctx context.Context, s Scenario, target Target, settings Settings) (*Report, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	b := &bench{target: target, progress: settings.Progress, base: time.Now(), stall: settings.Stall}
	if b.stall == 0 {
		b.stall = stallAfter
	}
	b.report = &Report{
		Scenario: s.Name(), Question: s.Question(), Params: s.Params(), Started: b.base.UTC(), Faults: []string{},
		Machine: describeMachine(settings.Build, target.DataDir),
	}
	if b.progress == nil {
		b.progress = NewProgress(nil, false)
	}
	bounded, cancel := context.WithTimeout(ctx, settings.Timeout)
	defer cancel()
	before := readUsage(target)
	err := s.run(bounded, b)
	b.report.Processes = readUsage(target).since(before)
	b.report.spread()
	switch {
	case err == nil:
	case ctx.Err() != nil: // whatever it was that the end of ctx broke
		err = context.Cause(ctx)
	case bounded.Err() != nil || connect.CodeOf(err) == connect.CodeDeadlineExceeded && nearly(bounded):
		b.report.fault("it was not over after %s", settings.Timeout)
		err = nil
	}
	return b.report, err
}

// nearly reports whether ctx is about to end: the server, which is told of the
// deadline of a call, may see it pass before we do.
func nearly(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ok && time.Until(deadline) < time.Second
}

// check returns an error unless value lies within bounds.
func check(name string, value, least, most int) error {
	if value < least || value > most {
		return fmt.Errorf("loadtest: %s is %d; it can be from %d to %d", name, value, least, most)
	}
	return nil
}
