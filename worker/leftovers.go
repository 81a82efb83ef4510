//go:build unix

package worker

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"yardmaster/domain/attempt"
	"yardmaster/worker/proc"
)

// How long leftover processes are hunted, and how often.
const (
	sweepLimit = 5 * time.Second
	sweepPause = 10 * time.Millisecond
	// sweepRounds is how often none must be found: one that forks may be missed.
	sweepRounds = 3
)

var errLeftovers = errors.New("worker: processes of an earlier life cannot be killed")

// clearLeftovers kills and removes what an earlier life left in the directory,
// which is ours alone.
func (e *Executor) clearLeftovers() error {
	if err := sweep(e.cfg.WorkDir); err != nil {
		return err
	}
	if e.cfg.KeepWorkspaces {
		return nil
	}
	entries, err := os.ReadDir(e.cfg.WorkDir)
	if err != nil {
		return fmt.Errorf("worker: work directory: %w", err)
	}
	for _, entry := range entries {
		if _, _, err := attempt.ParseName(entry.Name()); err != nil || !entry.IsDir() {
			continue // not ours
		}
		if err := removeAll(filepath.Join(e.cfg.WorkDir, entry.Name())); err != nil {
			return fmt.Errorf("worker: leftover workspace: %w", err)
		}
	}
	return nil
}

// sweep kills every process that was started with a workspace below dir, until
// there is none.
func sweep(dir string) error {
	workspace := envWorkspace + "=" + dir + "/"
	match := func(environ []string) bool {
		named, within := false, false
		for _, v := range environ {
			named = named || strings.HasPrefix(v, envAttemptName+"=")
			within = within || strings.HasPrefix(v, workspace)
		}
		return named && within
	}
	begun := time.Now()
	for quiet := 0; quiet < sweepRounds; {
		if proc.KillWhere(match) == 0 {
			quiet++
			continue
		}
		quiet = 0
		if time.Since(begun) > sweepLimit {
			return errLeftovers
		}
		<-time.After(sweepPause)
	}
	return nil
}
