package archtest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// below names, for each top-level folder, the others its packages may import. It
// is the picture in docs/architecture.md, as a test. internal holds what serves
// tests and tools: it may see everything, and only tests and cmd may see it.
var below = map[string][]string{
	"domain":     {},
	"messages":   {"domain"},
	"supervisor": {},
	"store":      {"domain"},
	"cluster":    {"domain", "messages", "store", "supervisor"},
	"actors":     {"domain", "messages", "supervisor", "workflow"},
	"workflow":   {"domain"},
	"worker":     {"domain", "workflow"},
	"provider":   {"domain"},
	"api":        {"domain", "messages", "workflow"},
	"observe":    {"actors", "cluster", "domain", "messages", "supervisor"},
	"loadtest":   {"api", "domain", "messages", "supervisor", "workflow"},
	"cmd":        everything,
	"e2e":        {"api", "domain", "messages"}, // it knows the program as its users do
	"internal":   everything,
}

var everything = []string{
	"actors", "api", "cluster", "domain", "internal", "loadtest", "messages", "observe", "provider", "store",
	"supervisor", "worker", "workflow",
}

// only names, for a dependency that should stay in few places, those places.
// Tests may use it anywhere.
var only = map[string][]string{
	"github.com/asynkron/protoactor-go": {"actors", "cluster/bridge", "cmd", "internal", "loadtest", "supervisor"},
	"github.com/nats-io/":               {"cluster/natsjs", "cmd", "internal"},
	"github.com/prometheus/":            {"observe"},
	"github.com/spf13/":                 {"cmd"},
	"connectrpc.com/":                   {"api", "cmd", "loadtest", "messages"},
	// Besides workflows, the file that says which workers there may be: both tell
	// every fault with its line.
	"go.yaml.in/yaml/": {"provider/scalefile", "workflow"},
}

// impure lists what the domain may not import from the standard library, with all
// below it.
var impure = []string{
	"context", "crypto/rand", "io", "log", "math/rand", "net", "os", "runtime", "sync", "syscall", "unsafe",
}

func TestImportsPointDown(t *testing.T) {
	t.Parallel()

	all := sources(t)
	require.NotEmpty(t, all)
	assert.Empty(t, importBreaches(all))
}

func TestEveryImportRuleFindsItsBreach(t *testing.T) {
	t.Parallel()

	tests := map[string]struct{ file, imported, breach string }{
		"the domain is at the bottom":      {"domain/job/x.go", "yardmaster/messages", "may import only"},
		"the domain does no input":         {"domain/job/x.go", "os", "is pure"},
		"the domain throws no dice":        {"domain/job/x.go", "math/rand/v2", "is pure"},
		"the domain needs no library":      {"domain/job/x.go", "github.com/oklog/ulid/v2", "standard library"},
		"actors and cluster are siblings":  {"actors/x.go", "yardmaster/cluster/natsjs", "may import only"},
		"tests keep the directions, too":   {"actors/x_test.go", "yardmaster/cluster/natsjs", "may import only"},
		"a store knows no cluster":         {"store/x.go", "yardmaster/cluster/natsjs", "may import only"},
		"workers name the store they need": {"worker/x.go", "yardmaster/store", "may import only"},
		"supervisors know no job":          {"supervisor/x.go", "yardmaster/domain/job", "may import only"},
		"NATS stays in one place":          {"cluster/bridge/x.go", "github.com/nats-io/nats.go", "belongs in"},
		"Proto.Actor stays in few places":  {"cluster/natsjs/x.go", "github.com/asynkron/protoactor-go/actor", "belongs in"},
		"a place is a folder, no prefix":   {"observer/x.go", "github.com/prometheus/client_golang/prometheus", "belongs in"},
		"a new top-level folder has rules": {"common/x.go", "fmt", "no rule"},
		"test helpers are for tests":       {"worker/x.go", "yardmaster/internal/testkit", "may import only"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			s := &source{path: tt.file, test: strings.HasSuffix(tt.file, "_test.go"), imports: []string{tt.imported}}
			assert.Contains(t, strings.Join(importBreaches([]*source{s}), "\n"), tt.breach)
		})
	}
}

func TestWhatIsAllowedIsNoBreach(t *testing.T) {
	t.Parallel()

	assert.Empty(t, importBreaches([]*source{
		{path: "domain/job/x.go", imports: []string{"time", "yardmaster/domain/plan"}},
		{path: "domain/job/x_test.go", test: true, imports: []string{"os", "pgregory.net/rapid"}},
		{path: "actors/x_test.go", test: true, imports: []string{"yardmaster/internal/testkit"}},
		{path: "cluster/natsjs/x.go", imports: []string{"github.com/nats-io/nats.go", "yardmaster/cluster/journal"}},
		{path: "api/x_test.go", test: true, imports: []string{"github.com/nats-io/nats.go"}},
		{path: "cmd/yardmaster/x.go", imports: []string{"yardmaster/actors", "yardmaster/cluster/natsjs"}},
	}))
}

// importBreaches returns a sentence for each import that the rules forbid.
func importBreaches(all []*source) (breaches []string) {
	for _, s := range all {
		allowed, known := below[s.top()]
		if !known {
			breaches = append(breaches, fmt.Sprintf("%s: there is no rule for %s: add one to below", s.path, s.top()))
		}
		for _, imported := range s.imports {
			if why := breach(s, imported, allowed); why != "" {
				breaches = append(breaches, fmt.Sprintf("%s imports %s: %s", s.path, imported, why))
			}
		}
	}
	return breaches
}

func breach(s *source, imported string, allowed []string) string {
	to, ours := strings.CutPrefix(imported, module)
	if ours {
		to = topOf(to)
		if to == s.top() || slices.Contains(allowed, to) || s.test && to == "internal" {
			return ""
		}
		return fmt.Sprintf("%s may import only %v", s.top(), allowed)
	}
	if s.test {
		return ""
	}
	if s.top() == "domain" {
		if slices.ContainsFunc(impure, func(p string) bool { return isWithin(imported, p) }) {
			return "the domain is pure"
		}
		if first, _, _ := strings.Cut(imported, "/"); strings.Contains(first, ".") {
			return "the domain uses the standard library alone"
		}
	}
	for dependency, places := range only {
		if !strings.HasPrefix(imported, dependency) {
			continue
		}
		if !slices.ContainsFunc(places, func(p string) bool { return isWithin(s.folder(), p) }) {
			return fmt.Sprintf("it belongs in %v", places)
		}
	}
	return ""
}

// isWithin reports whether a path is outer or lies below it.
func isWithin(inner, outer string) bool { return inner == outer || strings.HasPrefix(inner, outer+"/") }
