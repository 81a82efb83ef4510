//go:build unix

package action

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"yardmaster/domain/plan"
	"yardmaster/workflow/action"
)

// checkout gets the files of a commit into the workspace, by Git.
type checkout struct{}

// Run implements Action.
func (checkout) Run(ctx context.Context, c *Call) (Result, error) {
	w, err := resolve(c.Inputs, c.Facts)
	if err != nil {
		return Result{}, err
	}
	program, err := exec.LookPath("git")
	if err != nil {
		return Result{}, lack("this worker has no git")
	}
	dir, err := prepare(c, c.Getenv("GITHUB_WORKSPACE"), w)
	if err != nil {
		return Result{}, err
	}
	g := &git{program, dir, environOfGit(c.Environ, w.source.Local), c.Log}
	if err := g.begin(ctx, w.source.URL); err != nil {
		return Result{}, err
	}
	if err := g.locate(ctx, &w); err != nil {
		return Result{}, err
	}
	fmt.Fprintf(c.Log, "Getting %s of %s\n", w.shown(), w.source.URL)
	if err := g.fetch(ctx, &w); err != nil {
		return Result{}, err
	}
	if err := g.switchTo(ctx, &w); err != nil {
		return Result{}, err
	}
	if err := g.submodules(ctx, &w); err != nil {
		return Result{}, err
	}
	head, err := g.ask(ctx, "rev-parse", "HEAD")
	if err != nil {
		return Result{}, err
	}
	fmt.Fprintf(c.Log, "The commit is %s\n", head)
	return Result{Outputs: []plan.Var{{Name: "ref", Value: w.ref}, {Name: "commit", Value: head}}}, nil
}

// prepare makes the directory for the files, empty unless what is there is to stay.
// Nothing outside the workspace is touched, wherever links lead.
func prepare(c *Call, workspace string, w wanted) (dir string, err error) {
	root, err := os.OpenRoot(workspace)
	if err != nil {
		return "", lack("the workspace cannot be opened: %w", err)
	}
	defer root.Close()
	if err := root.MkdirAll(w.path, 0o755); err != nil {
		return "", errors.New("path cannot be made in the workspace: " + causeOf(err))
	}
	inner, err := root.OpenRoot(w.path)
	if err != nil {
		return "", errors.New("path does not lead to a directory of the workspace: " + causeOf(err))
	}
	defer inner.Close()
	dir, err = filepath.EvalSymlinks(filepath.Join(workspace, w.path))
	if err != nil || !w.clean {
		return dir, err
	}
	entries, err := fs.ReadDir(inner.FS(), ".")
	if err != nil {
		return "", err
	}
	if len(entries) > 0 {
		fmt.Fprintln(c.Log, "Removing what is in the directory")
	}
	for _, e := range entries {
		if err := inner.RemoveAll(e.Name()); err != nil {
			return "", errors.New("the directory cannot be made empty: " + causeOf(err))
		}
	}
	return dir, nil
}

func causeOf(err error) string {
	var pathError *fs.PathError
	if errors.As(err, &pathError) {
		return pathError.Err.Error()
	}
	return err.Error()
}

// begin makes an empty repository, without the hooks of any template.
func (g *git) begin(ctx context.Context, url string) error {
	for _, args := range [][]string{
		{"init", "--quiet", "--template="},
		{"config", "remote.origin.url", url},
		{"config", "remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*"},
	} {
		if err := g.run(ctx, args...); err != nil {
			return err
		}
	}
	return nil
}

