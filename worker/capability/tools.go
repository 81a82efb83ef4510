//go:build unix

package capability

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Limits of what tools may do.
const (
	probeWithin = 5 * time.Second // for everything
	toolWithin  = 3 * time.Second // for one tool
	toolsAtOnce = 4
	maxOutput   = 4 << 10 // bytes that are read of a tool
	lingering   = 200 * time.Millisecond
)

// tool is a program, and how it tells its version.
type tool struct {
	name string
	args []string
	// version finds the version in what the tool writes, in its first group.
	version *regexp.Regexp
}

// anywhere finds a version wherever it stands first.
var anywhere = regexp.MustCompile(`\bv?([0-9]+(?:\.[0-9]+){1,2})`)

// tools are asked in this order. Programs that fetch something, or leave something
// behind, when they are asked for their version are not among them.
var tools = []tool{
	{"go", []string{"version"}, regexp.MustCompile(`\bgo([0-9]+(?:\.[0-9]+){1,2})`)},
	{"node", []string{"--version"}, anywhere},
	{"npm", []string{"--version"}, anywhere},
	{"python3", []string{"--version"}, anywhere},
	{"java", []string{"-version"}, regexp.MustCompile(`version "([0-9]+(?:\.[0-9]+){0,2})`)},
	{"git", []string{"--version"}, anywhere},
	{"gcc", []string{"-dumpfullversion", "-dumpversion"}, regexp.MustCompile(`^([0-9]+(?:\.[0-9]+){0,2})`)},
	{"clang", []string{"--version"}, anywhere},
	{"make", []string{"--version"}, anywhere},
	{"cmake", []string{"--version"}, anywhere},
	{"docker", []string{"--version"}, anywhere},
	{"podman", []string{"--version"}, anywhere},
	{"cargo", []string{"--version"}, anywhere},
	{"rustc", []string{"--version"}, anywhere},
	{"ruby", []string{"--version"}, anywhere},
	{"php", []string{"--version"}, anywhere},
}

// probe starts tools.
type probe struct {
	dirs []string // of the path
	env  []string
}

// newProbe has tools see those variables of an environment that they need to find
// their own parts. Nothing else of it reaches them: it may hold secrets.
func newProbe(environ []string) *probe {
	p := &probe{env: []string{"GOTOOLCHAIN=local"}} // go would fetch the version that a file wants
	for _, v := range environ {
		name, value, _ := strings.Cut(v, "=")
		if name == "PATH" {
			p.dirs = filepath.SplitList(value)
		}
		if slices.Contains([]string{"PATH", "HOME", "LANG", "TZ"}, name) {
			p.env = append(p.env, v)
		}
	}
	return p
}

// tools returns the labels of those that answer.
func (p *probe) tools(ctx context.Context, all []tool) []string {
	found := make([][]string, len(all))
	places := make(chan struct{}, toolsAtOnce)
	var asked sync.WaitGroup
	for i, t := range all {
		path, ok := p.find(t.name)
		if !ok {
			continue
		}
		asked.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			out, ok := p.run(ctx, path, nil, t.args...)
			if !ok {
				return
			}
			version := ""
			if m := t.version.FindStringSubmatch(out); m != nil {
				version = m[1]
			}
			found[i] = versionLabels(t.name, version)
		})
	}
	asked.Wait()
	return slices.Concat(found...)
}

// find returns where on the path a program is.
func (p *probe) find(name string) (string, bool) {
	for _, dir := range p.dirs {
		if !filepath.IsAbs(dir) {
			continue // it would depend on where a job stands
		}
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path, true
		}
	}
	return "", false
}

// run starts a program and returns the beginning of what it writes, if it ends well
// and in time. All that it started is killed otherwise.
func (p *probe) run(ctx context.Context, path string, attr *syscall.SysProcAttr, args ...string) (string, bool) {
	ctx, cancel := context.WithTimeout(ctx, toolWithin)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...) //nolint:gosec // a program of the table, on the worker's own path
	out := &clipped{left: maxOutput}
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = p.env, "/", out, out
	if attr == nil {
		attr = new(syscall.SysProcAttr)
	}
	attr.Setpgid = true
	cmd.SysProcAttr, cmd.WaitDelay = attr, lingering
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	err := cmd.Run()
	return string(out.kept), err == nil || errors.Is(err, exec.ErrWaitDelay) && ctx.Err() == nil
}

// clipped keeps the beginning of what is written, and forgets the rest.
type clipped struct {
	kept []byte
	left int
}

// Write implements io.Writer.
func (c *clipped) Write(b []byte) (int, error) {
	n := min(len(b), c.left)
	c.kept = append(c.kept, b[:n]...)
	c.left -= n
	return len(b), nil
}

var _ io.Writer = (*clipped)(nil)
