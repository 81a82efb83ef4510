package actors_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"yardmaster/actors"
	"yardmaster/domain/attempt"
	"yardmaster/domain/job"
	"yardmaster/domain/partition"
	"yardmaster/domain/plan"
	"yardmaster/domain/problem"
	"yardmaster/domain/secret"
	"yardmaster/internal/testkit"
	"yardmaster/messages"
)

// withKey gives a node the key that is this byte and zeros.
func withKey(first byte) func(*actors.Config) {
	return func(c *actors.Config) {
		raw := make([]byte, secret.KeySize)
		raw[0] = first
		c.SecretsKey, _ = secret.NewKey(raw)
	}
}

func setSecret(n *testkit.Node, project, name, value string) error {
	m := &messages.SetSecretRequest{Project: project, Name: name, Value: value}
	_, err := n.Backend().SetSecret(context.Background(), m, "ann")
	return err
}

func removeSecret(n *testkit.Node, project, name string) error {
	m := &messages.RemoveSecretRequest{Project: project, Name: name}
	return n.Backend().RemoveSecret(context.Background(), m, "ann")
}

// secretsOf returns the names of a project's secrets.
func secretsOf(t testing.TB, n *testkit.Node, project string) (names []string) {
	t.Helper()
	all, err := n.Backend().Secrets(t.Context(), project)
	require.NoError(t, err)
	for _, s := range all {
		require.Equal(t, "ann", s.GetPrincipal())
		require.False(t, s.GetSetAt().AsTime().IsZero())
		names = append(names, s.GetName())
	}
	return names
}

// referring returns a job with a step that has these texts in its env.
func referring(texts ...string) plan.Job {
	j := aJob("a")
	for i, text := range texts {
		j.Steps[0].Env = append(j.Steps[0].Env, plan.Var{Name: fmt.Sprint("V", i), Value: text})
	}
	return j
}

// given is the secrets that workers got, by attempt.
type given struct {
	mu sync.Mutex
	by map[string][]plan.Var
}

func (g *given) script(_ context.Context, task attempt.Task, _ attempt.Observer) job.Result {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.by == nil {
		g.by = map[string][]plan.Var{}
	}
	g.by[task.Name()] = task.Secrets
	return job.Result{Outcome: job.OutcomeSucceeded}
}

func (g *given) to(run string) []plan.Var {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.by[run+".0.1"]
}

// submitTo submits a plan of a project, and returns its run when it has ended.
func submitTo(t testing.TB, n *testkit.Node, project string, j plan.Job) string {
	t.Helper()
	runs, err := n.Backend().Submit(t.Context(), actors.Submission{
		Plan: workflow(j), Keys: []string{""}, Principal: "alice", Project: project,
	})
	require.NoError(t, err)
	require.Equal(t, success, await(t, n, runs[0].RunId).State)
	return runs[0].RunId
}

func TestAJobGetsTheSecretsThatItRefersTo(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n, got := y.StartNode(withKey(1)), new(given)
		y.StartWorker("w1", testkit.NewExecutor(got.script))
		require.NoError(t, setSecret(n, "", "token", "of the default project"))
		require.NoError(t, setSecret(n, "web", "TOKEN", "of web"))
		require.NoError(t, setSecret(n, "web", "OTHER", "another"))
		require.NoError(t, setSecret(n, "web", "Token", "of web, anew"))
		require.Equal(t, []string{"TOKEN"}, secretsOf(t, n, "default"))
		require.Equal(t, []string{"OTHER", "TOKEN"}, secretsOf(t, n, "web"))
		require.Empty(t, secretsOf(t, n, "else"))
		token, other := plan.Var{Name: "TOKEN", Value: "of web, anew"}, plan.Var{Name: "OTHER", Value: "another"}
		for name, c := range map[string]struct {
			project string
			texts   []string
			want    []plan.Var
		}{
			"none":            {"web", []string{"secrets.TOKEN"}, nil},
			"one":             {"web", []string{"${{ secrets.TOKEN }}"}, []plan.Var{token}},
			"in any case":     {"web", []string{"x-${{ SECRETS.token }}", "${{ Secrets['Token'] }}"}, []plan.Var{token}},
			"two":             {"web", []string{"${{ secrets.TOKEN || secrets.OTHER }}"}, []plan.Var{other, token}},
			"one that is not": {"web", []string{"${{ secrets.MISSING }}"}, nil},
			"any":             {"web", []string{"${{ secrets[matrix.key] }}"}, []plan.Var{other, token}},
			"all":             {"web", []string{"${{ toJSON(secrets) }}"}, []plan.Var{other, token}},
			"of no project": {
				"", []string{"${{ secrets.TOKEN }}"}, []plan.Var{{Name: "TOKEN", Value: "of the default project"}},
			},
			"of another project": {"else", []string{"${{ toJSON(secrets) }}"}, nil},
		} {
			id := submitTo(t, n, c.project, referring(c.texts...))
			require.Equal(t, c.want, got.to(id), name)
		}
		require.NoError(t, removeSecret(n, "web", "token"))
		id := submitTo(t, n, "web", referring("${{ secrets.TOKEN }}"))
		require.Empty(t, got.to(id))
		var p *problem.Problem
		require.ErrorAs(t, removeSecret(n, "web", "token"), &p)
		require.Equal(t, problem.NotFound, p.Kind)
		require.ErrorContains(t, p, "the project web has no secret TOKEN")
	})
}

