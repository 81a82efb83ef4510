//go:build unix

package worker_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/domain/attempt"
	"yardmaster/domain/job"
	"yardmaster/domain/plan"
	"yardmaster/worker"
)

// origin is a repository that is checked out from.
type origin struct {
	t     *testing.T
	dir   string
	first string // its older commit
	head  string
}

// newOrigin has two commits on main, the first with the tag v1, and a branch next. Its
// hooks, and those of a template, would leave traces.
func newOrigin(t *testing.T) *origin {
	t.Helper()
	o := &origin{t: t, dir: t.TempDir()}
	o.git("init", "--quiet", "--initial-branch=main")
	o.write("file.txt", "one\n")
	o.commit("one")
	o.git("tag", "--annotate", "--message=one", "v1")
	o.first = o.git("rev-parse", "HEAD")
	o.write("file.txt", "two\n")
	o.commit("two")
	o.head = o.git("rev-parse", "HEAD")
	o.git("branch", "next", "main")
	return o
}

func (o *origin) git(args ...string) string {
	o.t.Helper()
	cmd := exec.CommandContext(o.t.Context(), "git", args...)
	cmd.Dir = o.dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.org",
		"GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.org", "GIT_ALLOW_PROTOCOL=file")
	out, err := cmd.CombinedOutput()
	require.NoError(o.t, err, "git %v: %s", args, out)
	return strings.TrimSpace(string(out))
}

func (o *origin) write(name, text string) {
	o.t.Helper()
	require.NoError(o.t, os.MkdirAll(filepath.Dir(filepath.Join(o.dir, name)), 0o755))
	require.NoError(o.t, os.WriteFile(filepath.Join(o.dir, name), []byte(text), 0o600))
}

func (o *origin) commit(message string) {
	o.t.Helper()
	o.git("add", ".")
	o.git("commit", "--quiet", "--message="+message)
}

// context is what an owner sends of a run of its newest commit.
func (o *origin) context() string {
	text, err := json.Marshal(map[string]any{"github": map[string]string{
		"repositoryUrl": "file://" + o.dir, "sha": o.head, "ref": "refs/heads/main",
	}})
	require.NoError(o.t, err)
	return string(text)
}

// checkout is a step that checks out with the inputs, as name and value.
func checkout(inputs ...string) plan.Step {
	s := plan.Step{ID: "source", Name: "get", Uses: "actions/checkout@v4"}
	for i := 0; i < len(inputs); i += 2 {
		s.With = append(s.With, plan.Var{Name: inputs[i], Value: inputs[i+1]})
	}
	return s
}

// from runs steps for a run of its newest commit.
func (o *origin) from(steps ...plan.Step) (job.Result, *heard) {
	o.t.Helper()
	tk := task(steps...)
	tk.Context = o.context()
	return execute(o.t, worker.Config{}, tk)
}

// tell shows what was checked out.
const tell = `cat file.txt; git rev-parse HEAD; git rev-list --count HEAD; 
git symbolic-ref --quiet --short HEAD || echo none
git tag; git status --porcelain; echo ref=${{ steps.source.outputs.ref }} commit=${{ steps.source.outputs.commit }}`

func TestWhatIsCheckedOut(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	of := func(inputs ...string) []string { return inputs }
	// shown is what tell says of a commit with a count, on a branch or none, with the tag or
	// without, as a ref.
	shown := func(text, commit, count, branch, tags, ref string) []string {
		return slices.DeleteFunc([]string{text, commit, count, branch, tags, "ref=" + ref + " commit=" + commit},
			func(line string) bool { return line == "" })
	}
	newest := shown("two", o.head, "1", "main", "", "refs/heads/main")
	onNext := shown("two", o.head, "1", "next", "", "refs/heads/next")
	tagged := shown("one", o.first, "1", "none", "v1", "refs/tags/v1")
	for name, tt := range map[string]struct{ inputs, want []string }{
		"the commit of the run": {nil, newest},
		"all of it":             {of("fetch-depth", "0"), shown("two", o.head, "2", "main", "v1", "refs/heads/main")},
		"a branch":              {of("ref", "next"), onNext},
		"a branch in full":      {of("ref", "refs/heads/next"), onNext},
		"a tag":                 {of("ref", "v1"), tagged},
		"an older commit":       {of("ref", o.first), shown("one", o.first, "1", "none", "", "")},
		"older, and all of it":  {of("ref", o.first, "fetch-depth", "0"), shown("one", o.first, "1", "none", "v1", "")},
		"two commits":           {of("fetch-depth", "2"), shown("two", o.head, "2", "main", "", "refs/heads/main")},
		"with tags":             {of("Fetch-Tags", "TRUE"), shown("two", o.head, "1", "main", "v1", "refs/heads/main")},
		"from a path":           {of("repository", o.dir), newest},
		"from a URL":            {of("repository", "file://"+o.dir, "ref", "v1"), tagged},
		"what need not be":      {of("token", "", "lfs", "false", "persist-credentials", "false"), newest},
		"by an expression":      {of("ref", "${{ github.ref }}"), newest},
		"and an empty one":      {of("ref", "${{ github.head_ref }}"), newest},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &origin{t, o.dir, o.first, o.head}
			res, h := p.from(checkout(tt.inputs...), plan.Step{Run: tell})
			require.Equal(t, job.OutcomeSucceeded, res.Outcome, h.output()+res.Reason)
			_, told, _ := strings.Cut(h.output(), "The commit is ")
			assert.Equal(t, tt.want, strings.Split(strings.TrimSpace(told), "\n")[1:])
		})
	}
}

