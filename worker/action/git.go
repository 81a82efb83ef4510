//go:build unix

package action

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"strings"
	"time"
)

const (
	maxGitLine = 4 << 10  // bytes of a line that Git says
	maxAnswer  = 16 << 20 // bytes of what it answers
	// gitLingers is how long a program that Git has left running may hold its output.
	gitLingers = 2 * time.Second
)

// git runs Git in a directory.
type git struct {
	program string
	dir     string
	env     []string
	log     io.Writer
}

// environOfGit returns the variables for Git: none that would lead it elsewhere, none
// that would have it ask somebody, and only ways to repositories that run no command.
func environOfGit(environ []string, local bool) []string {
	keep := []string{
		"GIT_SSH", "GIT_SSH_COMMAND", "GIT_ASKPASS", "GIT_SSL_", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM",
		"GIT_CONFIG_NOSYSTEM", "GIT_TRACE", "GIT_CURL_VERBOSE", "GIT_HTTP_", "GIT_PROXY_",
	}
	var env []string
	for _, v := range environ {
		kept := !strings.HasPrefix(v, "GIT_")
		for _, prefix := range keep {
			kept = kept || strings.HasPrefix(v, prefix)
		}
		if kept {
			env = append(env, v)
		}
	}
	protocols := "https:http:ssh:git"
	if local { // else a submodule could bring in what lies on the worker's disk
		protocols += ":file"
	}
	return append(env, "LC_ALL=C", "GIT_TERMINAL_PROMPT=0", "GIT_LFS_SKIP_SMUDGE=1", "GIT_ALLOW_PROTOCOL="+protocols)
}

// command runs no hook, and nothing that the repository's own settings name.
func (g *git) command(ctx context.Context, args ...string) *exec.Cmd {
	all := []string{
		"-c", "core.hooksPath=/dev/null", "-c", "protocol.ext.allow=never", "-c", "safe.directory=" + g.dir,
		"-c", "core.fsmonitor=false", "-c", "gc.auto=0", "-c", "maintenance.auto=false", "-c", "advice.detachedHead=false",
		"-c", "init.defaultBranch=main", "-c", "credential.interactive=false",
	}
	cmd := exec.CommandContext(ctx, g.program, append(all, args...)...)
	cmd.Dir, cmd.Env, cmd.WaitDelay = g.dir, g.env, gitLingers
	return cmd
}

// run has Git do something. What it says is in the log.
func (g *git) run(ctx context.Context, args ...string) error {
	_, err := g.ask(ctx, args...)
	return err
}

// ask returns what Git answers.
func (g *git) ask(ctx context.Context, args ...string) (string, error) {
	cmd := g.command(ctx, args...)
	var answer bytes.Buffer
	said := &relay{to: g.log}
	cmd.Stdout, cmd.Stderr = &capped{to: &answer}, said
	err := cmd.Run()
	said.end()
	if errors.Is(err, exec.ErrWaitDelay) {
		err = nil
	}
	if err != nil {
		return "", gitFailed(args[0], said.fatal, err)
	}
	return strings.TrimSuffix(answer.String(), "\n"), nil
}

// gitError is what Git failed of.
type gitError struct{ verb, said string }

// Error implements error.
func (e *gitError) Error() string { return "git " + e.verb + ": " + e.said }

// elsewhere tells of a network, or a server, that may be back later.
var elsewhere = regexp.MustCompile(`(?i)could not resolve|unable to access .*(connect|timed out|timeout|SSL|50[0-9])|` +
	`connection (refused|reset|timed out|closed)|early EOF|remote end hung up|network is unreachable|` +
	`no route to host|the requested URL returned error: 5|no space left|out of memory`)

func gitFailed(verb, said string, err error) error {
	if said == "" {
		said = err.Error()
	}
	e := &gitError{verb, said}
	if elsewhere.MatchString(said) {
		return lacking{e}
	}
	return e
}

// relay passes on what Git says, a line at a time. None of the lines begins as it began:
// a server could have it say what is a command to the worker.
type relay struct {
	to    io.Writer
	line  []byte
	fatal string // the first line that tells what went wrong
}

// Write implements io.Writer.
func (r *relay) Write(b []byte) (int, error) {
	for _, c := range b {
		switch {
		case c == '\n' || c == '\r':
			r.end()
		case len(r.line) < maxGitLine:
			r.line = append(r.line, c)
		}
	}
	return len(b), nil
}

// end passes on a line that has no end yet.
func (r *relay) end() {
	text := strings.TrimSpace(string(r.line))
	r.line = r.line[:0]
	if text == "" {
		return
	}
	if _, tells, ok := strings.Cut(text, "fatal: "); ok && r.fatal == "" {
		r.fatal = strings.ToValidUTF8(tells, "")
	} else if tells, ok := strings.CutPrefix(text, "error: "); ok && r.fatal == "" {
		r.fatal = strings.ToValidUTF8(tells, "")
	}
	fmt.Fprintf(r.to, "git: %s\n", text)
}

// capped refuses what is too much.
type capped struct{ to *bytes.Buffer }

// Write implements io.Writer.
func (c *capped) Write(b []byte) (int, error) {
	if c.to.Len()+len(b) > maxAnswer {
		return 0, errors.New("action: Git answers too much")
	}
	return c.to.Write(b)
}
