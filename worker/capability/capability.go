//go:build unix

// Package capability finds out what a machine can: its system, cores and memory,
// the tools on its path with their versions, and the kinds of sandbox that its
// kernel allows.
//
// It changes nothing on the machine, opens no connection, and takes a bounded time
// whatever the tools do. What it cannot find out it leaves out: a label that is
// there can be relied on.
package capability

import (
	"context"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strings"

	"yardmaster/domain/resource"
	"yardmaster/domain/worker"
	"yardmaster/worker/toolcache"
	"yardmaster/workflow/action"
)

// Found is what was found out about a machine.
type Found struct {
	// Labels are canonical, and each is one that workers may have.
	Labels []string
	// Resources are those that this process may use: of the machine, or of its
	// control group where that allows less.
	Resources resource.Amount
}

// Machine returns what costs nothing to find out: system and architecture, cores
// and memory.
func Machine() Found { return machine(os.DirFS("/"), runtime.NumCPU()) }

func machine(root fs.FS, cpus int) Found {
	room := resource.Amount{CPU: int64(cpus) * resource.Core, Memory: memory(root)}
	if limit, ok := cpuLimit(root); ok {
		room.CPU = min(room.CPU, limit)
	}
	return Found{Labels: systemLabels(runtime.GOOS, runtime.GOARCH), Resources: room}
}

// Discover returns what Machine does, and beside it the tools and the kinds of
// sandbox, and the tools that a directory keeps. It starts each tool on the path once,
// with the variables of environ that programs need to find their own parts, and takes no
// longer than ctx and its own limit.
func Discover(ctx context.Context, environ []string, toolCache string) Found {
	ctx, cancel := context.WithTimeout(ctx, probeWithin)
	defer cancel()
	p := newProbe(environ)
	found := Machine()
	found.Labels = sound(slices.Concat(found.Labels, p.sandboxes(ctx), p.tools(ctx, tools), kept(toolCache)))
	return found
}

// kept returns the labels of the tools that a directory keeps.
func kept(toolCache string) (labels []string) {
	for _, t := range toolcache.List(toolCache, runtime.GOARCH) {
		if v, err := action.ParseVersion(t.Version); err == nil {
			labels = append(labels, versionLabels(t.Label, v.String())...)
		}
	}
	return labels
}

// systemLabels names a system and an architecture as Go does, and as GitHub does
// where that differs.
func systemLabels(system, arch string) []string {
	labels := []string{system, arch}
	for ours, theirs := range map[string]string{"amd64": "x64", "386": "x86", "darwin": "macos"} {
		if system == ours || arch == ours {
			labels = append(labels, theirs)
		}
	}
	return sound(labels)
}

// sound returns the labels that workers may have, in their form, and no more than
// a worker may have.
func sound(labels []string) []string {
	labels = worker.CanonicalLabels(labels)
	labels = slices.DeleteFunc(labels, func(l string) bool { return worker.CheckLabel(l) != nil })
	return labels[:min(len(labels), worker.MaxLabels)]
}

// versionLabels names a tool alone, and with each part of its version: go, go=1,
// go=1.26 and go=1.26.8.
func versionLabels(tool, version string) []string {
	labels := []string{tool}
	for i, c := range version + "." {
		if c == '.' && i > 0 {
			labels = append(labels, tool+"="+strings.TrimSuffix(version[:i], "."))
		}
	}
	return labels
}
