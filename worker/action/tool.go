//go:build unix

package action

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"time"

	"yardmaster/worker/toolcache"
	"yardmaster/workflow/action"
)

const (
	toolWithin  = 10 * time.Second // for a tool to say its version
	toolLingers = time.Second
	maxTools    = 32 // places of one tool that are looked at
)

// tool is one that can be set up.
type tool struct {
	what     string // for people
	label    string // of workers that have it
	input    string
	programs []string
	args     []string
	form     *regexp.Regexp // of what it says, with the version in its first group
	more     func(c *Call, t installed, r *Result) error
}

// installed is a tool that is there.
type installed struct {
	version action.Version
	bin     string
	program string
	first   bool // on PATH, so that it is the one that a step finds
}

// After a name, whatever looks like a version.
var (
	goVersion    = regexp.MustCompile(`\bgo([0-9]+\.[0-9]+\S*)`)
	javaVersion  = regexp.MustCompile(`version "([0-9][^"]*)"`)
	otherVersion = regexp.MustCompile(`\bv?([0-9]+\.[0-9]+\.[0-9]+\S*)`)
)

// toolOf returns what an action sets up.
func toolOf(name string) (tool, bool) {
	switch name {
	case action.SetupGo:
		return tool{"Go", "go", "go-version", []string{"go"}, []string{"version"}, goVersion, forGo}, true
	case action.SetupNode:
		return tool{"Node", "node", "node-version", []string{"node"}, []string{"--version"}, otherVersion, nil}, true
	case action.SetupPython:
		return tool{
			"Python", "python3", "python-version",
			[]string{"python3", "python"},
			[]string{"--version"},
			otherVersion, forPython,
		}, true
	case action.SetupJava:
		return tool{"Java", "java", "java-version", []string{"java"}, []string{"-version"}, javaVersion, forJava}, true
	}
	return tool{}, false
}

// installed returns what there is of the tool, what a step would find first before all
// others: on PATH, then among those that the worker keeps.
func (t tool) installed(ctx context.Context, c *Call) (all []installed) {
	seen := map[string]bool{}
	first := true
	for _, dir := range filepath.SplitList(c.Getenv("PATH")) {
		if seen[dir] || !filepath.IsAbs(dir) || len(all) == maxTools { // what is relative depends on where a step stands
			continue
		}
		seen[dir] = true
		for _, name := range t.programs {
			program := filepath.Join(dir, name)
			if version, ok := t.ask(ctx, c, program); ok {
				all = append(all, installed{version, dir, program, first})
				first = false
				break
			}
		}
	}
	for _, kept := range toolcache.List(c.Getenv("RUNNER_TOOL_CACHE"), runtime.GOARCH) {
		version, err := action.ParseVersion(kept.Version)
		if kept.Label == t.label && err == nil && !seen[kept.Bin] && len(all) < maxTools {
			all = append(all, installed{version, kept.Bin, filepath.Join(kept.Bin, t.programs[0]), false})
		}
	}
	return all
}

// ask has a program say its version, if there is one.
func (t tool) ask(ctx context.Context, c *Call, program string) (v action.Version, ok bool) {
	if info, err := os.Stat(program); err != nil || !info.Mode().IsRegular() || info.Mode()&0o111 == 0 {
		return v, false
	}
	ctx, cancel := context.WithTimeout(ctx, toolWithin)
	defer cancel()
	said, err := t.say(ctx, c, program)
	// Who installs it right now may have it open for writing.
	for pause := time.Millisecond; errors.Is(err, syscall.ETXTBSY) && pause < time.Second; pause *= 2 {
		<-time.After(pause)
		said, err = t.say(ctx, c, program)
	}
	if err != nil {
		return v, false
	}
	for line := range strings.Lines(said) {
		if found := t.form.FindStringSubmatch(line); found != nil {
			v, err = action.ParseVersion(found[1])
			return v, err == nil
		}
	}
	return v, false
}

// say returns what a program says of its version.
func (t tool) say(ctx context.Context, c *Call, program string) (string, error) {
	cmd := exec.CommandContext(ctx, program, t.args...)
	// In a directory without files that ask for another version, and not fetching one.
	cmd.Dir, cmd.WaitDelay = "/", toolLingers
	cmd.Env = append(append([]string{}, c.Environ...), "GOTOOLCHAIN=local", "LC_ALL=C")
	said, err := cmd.CombinedOutput()
	return string(said), err
}
