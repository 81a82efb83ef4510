package loadtest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// selfSized is what a worker is called, in the report, that sizes its slots by itself.
const selfSized = "auto"

// Size is what a worker of one size made of one mix of jobs.
type Size struct {
	Mix           string  `json:"mix"`
	Slots         string  `json:"slots"`
	Seconds       float64 `json:"seconds"` // from the submission to the last end
	RunsPerSecond float64 `json:"runs_per_second"`
	// CPU is the share of all processors in use while work waited, by whomever.
	CPU float64 `json:"cpu"`
	// Switches of context a second, in the whole machine, while work waited.
	Switches float64 `json:"switches_per_second"`
	Most     int     `json:"most_slots"`
}

// compareSizes notes how the worker that sizes itself stands to the best fixed size.
func (r *Report) compareSizes(mixName string) {
	var best, own *Size
	for i := range r.Sizes {
		s := &r.Sizes[i]
		switch {
		case s.Mix != mixName || s.Seconds <= 0:
		case s.Slots == selfSized:
			own = s
		case best == nil || s.Seconds < best.Seconds:
			best = s
		}
	}
	if best == nil || own == nil {
		return
	}
	r.note("%s: by itself %.1fs, the best fixed size (%s) %.1fs: %+.0f %%", mixName, own.Seconds, best.Slots, best.Seconds,
		100*(own.Seconds/best.Seconds-1))
}

func (r *Report) sizesText(b *strings.Builder) {
	if len(r.Sizes) == 0 {
		return
	}
	b.WriteString("\n")
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "mix\tslots\ttook\truns/s\tprocessors in use\tswitches/s\tmost slots\t")
	for _, s := range r.Sizes {
		fmt.Fprintf(w, "%s\t%s\t%.1fs\t%.1f\t%.0f %%\t%.0f\t%d\t\n",
			s.Mix, s.Slots, s.Seconds, s.RunsPerSecond, 100*s.CPU, s.Switches, s.Most)
	}
	_ = w.Flush()
}

// system is what the machine has done since it started. Where it does not tell, all
// is 0.
type system struct{ busy, total, switches int64 }

func readSystem() system {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return system{}
	}
	return parseSystem(string(text))
}

// parseSystem reads /proc/stat: of its first line, all but idle and waiting for
// disks is use.
func parseSystem(text string) (s system) {
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		switch {
		case len(f) > 8 && f[0] == "cpu":
			for i, field := range f[1:9] {
				n := count(field)
				s.total += n
				if i != 3 && i != 4 {
					s.busy += n
				}
			}
		case len(f) == 2 && f[0] == "ctxt":
			s.switches = count(f[1])
		}
	}
	return s
}

// count reads a number; what is none is 0.
func count(s string) int64 {
	n, _ := strconv.ParseInt(s, 10, 64)
	return max(0, n)
}

const (
	trialLoops  = 200_000
	trials      = 3
	fewestLoops = 1000
)

// calibrate returns how many rounds of the loop take that much of a processor here.
// The quickest of a few trials counts: the others were disturbed.
func calibrate(ctx context.Context, compute time.Duration) (loops int, err error) {
	script := fmt.Sprintf("i=0; while [ $i -lt %d ]; do i=$((i+1)); done", trialLoops)
	var quickest time.Duration
	for range trials {
		cmd := exec.CommandContext(ctx, "sh", "-e", "-c", script)
		if err := cmd.Run(); err != nil {
			return 0, fmt.Errorf("loadtest: calibrate: %w", err)
		}
		if took := cmd.ProcessState.UserTime(); took > 0 && (quickest == 0 || took < quickest) {
			quickest = took
		}
	}
	if quickest == 0 {
		return 0, fmt.Errorf("loadtest: calibrate: %d rounds took no time", trialLoops)
	}
	return max(fewestLoops, int(float64(trialLoops)*float64(compute)/float64(quickest))), nil
}
