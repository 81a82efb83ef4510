package spelling_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"yardmaster/domain/spelling"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestNearest(t *testing.T) {
	t.Parallel()
	names := []string{"runs-on", "steps", "needs", "if", strings.Repeat("x", 44)}
	for name, want := range map[string]string{
		"run-on":                "runs-on",
		"RUNS-ON":               "runs-on",
		"stepss":                "steps",
		"need":                  "needs",
		"of":                    "if",
		"":                      "",
		"xyzzy":                 "",
		"q":                     "",
		strings.Repeat("x", 43): "", // the name is too long
		strings.Repeat("x", 40): "", // the candidate is
	} {
		assert.Equal(t, want, spelling.Nearest(name, names, strings.ToLower), name)
	}
	assert.Equal(t, "ab", spelling.Nearest("a", []string{"ab", "ac"}, strings.ToLower), "the first of those as near")
	long := strings.Repeat("x", 40)
	assert.Equal(t, long+"yyy", spelling.Nearest(long, []string{long + "yyy"}, strings.ToLower))
	assert.Empty(t, spelling.Nearest("abcdefgh", []string{"efgh"}, strings.ToLower), "four edits")
}

// TestDistance compares with the definition: the least of what the last letters allow.
func TestDistance(t *testing.T) {
	t.Parallel()
	var model func(a, b string) int
	model = func(a, b string) int {
		if a == "" || b == "" {
			return len(a) + len(b)
		}
		shortA, shortB := a[:len(a)-1], b[:len(b)-1]
		if a[len(a)-1] == b[len(b)-1] {
			return model(shortA, shortB)
		}
		return 1 + min(model(shortA, shortB), model(a, shortB), model(shortA, b))
	}
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.StringMatching("[abc]{0,6}").Draw(t, "a")
		b := rapid.StringMatching("[abc]{0,6}").Draw(t, "b")
		assert.Equal(t, model(a, b), spelling.Distance(a, b))
	})
}