func TestWhatCannotBeCheckedOutSaysWhy(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	nowhere := strings.Repeat("12", 20)
	for name, tt := range map[string]struct{ input, value, want string }{
		"no such ref":           {"ref", "nosuch", "the repository has no branch and no tag of the name in ref"},
		"no such commit":        {"ref", nowhere, "does not give commit " + nowhere},
		"no such repository":    {"repository", "/no/such", "git ls-remote: "},
		"an option":             {"ref", "${{ format('{0}x', '--') }}", "ref must name a branch"},
		"a way that runs":       {"repository", "${{ format('{0}::sh -c id', 'ext') }}", "repository must be owner/name"},
		"another place":         {"path", "${{ format('{0}/x', '..') }}", "path must lie within the workspace"},
		"what is not there":     {"lfs", "${{ github.sha != '' }}", "lfs is not supported in this version; remove it"},
		"what it does not take": {"none", "x", "actions/checkout has no input none"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &origin{t, o.dir, o.first, o.head}
			res, h := p.from(checkout(tt.input, tt.value))
			assert.Equal(t, job.OutcomeFailed, res.Outcome)
			assert.Equal(t, job.FaultUser, res.Fault)
			assert.Contains(t, res.Reason, tt.want)
			assert.Contains(t, h.text(attempt.Notice), tt.want)
			assert.Equal(t, 1, res.Steps[0].ExitCode)
		})
	}
}

func TestACommitThatIsNotThereIsNotFoundAmongAllEither(t *testing.T) {
	t.Parallel()
	nowhere := strings.Repeat("12", 20)
	res, _ := newOrigin(t).from(checkout("ref", nowhere, "fetch-depth", "0"))
	assert.Equal(t, job.FaultUser, res.Fault)
	assert.Contains(t, res.Reason, "does not give commit "+nowhere)
}

func TestACommitIsFoundWhereItCannotBeAskedFor(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	middle := o.head
	o.git("branch", "--quiet", "-D", "next")
	o.write("file.txt", "three\n")
	o.commit("three")
	old := filepath.Join(t.TempDir(), "config") // in which a server gives only what it shows
	require.NoError(t, os.WriteFile(old, []byte("[protocol]\n\tversion = 0\n"), 0o600))
	step := checkout("ref", middle)
	step.Env = []plan.Var{{Name: "GIT_CONFIG_GLOBAL", Value: old}}
	res, h := o.from(step, plan.Step{Run: "cat file.txt"})
	require.Equal(t, job.OutcomeSucceeded, res.Outcome, h.output()+res.Reason)
	assert.Contains(t, h.output(), "git: error: Server does not allow request for unadvertised object")
	assert.Regexp(t, `\ntwo\n$`, h.output())
}

func TestACheckoutKeepsToItsDirectory(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	outside := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(outside, "precious"), nil, 0o600))
	res, h := o.from(
		plan.Step{Run: "echo mine >kept.txt; mkdir source; echo old >source/old.txt"},
		checkout("path", "source"),
		plan.Step{Run: "cat kept.txt source/file.txt; ls source"},
		checkout("path", "source", "clean", "false", "ref", "v1"),
		plan.Step{Run: "cat source/file.txt; ls -d kept.txt"},
		checkout(),
		plan.Step{Run: "ls; git status --porcelain"},
	)
	require.Equal(t, job.OutcomeSucceeded, res.Outcome, h.output()+res.Reason)
	assert.Regexp(t, `(?s)mine\ntwo\nfile\.txt\n.*one\nkept\.txt\n.*Removing what is in the directory\n.*\nfile\.txt\n$`,
		h.output())

	res, _ = o.from(plan.Step{Run: "ln -s " + outside + " source"}, checkout("path", "source"))
	assert.Equal(t, job.FaultUser, res.Fault)
	assert.Contains(t, res.Reason, "actions/checkout: path ")
	assert.FileExists(t, filepath.Join(outside, "precious"))
}

