package messages_test

import (
	"runtime"
	"strconv"
	"sync"
	"testing"
	"weak"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/domain/plan"
	"yardmaster/messages"
)

func named(name string) []byte { return messages.EncodePlan(&plan.Workflow{Name: name}) }

func TestEqualPlansAreOnePlan(t *testing.T) {
	t.Parallel()

	plans := messages.NewPlans()
	one, err := plans.Decode(named("a"))
	require.NoError(t, err)
	same, err := plans.Decode(named("a"))
	require.NoError(t, err)
	other, err := plans.Decode(named("b"))
	require.NoError(t, err)
	assert.Same(t, one, same)
	assert.NotSame(t, one, other)
	assert.Equal(t, "b", other.Name)
	_, err = plans.Decode([]byte{0xff})
	require.ErrorIs(t, err, messages.ErrMalformed)
	assert.Equal(t, 2, plans.Len(), "what is malformed is not remembered")
	runtime.KeepAlive(one)
}

func TestAPlanThatNobodyHoldsIsLetGo(t *testing.T) {
	t.Parallel()

	plans := messages.NewPlans()
	w, err := plans.Decode(named("a"))
	require.NoError(t, err)
	held, gone := w, weak.Make(w)
	runtime.GC()
	assert.NotNil(t, gone.Value(), "somebody holds it")
	runtime.KeepAlive(held)
	runtime.GC()
	assert.Nil(t, gone.Value())
	again, err := plans.Decode(named("a"))
	require.NoError(t, err)
	assert.Equal(t, "a", again.Name)
}

func TestWhatIsLeftOfPlansIsSwept(t *testing.T) {
	t.Parallel()

	plans := messages.NewPlans()
	held := make([]*plan.Workflow, messages.PlansSwept/2)
	for i := range messages.PlansSwept {
		w, err := plans.Decode(named(strconv.Itoa(i)))
		require.NoError(t, err)
		if i < len(held) {
			held[i] = w
		}
	}
	require.Equal(t, messages.PlansSwept, plans.Len())
	runtime.GC()
	last, err := plans.Decode(named("last"))
	require.NoError(t, err)
	assert.Equal(t, len(held)+1, plans.Len())
	for i, w := range held {
		same, err := plans.Decode(named(strconv.Itoa(i)))
		require.NoError(t, err)
		assert.Same(t, w, same)
	}
	runtime.KeepAlive(last)
}

func TestPlansAreSharedByGoroutines(t *testing.T) {
	t.Parallel()

	plans := messages.NewPlans()
	var wg sync.WaitGroup
	got := make([][]*plan.Workflow, 4)
	for g := range got {
		wg.Go(func() {
			for i := range 200 {
				w, err := plans.Decode(named(strconv.Itoa(i)))
				if !assert.NoError(t, err) { //nolint:testifylint // require must not be called from here
					return
				}
				got[g] = append(got[g], w)
			}
		})
	}
	wg.Wait()
	for g := range got {
		require.Len(t, got[g], 200)
		for i := range got[g] {
			require.Same(t, got[0][i], got[g][i])
		}
	}
}
