package main

import (
	"context"
	"os/exec"
	"strings"
	"time"
)

// gitPatience is how long Git may take for an answer that it has at hand.
const gitPatience = 5 * time.Second

// git returns what Git prints in a directory, without the end of the last line.
func (a *app) git(dir string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(a.stops.orderly, gitPatience)
	defer cancel()
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = dir
	cmd.Env = append(cmd.Environ(), "LC_ALL=C", "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0")
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	return strings.TrimRight(string(out), "\n"), err
}
