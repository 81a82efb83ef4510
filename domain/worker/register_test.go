package worker_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/domain/resource"
	"yardmaster/domain/worker"
)

func TestARegistrationIsRefusedWithEveryFault(t *testing.T) {
	t.Parallel()

	err := worker.Register{
		ID: "no.dots", Incarnation: "no spaces", Slots: 10_001, Held: -1,
		Labels: make([]string, worker.MaxLabels), Found: []string{"ok"}, Pool: "Trusted",
		Resources: resource.Amount{CPU: -1, Memory: resource.MaxMemory + 1},
	}.Validate()
	require.ErrorIs(t, err, worker.ErrBadRegistration)
	for _, fault := range []string{
		`id "no.dots"`, `incarnation "no spaces"`, "10001 slots are not in [1,10000]", `label ""`,
		"257 labels are more than 256", "-1 attempts held", `pool "Trusted"`, "-1 thousandths of a core",
		"1125899906842625 bytes of memory",
	} {
		assert.ErrorContains(t, err, fault)
	}
}

func TestTheSyntaxOfNamesAndLabels(t *testing.T) {
	t.Parallel()

	long := strings.Repeat("x", 63)
	for id, ok := range map[string]bool{
		"w": true, "W-1_a": true, "9": true, long: true,
		"": false, long + "x": false, "-w": false, "_w": false, "w.1": false, "w*": false, "w>": false,
		"w 1": false, "wé": false,
		strings.Repeat("é", 99): false,
	} {
		err := worker.Register{ID: worker.ID(id), Incarnation: "a", Slots: 1}.Validate()
		assert.Equal(t, ok, err == nil, "id %q: %v", id, err)
	}
	for label, ok := range map[string]bool{
		"linux": true, "Linux": true, "go=1.26": true, "kubernetes.io/os": true, "x86_64": true, "a-b": true, long: true,
		"": false, long + "x": false, ".a": false, "a b": false, "a,b": false, "a\x00b": false, "ü": false,
	} {
		err := worker.Register{ID: "w", Incarnation: "a", Slots: 1, Labels: []string{label}}.Validate()
		assert.Equal(t, ok, err == nil, "label %q: %v", label, err)
		assert.Equal(t, ok, worker.CheckLabel(label) == nil, label)
	}
	for pool, ok := range map[string]bool{
		"": true, "trusted": true, "a.b_c-1": true, long: true,
		"A": false, "-a": false, "a b": false, "a/b": false, "a=b": false, long + "x": false,
	} {
		err := worker.CheckPool(pool)
		assert.Equal(t, ok, err == nil, "pool %q: %v", pool, err)
		if !ok {
			require.ErrorIs(t, err, worker.ErrBadPool)
		}
	}
	assert.ErrorIs(t, worker.CheckLabel("a b"), worker.ErrBadLabel)
}

func TestAnAdjustmentIsRefusedWithEveryFault(t *testing.T) {
	t.Parallel()

	err := worker.Adjust{Add: []string{"a b", "ok"}, Remove: make([]string, worker.MaxSettings+1)}.Validate()
	require.ErrorIs(t, err, worker.ErrBadAdjustment)
	require.ErrorContains(t, err, `label "a b" is not`)
	require.ErrorContains(t, err, "65 labels at once are more than 64")
	err = worker.Adjust{Add: []string{"gpu"}, Remove: []string{"GPU"}}.Validate()
	require.ErrorContains(t, err, `label "gpu" is to be added and removed`)
	assert.NoError(t, worker.Adjust{Add: []string{"gpu"}, Remove: []string{"big"}}.Validate())
}

func TestOperatorsMayAddSoManyLabelsInAll(t *testing.T) {
	t.Parallel()

	var labels []string
	for i := range worker.MaxSettings {
		labels = append(labels, fmt.Sprintf("l%d", i))
	}
	w := given(registered)
	for _, add := range [][]string{labels[:40], labels[40:]} {
		events, err := worker.Decide(w, worker.Adjust{Add: add})
		require.NoError(t, err)
		w = worker.Evolve(w, events[0])
	}
	_, err := worker.Decide(w, worker.Adjust{Add: []string{"more"}})
	require.ErrorIs(t, err, worker.ErrBadAdjustment)
	require.ErrorContains(t, err, `added 65 labels to "w1"`)
	_, err = worker.Decide(w, worker.Adjust{Add: []string{"more"}, Remove: []string{"l3"}})
	require.NoError(t, err)
}