// locate finds out what a ref without a full name is, and which branch is the default.
func (g *git) locate(ctx context.Context, w *wanted) error {
	switch {
	case w.ref == "" && w.commit == "":
		answer, err := g.ask(ctx, "ls-remote", "--quiet", "--symref", "--", "origin", "HEAD")
		if err != nil {
			return err
		}
		return w.isDefault(answer)
	case w.ref == "" || strings.HasPrefix(w.ref, "refs/"):
		return nil
	}
	branch, tag := "refs/heads/"+w.ref, "refs/tags/"+w.ref
	answer, err := g.ask(ctx, "ls-remote", "--quiet", "--", "origin", branch, tag)
	if err != nil {
		return err
	}
	switch {
	case strings.Contains(answer+"\n", "\t"+branch+"\n"):
		w.ref = branch
	case strings.Contains(answer+"\n", "\t"+tag+"\n"):
		w.ref = tag
	default:
		return errors.New("the repository has no branch and no tag of the name in ref; a commit needs all of its 40 digits")
	}
	return nil
}

// fetch gets the commits that are wanted.
func (g *git) fetch(ctx context.Context, w *wanted) error {
	tags, depth := "--no-tags", "--depth="+strconv.Itoa(w.depth)
	if w.tags || w.depth == 0 {
		tags = "--tags"
	}
	options := []string{tags, depth}
	if w.depth == 0 {
		options = options[:1]
	}
	err := g.get(ctx, w.refspecs(), options...)
	if w.commit == "" || err == nil && g.has(ctx, w.commit) || errors.As(err, new(lacking)) {
		return err
	}
	// Some servers give no commit by its name alone; of others it is on no branch.
	if w.depth > 0 {
		_ = g.get(ctx, []string{"+refs/heads/*:refs/remotes/origin/*"}, "--tags") // the error before this says more
	} else if err == nil {
		err = g.get(ctx, []string{w.commit}, "--no-tags")
	}
	if g.has(ctx, w.commit) {
		return nil
	}
	if err == nil {
		err = errors.New("it was not sent")
	}
	return fmt.Errorf("the repository does not give commit %s: %w; has it been pushed there?", w.commit, err)
}

func (g *git) get(ctx context.Context, refspecs []string, options ...string) error {
	args := append([]string{"fetch", "--quiet", "--no-recurse-submodules", "--no-write-fetch-head"}, options...)
	return g.run(ctx, append(append(args, "--", "origin"), refspecs...)...)
}

func (g *git) has(ctx context.Context, commit string) bool {
	return g.command(ctx, "cat-file", "-e", commit+"^{commit}").Run() == nil
}

// switchTo writes the files: on a branch if the ref is one.
func (g *git) switchTo(ctx context.Context, w *wanted) error {
	if branch, ok := strings.CutPrefix(w.ref, "refs/heads/"); ok {
		return g.run(ctx, "checkout", "--quiet", "--force", "-B", branch, w.start(), "--")
	}
	return g.run(ctx, "checkout", "--quiet", "--force", "--detach", w.start(), "--")
}

// submodules gets them, if they are wanted.
func (g *git) submodules(ctx context.Context, w *wanted) error {
	if w.submodules == "" {
		return nil
	}
	update := []string{"submodule", "--quiet", "update", "--init", "--force"}
	if w.depth > 0 {
		update = append(update, "--depth="+strconv.Itoa(w.depth))
	}
	if w.submodules == recursive {
		update = append(update, "--recursive")
	}
	return g.run(ctx, update...)
}

// wanted is what a checkout is to get.
type wanted struct {
	source     action.Source
	ref        string // "" is the default branch, if there is no commit
	commit     string // "" is the newest of the ref
	path       string // in the workspace
	depth      int    // 0 means all
	tags       bool
	submodules string // "", "true" or recursive
	clean      bool
}

const recursive = "recursive"

