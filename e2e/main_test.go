//go:build linux

package e2e_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"
)

const (
	// programVariable names the program that is tested; without it, it is built.
	programVariable = "E2E_PROGRAM"
	// patience ends a test that hangs. It says nothing about how fast things are.
	patience = 90 * time.Second
)

var (
	rounds = flag.Int("rounds", 20, "how often the server is killed")
	seed   = flag.Uint64("seed", 0, "of all chance; 0 means a new one")
)

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "yardmaster-e2e-")
	if err == nil && os.Getenv(programVariable) == "" {
		err = build(filepath.Join(dir, "yardmaster"))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		_ = os.RemoveAll(dir)
		os.Exit(code)
	}))
}

// build builds the program with the race detector, or without where there is none.
func build(program string) error {
	var out []byte
	var err error
	for _, flags := range [][]string{{"build", "-race"}, {"build"}} {
		cmd := exec.Command("go", append(flags, "-o", program, "yardmaster/cmd/yardmaster")...)
		if out, err = cmd.CombinedOutput(); err == nil {
			return os.Setenv(programVariable, program)
		}
	}
	return fmt.Errorf("the program cannot be built: %w\n%s", err, out)
}

// chance returns the random source of a test, and tells its seed.
func chance(t *testing.T) *rand.Rand {
	t.Helper()
	s := *seed
	if s == 0 {
		s = rand.Uint64() >> 1
	}
	t.Logf("seed %d", s)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("repeat with: go test ./e2e -run '^%s$' -rounds %d -seed %d", t.Name(), *rounds, s)
		}
	})
	return rand.New(rand.NewPCG(s, 0))
}
