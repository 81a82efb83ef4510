package main

import (
	"encoding/json"
	"io"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"yardmaster/messages"
	"yardmaster/workflow/action"
)

// maxEvent is the most bytes of a file with an event.
const maxEvent = 1 << 20

// triggerOptions are the flags that say what a run is for: what its expressions see.
type triggerOptions struct {
	event     string
	eventFile string
	inputs    map[string]string
	vars      map[string]string
	github    map[string]string
	noGit     bool
	here      bool // the run is on this machine, and has the repository itself
}

func (o *triggerOptions) bind(flags *pflag.FlagSet) {
	flags.StringToStringVarP(&o.inputs, "input", "i", nil, "`name=value` of an input that the file declares")
	flags.StringToStringVar(&o.vars, "var", nil, "`name=value` for the context vars")
	flags.StringVar(&o.event, "event", "", "`name` of the event, such as push (default workflow_dispatch)")
	flags.StringVar(&o.eventFile, "event-file", "", "`file` with the event as JSON (- is standard input)")
	flags.StringToStringVar(&o.github, "github", nil, "`name=value` for the context github, over what Git says")
	flags.BoolVar(&o.noGit, "no-git", false, "do not ask Git for the commit that the file belongs to")
	for _, name := range []string{"input", "var", "github"} {
		flags.Lookup(name).DefValue = "" // a help that says "default []" says nothing
	}
}

// trigger returns what a run of the workflow file at path is for, or nil when there is
// nothing to say.
func (a *app) trigger(path string, o *triggerOptions) (*messages.Trigger, error) {
	t := &messages.Trigger{EventName: o.event, Inputs: o.inputs, Vars: o.vars}
	if o.eventFile != "" {
		if o.eventFile == "-" && path == "-" {
			return nil, usageError("--event-file and the workflow cannot both be standard input")
		}
		event, err := a.readEvent(o.eventFile)
		if err != nil {
			return nil, err
		}
		t.Event = event
	}
	if !o.noGit {
		t.Github = a.commitOf(path, o.here)
	}
	if o.github["repository"] != "" {
		delete(t.GetGithub(), repositoryURL) // it is another one's
	}
	if t.Github == nil {
		t.Github = map[string]string{}
	}
	maps.Copy(t.GetGithub(), o.github)
	if t.GetEventName() == "" && t.GetEvent() == "" && len(t.GetGithub())+len(t.GetInputs())+len(t.GetVars()) == 0 {
		return nil, nil //nolint:nilnil // a run may be for nothing
	}
	return t, nil
}

// readEvent reads a file that holds a JSON object.
func (a *app) readEvent(path string) (string, error) {
	in := a.in
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return "", usageError("--event-file: %s", err)
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, maxEvent+1))
	var object map[string]json.RawMessage
	switch {
	case err != nil:
		return "", usageError("--event-file: %s", err)
	case len(text) > maxEvent:
		return "", usageError("--event-file: %s has more than %d bytes", path, maxEvent)
	}
	if err := json.Unmarshal(text, &object); err != nil || object == nil {
		return "", usageError("--event-file: %s does not hold a JSON object", path)
	}
	return string(text), nil
}

// repositoryURL is what the context github calls where a repository is.
const repositoryURL = "repositoryUrl"

// commitOf asks Git for the commit that the file at path belongs to, and where jobs find
// it: here, or where it is pushed to. Where there is no Git, or no commit, it returns nil.
func (a *app) commitOf(path string, here bool) map[string]string {
	dir := "."
	if path != "-" {
		dir = filepath.Dir(path)
	}
	head, err := a.git(dir, "rev-parse", "HEAD", "--symbolic-full-name", "HEAD")
	sha, ref, both := strings.Cut(head, "\n")
	if err != nil || !both {
		return nil
	}
	facts := map[string]string{"sha": sha}
	if strings.HasPrefix(ref, "refs/") { // else no branch is checked out
		facts["ref"] = ref
	}
	if origin, err := a.git(dir, "config", "--get", "remote.origin.url"); err == nil {
		if name := repositoryOf(origin); name != "" {
			facts["repository"] = name
		}
		if where := withoutCredentials(origin); where != "" {
			facts[repositoryURL] = where
		}
	}
	if here {
		delete(facts, repositoryURL)
		if top, err := a.git(dir, "rev-parse", "--show-toplevel"); err == nil && filepath.IsAbs(top) {
			facts[repositoryURL] = (&url.URL{Scheme: "file", Path: top}).String()
		}
	}
	return facts
}

// withoutCredentials returns the URL of a repository less what only its owner should
// know, or "" if it leads nowhere from another directory.
func withoutCredentials(text string) string {
	if u, err := url.Parse(text); err == nil && u.User != nil {
		name := u.User.Username()
		if u.User = nil; u.Scheme == "ssh" {
			u.User = url.User(name)
		}
		text = u.String()
	}
	source, err := action.ParseRepository(text, "")
	if err != nil || !strings.Contains(text, ":") && !filepath.IsAbs(text) {
		return ""
	}
	return source.URL
}

// repositoryOf returns "owner/name" of the URL of a repository, without the name and
// the password that the URL may hold.
func repositoryOf(url string) string {
	url = strings.TrimSuffix(strings.TrimSuffix(strings.TrimSpace(url), "/"), ".git")
	parts := strings.FieldsFunc(url, func(r rune) bool { return r == '/' || r == ':' })
	if len(parts) < 3 { // of a path, or of nothing
		return ""
	}
	owner, name := parts[len(parts)-2], parts[len(parts)-1]
	if strings.ContainsAny(owner+name, "@ \t") || strings.HasPrefix(url, "/") || strings.HasPrefix(url, ".") {
		return ""
	}
	return owner + "/" + name
}
