package artifact_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"yardmaster/domain/artifact"
	"yardmaster/domain/blob"
)

func one(name, content string) artifact.Artifact {
	return artifact.Artifact{Name: name, Manifest: blob.Of([]byte(content)), Files: 1, Bytes: int64(len(content))}
}

func TestAnArtifactDoesNotChangeUnlessAsked(t *testing.T) {
	t.Parallel()
	limits := artifact.RunLimits{Artifacts: 2, Bytes: 10}
	var s artifact.Set
	decide := func(a artifact.Artifact, overwrite bool) (bool, error) {
		return s.Decide(artifact.Upload{Artifact: a, Overwrite: overwrite}, limits)
	}
	changes, err := decide(one("dist", "1234"), false)
	require.NoError(t, err)
	require.True(t, changes)
	s = s.With(one("dist", "1234"))

	changes, err = decide(one("dist", "1234"), false)
	require.NoError(t, err, "the same upload came again")
	require.False(t, changes)

	_, err = decide(one("dist", "5678"), false)
	require.ErrorIs(t, err, artifact.ErrExists)
	require.ErrorContains(t, err, `"dist"`)

	changes, err = decide(one("dist", "5678"), true)
	require.NoError(t, err)
	require.True(t, changes)
	before := s
	s = s.With(one("dist", "5678"))
	old, _ := before.Find("dist")
	require.Equal(t, one("dist", "1234"), old, "a set is a value")

	_, err = decide(one("a/b", ""), false)
	require.ErrorIs(t, err, artifact.ErrName)
	_, err = decide(one("log", "1234567"), false)
	require.ErrorIs(t, err, artifact.ErrLimit)
	_, err = decide(one("dist", "1234567890"), true)
	require.NoError(t, err, "what is replaced takes no room")
	_, err = decide(artifact.Artifact{Name: "x", Bytes: -1}, false)
	require.ErrorIs(t, err, artifact.ErrInvalid)
	s = s.With(one("log", "1"))
	_, err = decide(one("third", "1"), false)
	require.ErrorIs(t, err, artifact.ErrLimit)
	require.Equal(t, []artifact.Artifact{one("dist", "5678"), one("log", "1")}, s.All())
}

func TestASetAgreesWithAMap(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		limits := artifact.RunLimits{Artifacts: 3, Bytes: 12}
		var s artifact.Set
		model := map[string]artifact.Artifact{}
		t.Repeat(map[string]func(*rapid.T){
			"upload": func(t *rapid.T) {
				a := one(rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "name"),
					rapid.StringMatching(`[xy]{0,6}`).Draw(t, "content"))
				overwrite := rapid.Bool().Draw(t, "overwrite")
				changes, err := s.Decide(artifact.Upload{Artifact: a, Overwrite: overwrite}, limits)
				old, exists := model[a.Name]
				if err != nil {
					require.False(t, changes)
					require.True(t, exists && !overwrite || len(model) == 3 || s.Bytes()-old.Bytes+a.Bytes > 12)
					return
				}
				require.Equal(t, !exists || old != a, changes)
				require.True(t, !exists || old == a || overwrite)
				if changes {
					s = s.With(a)
					model[a.Name] = a
				}
			},
			"": func(t *rapid.T) {
				var sum int64
				for name, a := range model {
					got, ok := s.Find(name)
					require.True(t, ok)
					require.Equal(t, a, got)
					sum += a.Bytes
				}
				require.Len(t, s.All(), len(model))
				require.Equal(t, sum, s.Bytes())
				require.LessOrEqual(t, sum, limits.Bytes)
				require.LessOrEqual(t, len(model), limits.Artifacts)
			},
		})
	})
}
