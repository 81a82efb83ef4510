package loadtest

import (
	"fmt"
	"math"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Report is what a scenario found out. It is meant to be kept, as JSON.
type Report struct {
	Scenario string    `json:"scenario"`
	Question string    `json:"question"`
	Params   []Param   `json:"params"`
	Started  time.Time `json:"started"`
	// Faults are why the figures must not be used; empty when they may.
	Faults    []string  `json:"faults"`
	Load      *Load     `json:"load,omitempty"`
	Counts    *Counts   `json:"counts,omitempty"`
	Latencies []Latency `json:"latencies,omitempty"`
	Rates     []Rate    `json:"rates,omitempty"`
	Memory    *Memory   `json:"memory,omitempty"`
	Sizes     []Size    `json:"sizes,omitempty"`
	Series    []Series  `json:"series,omitempty"`
	Processes []Process `json:"processes,omitempty"`
	Machine   Machine   `json:"machine"`
	Notes     []string  `json:"notes,omitempty"`
}

// Load is what was offered to the server and what it made of it, in runs a second.
type Load struct {
	Offered      float64 `json:"offered_per_second"` // 0: as fast as accepted
	Acknowledged float64 `json:"acknowledged_per_second"`
	Finished     float64 `json:"finished_per_second"`
	Seconds      float64 `json:"seconds"` // from the first submission to the last end
}

// Counts is what became of the runs.
type Counts struct {
	Planned      int `json:"planned"`
	Acknowledged int `json:"acknowledged"`
	Finished     int `json:"finished"`
	Succeeded    int `json:"succeeded"`
	// Lost runs were acknowledged and never ended.
	Lost int `json:"lost"`
	// Duplicated is how often work was started twice: an ID that answered two
	// submissions, or, when we are alone, a run that answered none.
	Duplicated int `json:"duplicated"`
	// Restarted runs ended with a second attempt or a later one.
	Restarted int `json:"restarted"`
	// Refused counts calls that the server put off and that were made again.
	Refused int `json:"refused"`
	// Errors counts submissions that were given up.
	Errors     int    `json:"errors"`
	FirstError string `json:"first_error,omitempty"`
	// Strangers are runs of others that were seen meanwhile.
	Strangers int `json:"strangers"`
	// Resyncs is how often the watch had dropped changes, and Listed the number
	// of ends that were read through ListRuns for that reason.
	Resyncs int `json:"resyncs"`
	Listed  int `json:"listed"`
}

// Latency is a distribution of times, in milliseconds.
type Latency struct {
	Name  string  `json:"name"`
	Count int64   `json:"count"`
	P50   float64 `json:"p50_ms"`
	P90   float64 `json:"p90_ms"`
	P95   float64 `json:"p95_ms"`
	P99   float64 `json:"p99_ms"`
	P999  float64 `json:"p999_ms"`
	Max   float64 `json:"max_ms"`
}

// Rate is a throughput, measured several times.
type Rate struct {
	Name   string  `json:"name"`
	Unit   string  `json:"unit"`
	Median float64 `json:"median"`
	Least  float64 `json:"least"`
	Most   float64 `json:"most"`
}

// Memory is what queued jobs weigh in the server, in bytes.
type Memory struct {
	Jobs       int     `json:"jobs"`
	RSSBefore  int64   `json:"rss_before"`
	RSSAfter   int64   `json:"rss_after"`
	RSSPerJob  float64 `json:"rss_per_job"`
	HeapBefore int64   `json:"heap_before"`
	HeapAfter  int64   `json:"heap_after"`
	HeapPerJob float64 `json:"heap_per_job"`
	// Workers are connected and idle. What they weigh was found before the first job,
	// and of that the jobs are counted.
	Workers       int     `json:"workers,omitempty"`
	RSSPerWorker  float64 `json:"rss_per_worker,omitempty"`
	HeapPerWorker float64 `json:"heap_per_worker,omitempty"`
	// Collections of garbage seen after the last submission. With none, the heap
	// still has in it what submitting left behind.
	Collections int `json:"collections"`
}

// Process is what a process used while the scenario ran.
type Process struct {
	Name       string  `json:"name"`
	PID        int     `json:"pid"`
	CPUSeconds float64 `json:"cpu_seconds"`
	// CPUPerRun is in microseconds. It tells more than a rate when others use the
	// machine too.
	CPUPerRun float64 `json:"cpu_us_per_run,omitempty"`
	RSS       int64   `json:"rss_bytes"`
	PeakRSS   int64   `json:"peak_rss_bytes"`
}

func (r *Report) fault(format string, args ...any) {
	r.Faults = append(r.Faults, fmt.Sprintf(format, args...))
}

func (r *Report) note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

// judge writes down what makes the figures unsound.
func (r *Report) judge() {
	c := r.Counts
	for _, f := range []struct {
		count int
		text  string
	}{
		{c.Planned - c.Acknowledged - c.Errors, "%d runs were never submitted"},
		{c.Errors, "%d submissions failed"},
		{c.Lost, "%d runs were acknowledged and did not end"},
		{c.Duplicated, "%d runs were started twice"},
		{c.Finished - c.Succeeded, "%d runs ended, but not as SUCCESS"},
	} {
		if f.count > 0 {
			r.fault(f.text, f.count)
		}
	}
	switch {
	case c.Listed > 0 && c.Resyncs == 0:
		r.fault("the watch never told of %d ends, nor that it had dropped any; ListRuns had them", c.Listed)
	case c.Listed > 0:
		r.note("the watch dropped changes: %d ends were read through ListRuns, at the server's times", c.Listed)
	}
}

// spread divides what the processes used among the runs.
func (r *Report) spread() {
	if r.Counts == nil || r.Counts.Acknowledged == 0 {
		return
	}
	for i := range r.Processes {
		p := &r.Processes[i]
		p.CPUPerRun = math.Round(p.CPUSeconds*1e7/float64(r.Counts.Acknowledged)) / 10
	}
}

const (
	longest = int64(time.Hour / time.Microsecond) // that a histogram holds
	digits  = 3                                   // of precision
)

// histogram gathers times. It is not for many goroutines at once.
type histogram struct {
	name string
	*hdrhistogram.Histogram
}

func newHistogram(name string) *histogram {
	return &histogram{name, hdrhistogram.New(1, longest, digits)}
}

// add records a time in nanoseconds. What lies outside the range counts at its
// end: two clocks may differ by less than they can tell.
func (h *histogram) add(nanoseconds int64) {
	_ = h.RecordValue(min(max(nanoseconds/int64(time.Microsecond), 0), longest))
}

// latency returns what is reported of a histogram.
func (h *histogram) latency() Latency {
	at := func(q float64) float64 { return millis(h.ValueAtQuantile(q)) }
	return Latency{
		Name: h.name, Count: h.TotalCount(), P50: at(50), P90: at(90), P95: at(95), P99: at(99), P999: at(99.9),
		Max: millis(h.Max()),
	}
}

func millis(microseconds int64) float64 { return float64(microseconds) / 1000 }

// perSecond is a rate that is 0 when it cannot be told.
func perSecond(count int, nanoseconds int64) float64 {
	if count == 0 || nanoseconds <= 0 {
		return 0
	}
	return math.Round(float64(count)/time.Duration(nanoseconds).Seconds()*10) / 10
}