func TestOnlySoManySecretsAreKeptAndGiven(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n, got := y.StartNode(withKey(1)), new(given)
		y.StartWorker("w1", testkit.NewExecutor(got.script))
		for i := range secret.MaxPerProject {
			require.NoError(t, setSecret(n, "", fmt.Sprint("S", i), strings.Repeat("x", secret.MaxValue)))
		}
		var p *problem.Problem
		require.ErrorAs(t, setSecret(n, "", "MORE", "value"), &p)
		require.Equal(t, problem.Refused, p.Kind)
		require.ErrorContains(t, p, "project default has 100 secrets")
		require.NoError(t, setSecret(n, "", "S1", "another"))
		require.NoError(t, setSecret(n, "b", "MORE", "value"))

		r := await(t, n, submit(t, n, workflow(referring("${{ toJSON(secrets) }}"))))
		require.Equal(t, failed, r.State)
		require.Contains(t, r.Jobs[0].Reason, "the 100 secrets it refers to take")
	})
}

func TestWithoutAKeyNoSecretIsSet(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n, got := y.StartNode(), new(given)
		y.StartWorker("w1", testkit.NewExecutor(got.script))
		var p *problem.Problem
		require.ErrorAs(t, setSecret(n, "", "TOKEN", "value"), &p)
		require.Equal(t, problem.Refused, p.Kind)
		require.ErrorContains(t, p, "--secrets-key-file")
		require.Empty(t, y.Disk.Events(0))
		require.Empty(t, got.to(submitTo(t, n, "", referring("${{ secrets.TOKEN }}"))))
	})
}

// Secrets outlive nodes, and snapshots; under another key the node does not start, and
// without one it starts and lets them be removed.
func TestSecretsAreFoundAgainUnderTheirKeyAlone(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n, got, book := y.StartNode(withKey(1)), new(given), new(logbook)
		y.StartWorker("w1", testkit.NewExecutor(got.script))
		require.NoError(t, setSecret(n, "", "TOKEN", "the value"))
		require.NoError(t, setSecret(n, "", "GONE", "the value"))
		require.NoError(t, removeSecret(n, "", "GONE"))
		use := func(n *testkit.Node) []plan.Var {
			elapse(time.Minute) // the worker finds the node
			require.Equal(t, []string{"TOKEN"}, secretsOf(t, n, ""))
			return got.to(submitTo(t, n, "", referring("${{ secrets.TOKEN }}")))
		}
		want := []plan.Var{{Name: "TOKEN", Value: "the value"}}
		n.Kill()
		n = y.StartNode(withKey(1))
		require.Equal(t, want, use(n))
		require.NoError(t, n.Compact(t.Context()))
		n.Kill()
		n = y.StartNode(withKey(1))
		require.Equal(t, want, use(n))
		n.Kill()

		refused, err := y.TryNode(withKey(2))
		require.ErrorIs(t, err, actors.ErrWrongKey)
		require.ErrorIs(t, err, secret.ErrOtherKey)
		require.ErrorContains(t, err, "the secret TOKEN of the project default")
		refused.Kill()

		n = y.StartNode(logging(book))
		require.Empty(t, use(n))
		require.Equal(t, 1, book.count("no key to open them"))
		require.NoError(t, removeSecret(n, "", "TOKEN"))
		n.Kill()
		n = y.StartNode(withKey(2))
		require.NoError(t, setSecret(n, "", "TOKEN", "under the new key"))
		require.Equal(t, "under the new key", use(n)[0].Value)
	})
}

