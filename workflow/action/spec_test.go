package action_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"yardmaster/workflow/action"
)

func version(t require.TestingT, text string) action.Version {
	v, err := action.ParseVersion(text)
	require.NoError(t, err, text)
	return v
}

func TestWhichVersionsWillDo(t *testing.T) {
	t.Parallel()
	for spec, want := range map[string]struct{ will, wont string }{
		"1.26":              {"1.26.0 1.26.8", "1.25.9 1.27.0 2.26.0 1.26rc1"},
		"1.26.8":            {"1.26.8", "1.26.7 1.26.9"},
		"v20":               {"20.0.0 20.11.1", "19.9.9 21.0.0"},
		"=20":               {"20.1.0", "21.0.0"},
		"1.x":               {"1.0.0 1.26.8", "0.9.0 2.0.0"},
		"1.26.*":            {"1.26.8", "1.27.0"},
		"1.X.x":             {"1.26.8", "2.0.0"},
		"^1.26":             {"1.26.0 1.99.0", "1.25.9 2.0.0"},
		"^0.2.3":            {"0.2.3 0.2.9", "0.2.2 0.3.0"},
		"^0.0.3":            {"0.0.3", "0.0.4"},
		"^0":                {"0.0.1 0.9.0", "1.0.0"},
		"~1.2":              {"1.2.0 1.2.9", "1.3.0"},
		"~1.2.3":            {"1.2.3 1.2.9", "1.2.2 1.3.0"},
		"~1":                {"1.0.0 1.9.0", "2.0.0"},
		"~=3.12":            {"3.12.0 3.13.0", "3.11.9 4.0.0"},
		"~=3.12.1":          {"3.12.1 3.12.9", "3.12.0 3.13.0"},
		">=3.9 <3.13":       {"3.9.0 3.12.9", "3.8.9 3.13.0"},
		">=3.9,<3.13":       {"3.9.0 3.12.9", "3.13.0"},
		">= 18":             {"18.0.0 99.0.0", "17.9.9"},
		">1.2":              {"1.3.0", "1.2.0 1.2.9"},
		">1.2.3":            {"1.2.4", "1.2.3"},
		"<=1.2":             {"1.2.9", "1.3.0"},
		"<2":                {"1.99.0", "2.0.0"},
		"18 || 20":          {"18.1.0 20.1.0", "19.0.0"},
		"*":                 {"0.0.1 99.0.0", "1.0.0-rc1"},
		"stable":            {"1.26.8", "1.27rc1"},
		"lts/*":             {"18.0.0 20.1.0", "19.0.0"},
		"lts/Iron":          {"20.1.0", "22.0.0"},
		"1.27rc1":           {"1.27rc1", "1.27.0 1.27rc2"},
		"1.27.0-rc.1":       {"1.27.0-rc.1", "1.27.0"},
		"21":                {"21.0.3+9 21", "17.0.1"},
		"21.0.3+9":          {"21.0.3+9", "21.0.4"},
		"8":                 {"1.8.0_392", "1.8.0"},
		">=2 <1 || 1.0.0":   {"1.0.0", "2.0.0"},
		"  ~> 1.2 , <1.2.5": {"1.2.4", "1.2.5"},
	} {
		s, err := action.ParseSpec(spec)
		require.NoError(t, err, spec)
		for _, v := range strings.Fields(want.will) {
			assert.True(t, s.Allows(version(t, v)), "%q allows %s", spec, v)
		}
		for _, v := range strings.Fields(want.wont) {
			assert.False(t, s.Allows(version(t, v)), "%q does not allow %s", spec, v)
		}
	}
}

func TestWhatSaysNoVersionIsRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", " ", "new", "1.2.3.4", "1..2", ">", "1.26 ||", "|| 1", "=>1", "!=3.12", "oldstable", "pypy3.10", "3.12-dev",
		"temurin-21", "17-ea", "lts/nobody", "1.2.3 - 2.0.0", "123456789", "${{ x }}", "1.2.y", "1.26\n1.27\nx", "-1",
		strings.Repeat("1 || ", 20) + "1", strings.Repeat("1", 300),
	} {
		_, err := action.ParseSpec(text)
		require.Error(t, err, text)
	}
}

func TestVersionsAreOrdered(t *testing.T) {
	t.Parallel()
	order := []string{"0.9.9", "1.0.0", "1.2.0-beta1", "1.2.0-rc1", "1.2.0", "1.2.1", "1.10.0", "2"}
	for i, a := range order {
		for j, b := range order {
			assert.Equal(t, sign(i-j), version(t, a).Compare(version(t, b)), "%s and %s", a, b)
		}
	}
	assert.Equal(t, "1.27.0-rc1", version(t, "1.27rc1").String())
	_, err := action.ParseVersion("none")
	require.Error(t, err)
}

func sign(n int) int { return min(max(n, -1), 1) }

// TestASpecAgreesWithItsWords compares specs of one comparison with what it means.
func TestASpecAgreesWithItsWords(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		part := rapid.IntRange(0, 3)
		draw := func(name string) [3]int {
			return [3]int{part.Draw(t, name), part.Draw(t, name), part.Draw(t, name)}
		}
		text := func(v [3]int) string { return fmt.Sprintf("%d.%d.%d", v[0], v[1], v[2]) }
		bound, v := draw("bound"), draw("version")
		c := 0
		for i := 2; i >= 0; i-- {
			if d := sign(v[i] - bound[i]); d != 0 {
				c = d
			}
		}
		for operator, want := range map[string]bool{
			"": c == 0, "=": c == 0, ">=": c >= 0, ">": c > 0, "<": c < 0, "<=": c <= 0,
			"~": c >= 0 && v[0] == bound[0] && v[1] == bound[1],
		} {
			spec, err := action.ParseSpec(operator + text(bound))
			require.NoError(t, err)
			require.Equal(t, want, spec.Allows(version(t, text(v))), "%s in %s%s", text(v), operator, text(bound))
		}
	})
}

// FuzzSpec checks that nothing panics, and that what names a label is allowed by itself.
func FuzzSpec(f *testing.F) {
	for _, seed := range []string{"1.26", ">=1 <2 || ^3", "lts/iron", "1.27rc1", "~> 1.2", "21.0.3+9", "x.*", "v"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		spec, err := action.ParseSpec(text)
		a, _ := action.Find(action.SetupGo + "@v5")
		label := a.Label(text)
		if err != nil {
			require.Equal(t, "go", label)
			return
		}
		plain, named := strings.CutPrefix(label, "go=")
		if named {
			require.True(t, spec.Allows(version(t, plain)), label)
		}
		_, _ = action.ParseVersion(text)
	})
}
