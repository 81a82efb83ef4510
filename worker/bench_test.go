//go:build unix

package worker_test

import (
	"context"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"yardmaster/domain/attempt"
	"yardmaster/domain/job"
	"yardmaster/domain/plan"
	"yardmaster/worker"
)

// nobody is an observer that listens to nothing.
type nobody struct{}

func (nobody) StepChanged(attempt.Step) {}
func (nobody) Output(attempt.Chunk)     {}

func BenchmarkExecuteTrue(b *testing.B) {
	e, err := worker.New(worker.Config{WorkDir: b.TempDir()})
	require.NoError(b, err)
	defer e.Close()
	tk := task(plan.Step{Run: "true", Shell: "sh"})
	b.ReportAllocs()
	for b.Loop() {
		tk.Token++
		if res := e.Execute(context.Background(), tk, nobody{}); res.Outcome != job.OutcomeSucceeded {
			b.Fatal(res.Reason)
		}
	}
}

// BenchmarkShellAlone is what the step of BenchmarkExecuteTrue costs by itself.
func BenchmarkShellAlone(b *testing.B) {
	for b.Loop() {
		if err := exec.Command("sh", "-e", "-c", "true").Run(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOutput(b *testing.B) {
	e, err := worker.New(worker.Config{WorkDir: b.TempDir(), LogCap: 1 << 40})
	require.NoError(b, err)
	defer e.Close()
	tk := task(plan.Step{Run: "head -c 100000000 /dev/zero"})
	b.SetBytes(100_000_000)
	for b.Loop() {
		tk.Token++
		e.Execute(context.Background(), tk, nobody{})
	}
}

// BenchmarkOutputHidden is BenchmarkOutput of lines, in which a value is to be hidden.
func BenchmarkOutputHidden(b *testing.B) {
	e, err := worker.New(worker.Config{WorkDir: b.TempDir(), LogCap: 1 << 40})
	require.NoError(b, err)
	defer e.Close()
	tk := task(plan.Step{Run: "echo ::add-mask::correct-horse\nyes 'compiling std::vector of a.cc' | head -c 100000000"})
	b.SetBytes(100_000_000)
	for b.Loop() {
		tk.Token++
		e.Execute(context.Background(), tk, nobody{})
	}
}

func BenchmarkNoop(b *testing.B) {
	tk := task()
	b.ReportAllocs()
	for b.Loop() {
		worker.Noop{}.Execute(context.Background(), tk, nobody{})
	}
}
