package worker_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/domain/worker"
)

func TestARegistrationIsRefusedWithEveryFault(t *testing.T) {
	t.Parallel()

	err := worker.Register{
		ID: "no.dots", Incarnation: "no spaces", Slots: 10_001, Held: -1,
		Labels: append(make([]string, worker.MaxLabels), "ok"),
	}.Validate()
	require.ErrorIs(t, err, worker.ErrBadRegistration)
	for _, fault := range []string{
		`id "no.dots"`, `incarnation "no spaces"`, "10001 slots are not in [1,10000]", `label ""`,
		"65 labels are more than 64", "-1 attempts held",
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
	}
}
