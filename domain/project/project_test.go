package project_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/domain/project"
)

func TestNamesAreChecked(t *testing.T) {
	t.Parallel()

	for _, good := range []string{project.Default, "a", "0", "web-2.x_y", strings.Repeat("a", project.MaxName)} {
		require.NoError(t, project.CheckName(good), good)
	}
	for _, bad := range []string{"", "-a", ".a", "A", "a b", "ä", "a/b", strings.Repeat("a", project.MaxName+1)} {
		err := project.CheckName(bad)
		require.ErrorIs(t, err, project.ErrBadName, bad)
		assert.Less(t, len(err.Error()), 250)
	}
}

func TestAProjectWithoutLimitsHasThoseOfOthers(t *testing.T) {
	t.Parallel()

	s := project.Set{Others: project.Limits{Running: 5}, By: map[string]project.Limits{"web": {Weight: 3}}}
	assert.Equal(t, 5, s.Of("api").Running)
	assert.Zero(t, s.Of("web").Running)
	assert.InDelta(t, 3, s.Of("web").Share(), 0)
	assert.InDelta(t, 1, s.Of("api").Share(), 0)
	assert.InDelta(t, 1, project.Limits{Weight: -2}.Share(), 0)
	assert.Zero(t, project.Set{}.Of("web"))
}
