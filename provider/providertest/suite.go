// Package providertest is what every provider of workers owes to the scaler, as
// tests.
package providertest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/domain/scale"
)

// Provider is actors.Provider, which packages below actors cannot name.
type Provider interface {
	Launch(ctx context.Context, c scale.Class, name string) error
	Remove(ctx context.Context, name string) error
	List(ctx context.Context) ([]string, error)
}

// Subject is a provider to be tested.
type Subject struct {
	Provider
	// Again returns the provider as a server would have it that was started anew.
	Again func() Provider
	// Started returns how many workers were started under a name so far, as the
	// outside knows it.
	Started func(name string) int
}

// Class is the class whose workers the suite launches.
var Class = scale.Class{
	Name: "small", Labels: []string{"amd64", "linux"}, Slots: 2, Most: 5, Boot: time.Second, Cost: 1,
}

// within bounds each call.
const within = time.Minute

// Suite tests a provider. fresh returns one that runs nothing.
func Suite(t *testing.T, fresh func(t *testing.T) Subject) {
	t.Helper()
	for name, test := range map[string]func(context.Context, *testing.T, Subject){
		"what was launched is listed until it is removed":  testListed,
		"a name that runs is not started a second time":    testOnce,
		"launches of a name at the same time start one":    testTogether,
		"a name that does not run is removed already":      testAbsent,
		"a provider that is started anew finds what runs":  testAgain,
		"a call whose time is over is answered, and fails": testDeadline,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), within)
			defer cancel()
			test(ctx, t, fresh(t))
		})
	}
}

// lists requires that a provider lists these names and no others.
func lists(ctx context.Context, t *testing.T, p Provider, names ...string) {
	t.Helper()
	got, err := p.List(ctx)
	require.NoError(t, err)
	require.ElementsMatch(t, names, got)
}

func testListed(ctx context.Context, t *testing.T, s Subject) {
	lists(ctx, t, s)
	require.NoError(t, s.Launch(ctx, Class, "small-a"))
	lists(ctx, t, s, "small-a")
	require.NoError(t, s.Launch(ctx, Class, "small-b"))
	lists(ctx, t, s, "small-a", "small-b")
	require.NoError(t, s.Remove(ctx, "small-a"))
	lists(ctx, t, s, "small-b")
	require.NoError(t, s.Remove(ctx, "small-b"))
	lists(ctx, t, s)
}

func testOnce(ctx context.Context, t *testing.T, s Subject) {
	for range 3 {
		require.NoError(t, s.Launch(ctx, Class, "small-a"))
	}
	lists(ctx, t, s, "small-a")
	assert.Equal(t, 1, s.Started("small-a"))
	require.NoError(t, s.Remove(ctx, "small-a"))
}

func testTogether(ctx context.Context, t *testing.T, s Subject) {
	var all sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		all.Go(func() { errs[i] = s.Launch(ctx, Class, "small-a") })
	}
	all.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	lists(ctx, t, s, "small-a")
	assert.Equal(t, 1, s.Started("small-a"))
	require.NoError(t, s.Remove(ctx, "small-a"))
}

func testAbsent(ctx context.Context, t *testing.T, s Subject) {
	require.NoError(t, s.Remove(ctx, "small-none"))
	require.NoError(t, s.Launch(ctx, Class, "small-a"))
	require.NoError(t, s.Remove(ctx, "small-a"))
	require.NoError(t, s.Remove(ctx, "small-a"))
	assert.Zero(t, s.Started("small-none"))
}

func testAgain(ctx context.Context, t *testing.T, s Subject) {
	require.NoError(t, s.Launch(ctx, Class, "small-a"))
	require.NoError(t, s.Launch(ctx, Class, "small-b"))
	again := s.Again()
	lists(ctx, t, again, "small-a", "small-b")
	require.NoError(t, again.Launch(ctx, Class, "small-a"))
	assert.Equal(t, 1, s.Started("small-a"))
	require.NoError(t, again.Remove(ctx, "small-a"))
	lists(ctx, t, again, "small-b")
	require.NoError(t, again.Remove(ctx, "small-b"))
	lists(ctx, t, again)
}

func testDeadline(ctx context.Context, t *testing.T, s Subject) {
	over, cancel := context.WithCancel(ctx)
	cancel()
	require.Error(t, s.Launch(over, Class, "small-a"))
	require.NoError(t, s.Remove(ctx, "small-a"), "whether it runs or not")
	lists(ctx, t, s)
}