func TestNothingOfARepositoryRunsWhenItIsCheckedOut(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	trace := filepath.Join(t.TempDir(), "trace")
	hook := "#!/bin/sh\ntouch '" + trace + "'\n"
	template := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(template, "hooks"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(template, "hooks", "post-checkout"), []byte(hook), 0o755))
	step := checkout()
	step.Env = []plan.Var{
		{Name: "GIT_TEMPLATE_DIR", Value: template},
		{Name: "GIT_CONFIG_COUNT", Value: "1"},
		{Name: "GIT_CONFIG_KEY_0", Value: "core.hooksPath"},
		{Name: "GIT_CONFIG_VALUE_0", Value: filepath.Join(template, "hooks")},
		{Name: "GIT_DIR", Value: o.dir},
	}
	res, h := o.from(step, plan.Step{Run: "cat file.txt"})
	require.Equal(t, job.OutcomeSucceeded, res.Outcome, h.output()+res.Reason)
	assert.NoFileExists(t, trace)
}

func TestSubmodulesAreThereIfTheyAreWanted(t *testing.T) {
	t.Parallel()
	inner, o := newOrigin(t), newOrigin(t)
	o.git("submodule", "--quiet", "add", "file://"+inner.dir, "inner")
	o.commit("with a submodule")
	o.head = o.git("rev-parse", "HEAD")
	res, h := o.from(checkout(), plan.Step{Run: "test ! -e inner/file.txt"}, checkout("submodules", "true"),
		plan.Step{Run: "cat inner/file.txt"}, checkout("submodules", "recursive", "path", "again"))
	require.Equal(t, job.OutcomeSucceeded, res.Outcome, h.output()+res.Reason)
	assert.Contains(t, h.output(), "two\n")
}

func TestADefaultBranchIsFound(t *testing.T) {
	t.Parallel()
	o := newOrigin(t)
	tk := task(checkout("repository", o.dir), plan.Step{Run: tell})
	res, h := execute(t, worker.Config{}, tk)
	require.Equal(t, job.OutcomeSucceeded, res.Outcome, h.output()+res.Reason)
	assert.Contains(t, h.output(), "ref=refs/heads/main commit="+o.head)

	res, _ = execute(t, worker.Config{}, task(checkout()))
	assert.Contains(t, res.Reason, "the run does not say which repository it is of")
	assert.Equal(t, job.FaultUser, res.Fault)
}

func TestACheckoutIsStoppedAsAScriptIs(t *testing.T) {
	t.Parallel()
	bin := t.TempDir()
	ready := filepath.Join(bin, "ready")
	script := "#!/bin/sh\nsleep 600 &\necho $$ $! >'" + ready + "'\necho ready >&2\nwait\n"
	require.NoError(t, os.WriteFile(filepath.Join(bin, "git"), []byte(script), 0o755))
	cfg := worker.Config{Environ: []string{"PATH=" + bin + ":" + os.Getenv("PATH")}, Grace: time.Minute}
	ctx, h := whenSaid("git: ready", attempt.ErrCancelled)
	res, _ := executeUntil(ctx, t, cfg, task(checkout("repository", "/x")), h)
	pids := pidsIn(t, ready, 2)
	assert.Equal(t, job.OutcomeCancelled, res.Outcome)
	assert.Empty(t, alive(pids))
}

func TestAWorkerWithoutGitSaysSo(t *testing.T) {
	t.Parallel()
	res, _ := execute(t, worker.Config{Environ: []string{"PATH=" + t.TempDir()}}, task(checkout("repository", "/x")))
	assert.Equal(t, job.FaultInfrastructure, res.Fault)
	assert.Equal(t, "actions/checkout: this worker has no git", res.Reason)
}

func TestAToolIsSetUpForTheStepsThatFollow(t *testing.T) {
	t.Parallel()
	cache := t.TempDir()
	for _, arch := range []string{"x64", "arm64"} {
		bin := filepath.Join(cache, "node", "99.1.0", arch, "bin")
		require.NoError(t, os.MkdirAll(bin, 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(bin, "node"), []byte("#!/bin/sh\necho v99.1.0 of the cache\n"), 0o755))
	}
	setup := func(version string) plan.Step {
		return plan.Step{
			ID: "node", Uses: "actions/setup-node@v4",
			With: []plan.Var{{Name: "node-version", Value: version}, {Name: "cache", Value: "npm"}},
		}
	}
	cfg := worker.Config{ToolCache: cache}
	res, h := execute(t, cfg, task(setup("99.x"), plan.Step{Run: "node; echo ${{ steps.node.outputs.node-version }}"}))
	require.Equal(t, job.OutcomeSucceeded, res.Outcome, h.output()+res.Reason)
	assert.Regexp(t, `^Node 99\.1\.0 in .*\nv99\.1\.0 of the cache\nv99\.1\.0\n$`, h.output())

	res, _ = execute(t, cfg, task(setup("98"), plan.Step{Run: "true"}))
	assert.Equal(t, job.FaultInfrastructure, res.Fault, "another worker may have it")
	assert.Contains(t, res.Reason, "actions/setup-node: this worker has no such Node; it has 99.1.0")
	assert.Equal(t, []string{"failed", "skipped"}, names(res))
}
