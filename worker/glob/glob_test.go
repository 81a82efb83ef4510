package glob_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"yardmaster/worker/glob"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// workspace is the directory that the patterns are of.
const workspace = "/srv/space"

func parse(t require.TestingT, lines ...string) glob.Patterns {
	p, err := glob.Parse(lines, workspace)
	require.NoError(t, err)
	return p
}

func TestWhereToLook(t *testing.T) {
	t.Parallel()
	p := parse(t, "dist/**/*.js", "!dist/tmp", "README.md\nsrc/a/*", "dist/x", workspace+"/bin/",
		"~/x", "/etc/passwd", "!/etc")
	require.Equal(t, [][]string{{"dist"}, {"README.md"}, {"src", "a"}, {"bin"}}, p.Starts())
	require.Equal(t, []string{"~/x", "/etc/passwd"}, p.Outside())
	require.True(t, p.MayMeanBelow([]string{"dist", "any", "where"}))
	require.True(t, p.MayMeanBelow([]string{"src"}))
	require.False(t, p.MayMeanBelow([]string{"other"}))
}

// TestWhatIsMeantLiesBelowAStart holds what a walk relies on: it never misses a file.
func TestWhatIsMeantLiesBelowAStart(t *testing.T) {
	t.Parallel()
	segment := rapid.SampledFrom([]string{"a", "b", "ab", "*", "**", "a*", "?", "[ab]"})
	rapid.Check(t, func(t *rapid.T) {
		var lines []string
		for range rapid.IntRange(1, 4).Draw(t, "patterns") {
			line := strings.Join(rapid.SliceOfN(segment, 1, 4).Draw(t, "pattern"), "/")
			if rapid.Bool().Draw(t, "negate") {
				line = "!" + line
			}
			lines = append(lines, line)
		}
		p := parse(t, lines...)
		file := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "ab"}), 1, 5).Draw(t, "file")
		if !p.Mean(file) {
			return
		}
		below := false
		for _, start := range p.Starts() {
			below = below || strings.HasPrefix(strings.Join(file, "/")+"/", strings.Join(append(start, ""), "/"))
		}
		require.True(t, below, "%q means %q, and begins at %q", lines, file, p.Starts())
		for i := range file {
			require.True(t, p.MayMeanBelow(file[:i]), "%q", file[:i])
		}
	})
}
