package loadtest_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"
)

// program is the yardmaster binary, built once.
var program = "" //nolint:gochecknoglobals // set by TestMain, before any test

func TestMain(m *testing.M) {
	remove, err := build()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		remove()
		os.Exit(code)
	}))
}

func build() (remove func(), err error) {
	dir, err := os.MkdirTemp("", "yardmaster-loadtest-bin-")
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "yardmaster")
	if out, err := exec.Command("go", "build", "-o", path, "yardmaster/cmd/yardmaster").CombinedOutput(); err != nil {
		return nil, errors.Join(fmt.Errorf("go build: %w: %s", err, out), os.RemoveAll(dir))
	}
	program = path
	return func() { _ = os.RemoveAll(dir) }, nil
}

// golden compares got with a file in testdata, or writes it when UPDATE is set.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != got {
		t.Errorf("%s:\n%s\nwant:\n%s", name, got, want)
	}
}
