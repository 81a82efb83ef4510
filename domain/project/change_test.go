package project_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"yardmaster/domain/project"
)

func TestWhatChangesIsSaidInWords(t *testing.T) {
	t.Parallel()

	before := project.Set{
		Others: project.Limits{Queued: 100},
		By:     map[string]project.Limits{"web": {Weight: 3, Queued: 100}, "old": {Pool: "p", Queued: 100}},
	}
	after := project.Set{
		Others: project.Limits{Queued: 50},
		By:     map[string]project.Limits{"web": {Weight: 2.5, Running: 4}, "new": {StartsPerSecond: 0.5, Queued: 50}},
	}
	assert.Equal(t, []string{
		"default: queued is 50, was 100",
		"project new: queued is 50, was 100", "project new: starts-per-second is 0.5, was unlimited",
		"project old: queued is 50, was 100", "project old: pool is the default one, was p",
		"project web: weight is 2.5, was 3", "project web: running is 4, was unlimited",
		"project web: queued is unlimited, was 100",
	}, before.Changes(after))
	assert.Empty(t, after.Changes(after))
	assert.Empty(t, project.Set{}.Changes(project.Set{Others: project.Limits{Weight: 1}}), "it means the same")
}
