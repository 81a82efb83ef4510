//go:build unix

package worker

import (
	"os"
	"runtime"
	"strconv"
	"strings"

	"yardmaster/workflow/expr"
)

// runnerEnvironment is what GitHub calls machines that are not its own.
const runnerEnvironment = "self-hosted"

// systemName is what GitHub calls an operating system.
func systemName(goos string) string {
	switch goos {
	case "linux":
		return "Linux"
	case "darwin":
		return "macOS"
	}
	return goos
}

// archName is what GitHub calls an architecture.
func archName(goarch string) string {
	switch goarch {
	case "amd64":
		return "X64"
	case "386":
		return "X86"
	}
	return strings.ToUpper(goarch)
}

// factsOfGitHub are the keys of the context github that steps see as variables, too, if
// the submission says them.
func factsOfGitHub() []string {
	return []string{
		"actor", "actor_id", "api_url", "base_ref", "event_name", "graphql_url", "head_ref", "ref", "ref_name",
		"ref_protected", "ref_type", "repository", "repository_id", "repository_owner", "repository_owner_id",
		"retention_days", "run_number", "server_url", "sha", "triggering_actor", "workflow_ref", "workflow_sha",
	}
}

// prepareVariables makes the variables that are the same for all steps, and the file of
// the event.
func (r *run) prepareVariables() *failure {
	r.given = append(base(r.inherited, r.task, r.space),
		variable{Name: "RUNNER_OS", Value: systemName(runtime.GOOS)},
		variable{Name: "RUNNER_ARCH", Value: archName(runtime.GOARCH)},
		variable{Name: "RUNNER_NAME", Value: r.cfg.Name},
		variable{Name: "RUNNER_TOOL_CACHE", Value: r.cfg.ToolCache},
		variable{Name: "RUNNER_ENVIRONMENT", Value: runnerEnvironment},
	)
	r.fixed = append(fixed(r.task, r.space),
		variable{Name: "GITHUB_ACTIONS", Value: "true"},
		variable{Name: "GITHUB_WORKSPACE", Value: r.space.work},
		variable{Name: "GITHUB_RUN_ID", Value: string(r.task.Job.Run)},
		variable{Name: "GITHUB_RUN_ATTEMPT", Value: strconv.Itoa(r.task.Attempt)},
		variable{Name: "GITHUB_JOB", Value: r.task.Spec.ID},
		variable{Name: "GITHUB_WORKFLOW", Value: r.task.Workflow},
	)
	if r.contexts == nil {
		return nil
	}
	if debugging(r.contexts["vars"]) {
		r.given = append(r.given, variable{Name: "RUNNER_DEBUG", Value: "1"})
	}
	github := r.contexts["github"]
	for _, key := range factsOfGitHub() {
		if v, ok := github.Get(key); ok && v.IsPrimitive() && v.Kind() != expr.Null {
			r.fixed = append(r.fixed, variable{Name: "GITHUB_" + strings.ToUpper(key), Value: v.Text()})
		}
	}
	event, ok := github.Get("event")
	if !ok {
		return nil
	}
	r.fixed = append(r.fixed, variable{Name: "GITHUB_EVENT_PATH", Value: r.space.event()})
	text, err := expr.FormatJSON(event, 0)
	if err == nil {
		err = writeNew(r.space.event(), text)
	}
	if err != nil {
		return notWritten("the file of the event", err)
	}
	return nil
}

// environment is what a step sees: with its own variables, and the files it may write.
func (r *run) environment(i int, own []variable) (*environment, *failure) {
	env := newEnvironment(r.given)
	for _, layer := range [][]variable{r.vars.vars, own} {
		if f := env.add(layer); f != nil {
			return nil, f
		}
	}
	if len(r.paths) > 0 {
		all := append(r.paths[:len(r.paths):len(r.paths)], env.get("PATH"))
		env.set(variable{Name: "PATH", Value: strings.Join(all, string(os.PathListSeparator))})
	}
	for _, v := range r.fixed {
		env.set(v)
	}
	for _, f := range stepFiles() {
		env.set(variable{Name: f.variable, Value: r.space.stepFile(i, f.name)})
	}
	return env, nil
}