// resolve decides what is wanted, by the inputs and what is known of the run.
func resolve(in, facts map[string]string) (w wanted, err error) {
	w = wanted{path: cmp.Or(filepath.Clean(in["path"]), "."), depth: 1, clean: true}
	if in["fetch-depth"] != "" {
		w.depth, _ = strconv.Atoi(in["fetch-depth"]) // which has been checked
	}
	w.tags, w.clean = isTrue(in["fetch-tags"]), in["clean"] == "" || isTrue(in["clean"])
	switch s := strings.ToLower(in["submodules"]); s {
	case "true", recursive:
		w.submodules = s
	}
	own := in["repository"] == "" || strings.EqualFold(in["repository"], facts["repository"])
	if w.source, err = sourceOf(in, facts, own); err != nil {
		return w, err
	}
	switch ref := in["ref"]; {
	case action.IsCommit(ref):
		w.commit = strings.ToLower(ref)
	case ref != "":
		w.ref = ref
	case own:
		if action.IsCommit(facts["sha"]) {
			w.commit = strings.ToLower(facts["sha"])
		}
		if strings.HasPrefix(facts["ref"], "refs/") && action.CheckRef(facts["ref"]) == nil {
			w.ref = facts["ref"]
		}
	}
	return w, nil
}

func isTrue(s string) bool { return strings.EqualFold(s, "true") }

// sourceOf returns where the repository is: that of the run, or another.
func sourceOf(in, facts map[string]string, own bool) (action.Source, error) {
	server := in["github-server-url"]
	text := cmp.Or(in["repository"], facts["repository"])
	if own && server == "" && facts["repositoryUrl"] != "" {
		text = facts["repositoryUrl"]
	}
	if text == "" {
		return action.Source{}, errors.New("the run does not say which repository it is of; " +
			"give repository, or submit a file that is in one")
	}
	source, err := action.ParseRepository(text, cmp.Or(server, facts["server_url"]))
	if err != nil {
		return source, fmt.Errorf("repository %w", err)
	}
	return source, nil
}

// isDefault takes over what a server answers about its default branch.
func (w *wanted) isDefault(answer string) error {
	for line := range strings.Lines(answer) {
		head, name, _ := strings.Cut(strings.TrimSpace(line), "\t")
		target, symbolic := strings.CutPrefix(head, "ref: ")
		switch {
		case name != "HEAD":
		case symbolic && strings.HasPrefix(target, "refs/heads/") && action.CheckRef(target) == nil:
			w.ref = target
		case !symbolic && w.ref == "" && action.IsCommit(head):
			w.commit = head
		}
	}
	if w.ref == "" && w.commit == "" {
		return errors.New("the repository has no default branch; give ref")
	}
	return nil
}

// refspecs returns what is to be fetched, and as what.
func (w *wanted) refspecs() []string {
	if w.depth == 0 {
		specs := []string{"+refs/heads/*:refs/remotes/origin/*"}
		if w.ref != "" && !strings.HasPrefix(w.ref, "refs/heads/") && !strings.HasPrefix(w.ref, "refs/tags/") {
			specs = append(specs, "+"+w.ref+":"+w.tracked())
		}
		return specs
	}
	switch {
	case w.ref == "":
		return []string{w.commit}
	case w.commit == "":
		return []string{"+" + w.ref + ":" + w.tracked()}
	case strings.HasPrefix(w.ref, "refs/tags/"): // the tag, too: it may say more than a commit
		return []string{w.commit, "+" + w.ref + ":" + w.ref}
	}
	return []string{"+" + w.commit + ":" + w.tracked()}
}

// tracked is what the ref is called here.
func (w *wanted) tracked() string {
	if branch, ok := strings.CutPrefix(w.ref, "refs/heads/"); ok {
		return "refs/remotes/origin/" + branch
	}
	if strings.HasPrefix(w.ref, "refs/tags/") {
		return w.ref
	}
	return "refs/remotes/" + strings.TrimPrefix(w.ref, "refs/")
}

// start is what the files are those of.
func (w *wanted) start() string {
	if w.commit != "" {
		return w.commit
	}
	return w.tracked()
}

// shown says what is wanted, for people.
func (w *wanted) shown() string {
	switch {
	case w.ref == "":
		return w.commit
	case w.commit == "":
		return w.ref
	}
	return w.ref + " at " + w.commit
}