// A change that the journal does not take has not happened, and is shown to nobody.
func TestASecretThatIsNotStoredIsNotSet(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n := y.StartNode(withKey(1))
		require.NoError(t, setSecret(n, "", "KEPT", "value"))
		y.Disk.Break(0)
		require.Error(t, setSecret(n, "", "LOST", "value"))
		y.Disk.Judge(nil)
		elapse(time.Minute)
		require.Equal(t, []string{"KEPT"}, secretsOf(t, n, ""))
		y.Disk.Break(0)
		require.Error(t, removeSecret(n, "", "KEPT"))
		y.Disk.Judge(nil)
		elapse(time.Minute)
		require.Equal(t, []string{"KEPT"}, secretsOf(t, n, ""))
	})
}

// TestNoValueOfASecretStaysAnywhere sets secrets, has jobs use them, and looks for
// their values in all that is stored, logged or answered: every byte of it.
func TestNoValueOfASecretStaysAnywhere(t *testing.T) {
	t.Parallel()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		book, got := new(logbook), new(given)
		n := y.StartNode(withKey(1), logging(book))
		y.StartWorker("w1", testkit.NewExecutor(got.script), func(c *workerConfig) { c.Log = slogTo(book) })
		var kept [][]byte                                       // what was stored and is in a snapshot by now
		rapid.Check(struct{ testing.TB }{t}, func(r *rapid.T) { // a bubble has no deadline
			value := rapid.OneOf( // plain ones are looked for in logs, which escape others
				rapid.StringMatching(`[A-Za-z0-9]{16,60}`), rapid.StringOfN(rapid.Rune(), 12, 200, -1),
			).Draw(r, "value") + "-end"
			if secret.CheckValue(value) != nil {
				return
			}
			project := rapid.SampledFrom([]string{"", "a", "b"}).Draw(r, "project")
			name := rapid.SampledFrom([]string{"X", "Y", "z"}).Draw(r, "name")
			set, err := n.Backend().SetSecret(t.Context(),
				&messages.SetSecretRequest{Project: project, Name: name, Value: value}, "ann")
			require.NoError(r, err)
			id := submitTo(t, n, project, referring("${{ secrets."+name+" }}"))
			require.Equal(r, []plan.Var{{Name: strings.ToUpper(name), Value: value}}, got.to(id))

			list, err := n.Backend().Secrets(t.Context(), project)
			require.NoError(r, err)
			answers := []proto.Message{set, get(t, n, id), &messages.ListSecretsResponse{Secrets: list}}
			why, err := n.Backend().Explain(t.Context(), id, 0)
			require.NoError(r, err)
			var all [][]byte
			for _, m := range append(answers, why) {
				raw, err := proto.Marshal(m)
				require.NoError(r, err)
				all = append(all, raw)
			}
			if rapid.IntRange(0, 9).Draw(r, "compact") == 0 {
				for p := range partition.Number(2) {
					kept = append(kept, y.Disk.Events(p)...)
				}
				require.NoError(r, n.Compact(t.Context()))
			}
			for p := range partition.Number(2) {
				all = append(all, y.Disk.Snapshot(p))
				all = append(all, y.Disk.Events(p)...)
			}
			all = append(all, []byte(book.String()), []byte(fmt.Sprintf("%v %+v", got.to(id), got.to(id))))
			for _, raw := range slices.Concat(all, kept) {
				require.NotContains(r, string(raw), value)
			}
			require.Contains(r, book.String(), "secret set")
		})
	})
}

func TestATaskIsPrintedWithoutItsSecrets(t *testing.T) {
	t.Parallel()
	task := attempt.Task{Secrets: []plan.Var{{Name: "TOKEN", Value: "the value"}}}
	for _, printed := range []string{
		fmt.Sprint(task), fmt.Sprintf("%v %+v %s", task, &task, task), fmt.Sprintf("%v %+v", task.Secrets, task.Secrets),
	} {
		assert.NotContains(t, printed, "the value")
	}
}
