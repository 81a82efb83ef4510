package artifact_test

import (
	"math"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"yardmaster/domain/artifact"
	"yardmaster/domain/blob"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestNamesAreThoseThatGitHubTakes(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"dist", "my artifact", "a.b-c_d", "...", "größe", "#1 (50%)", strings.Repeat("x", 255)} {
		require.NoError(t, artifact.CheckName(name), name)
	}
	for _, name := range []string{
		"", ".", "..", "a/b", `a\b`, `a"b`, "a:b", "a<b", "a>b", "a|b", "a*b", "a?b", "a\rb", "a\nb", "a\x00b", "a\x7fb",
		"a\xffb", strings.Repeat("x", 256),
	} {
		require.ErrorIs(t, artifact.CheckName(name), artifact.ErrName, "%q", name)
	}
}

func entry(path string, size int64) artifact.Entry {
	return artifact.Entry{Path: path, Size: size, Digest: blob.Of([]byte(path))}
}

func manifest(paths ...string) artifact.Manifest {
	var entries []artifact.Entry
	for _, p := range paths {
		entries = append(entries, entry(p, int64(len(p))))
	}
	return artifact.New(entries)
}

func TestNoPathLeavesItsRoot(t *testing.T) {
	t.Parallel()
	limits := artifact.CacheLimits()
	require.NoError(t, manifest("a", "b/c", "b/d e", "b-/c", "...", "b/.git/x", "ä", "a:b").Validate(limits))
	for name, p := range map[string]string{
		"empty": "", "absolute": "/etc/passwd", "up": "../x", "up in the middle": "a/../../x", "only up": "..",
		"dot": ".", "dot in the middle": "a/./b", "an empty segment": "a//b", "a directory": "a/", "backslash": `..\x`,
		"line break": "a\nb", "NUL": "a\x00b", "no UTF-8": "a\xff",
	} {
		require.ErrorIs(t, manifest("ok", p).Validate(limits), artifact.ErrInvalid, name)
	}
	limits.Portable = true
	require.ErrorIs(t, manifest("a:b").Validate(limits), artifact.ErrInvalid)
}

func TestEveryLimitHolds(t *testing.T) {
	t.Parallel()
	is := artifact.UploadLimits()
	is.Files, is.Bytes, is.Path, is.Depth, is.Encoded = 3, 20, 300, 3, 1000
	require.NoError(t, manifest("1", "2", "a/b/c").Validate(is))
	for name, m := range map[string]artifact.Manifest{
		"files":   manifest("1", "2", "3", "4"),
		"bytes":   manifest("1", "2/3456789", "2/345678901"),
		"path":    manifest(strings.Repeat("x", 200) + "/" + strings.Repeat("x", 100)),
		"segment": manifest(strings.Repeat("x", 256)),
		"depth":   manifest("a/b/c/d"),
		"overflow": artifact.New([]artifact.Entry{
			entry("a", math.MaxInt64), entry("b", math.MaxInt64), entry("c", 2),
		}),
		"the manifest": manifest(strings.Repeat("x/", 1)+strings.Repeat("y", 250), "1",
			strings.Repeat("x/", 1)+strings.Repeat("z", 250)),
	} {
		l := is
		if name == "the manifest" {
			l.Bytes, l.Encoded = 1<<20, 600
		}
		require.ErrorIs(t, m.Validate(l), artifact.ErrLimit, name)
	}
	require.ErrorIs(t, artifact.New([]artifact.Entry{entry("a", -1)}).Validate(is), artifact.ErrInvalid)
}

func TestAFileIsThereOnceAndIsNoDirectory(t *testing.T) {
	t.Parallel()
	limits := artifact.UploadLimits()
	require.ErrorContains(t, manifest("a", "a").Validate(limits), `"a" is there twice`)
	// "a-b" sorts between the two.
	require.ErrorContains(t, manifest("a", "a-b", "a/b").Validate(limits), `"a" is a file, and a directory of "a/b"`)
	require.ErrorContains(t, manifest("x/a/b/c", "x/a").Validate(limits), `"x/a" is a file, and a directory of`)
}

func TestAllFaultsAreToldUpToANumber(t *testing.T) {
	t.Parallel()
	limits := artifact.UploadLimits()
	err := manifest("../a", "/b", "ok").Validate(limits)
	require.ErrorContains(t, err, "../a")
	require.ErrorContains(t, err, "/b")
	var many []string
	for range 100 {
		many = append(many, "..")
	}
	require.Equal(t, 20, 1+strings.Count(manifest(many...).Validate(limits).Error(), "\n"))
}

func TestPathsThatDifferInCaseAreToldOf(t *testing.T) {
	t.Parallel()
	m := manifest("README", "readme", "Straße/x", "straße/X", "σ", "ς", "other")
	require.NoError(t, m.Validate(artifact.UploadLimits()))
	assert.Equal(t, [][2]string{{"README", "readme"}, {"Straße/x", "straße/X"}, {"ς", "σ"}}, m.Alike())
	assert.Empty(t, manifest("a", "b").Alike())
}

// paths draws any paths, many of them good.
func paths() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.StringMatching(`[a-cA-C]{1,3}(/[a-c.]{1,3}){0,3}`),
		rapid.StringMatching(`[a-c./\\ ]{0,8}`),
		rapid.String(),
	)
}

func entries() *rapid.Generator[[]artifact.Entry] {
	return rapid.SliceOf(rapid.Custom(func(t *rapid.T) artifact.Entry {
		return artifact.Entry{
			Path: paths().Draw(t, "path"), Size: rapid.Int64Range(-1, 1<<40).Draw(t, "size"),
			Executable: rapid.Bool().Draw(t, "executable"), Digest: blob.Of(rapid.SliceOf(rapid.Byte()).Draw(t, "content")),
		}
	}))
}

func TestAManifestHasOneText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		all := entries().Draw(t, "entries")
		m := artifact.New(all)
		if m.Validate(artifact.CacheLimits()) != nil {
			return
		}
		shuffled := artifact.New(rapid.Permutation(all).Draw(t, "shuffled"))
		require.Equal(t, m.Encode(), shuffled.Encode())
		require.Equal(t, m.Digest(), shuffled.Digest())
		again, err := artifact.Decode(m.Encode())
		require.NoError(t, err)
		require.Equal(t, m.Encode(), again.Encode())
		require.True(t, slices.Equal(m.Entries(), again.Entries()))
		if len(all) > 0 {
			all[0].Executable = !all[0].Executable
			require.NotEqual(t, m.Digest(), artifact.New(all).Digest())
		}
	})
}

func TestWhatIsValidStaysInsideHoweverItIsJoined(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := paths().Draw(t, "path")
		if artifact.CheckPath(p, artifact.CacheLimits()) == nil {
			require.Equal(t, "/root/"+p, path.Join("/root", p))
		}
	})
}

func TestOtherTextsAreNoManifest(t *testing.T) {
	t.Parallel()
	good := string(manifest("a", "b").Encode())
	_, err := artifact.Decode([]byte(good))
	require.NoError(t, err)
	lines := strings.SplitAfter(good, "\n")
	for name, text := range map[string]string{
		"nothing":            "",
		"another version":    strings.Replace(good, " 1\n", " 2\n", 1),
		"cut":                good[:len(good)-1],
		"out of order":       lines[0] + lines[2] + lines[1],
		"a digest":           strings.Replace(good, lines[1][:64], strings.Repeat("X", 64), 1),
		"a mode":             strings.Replace(good, " - ", " w ", 1),
		"a size":             strings.Replace(good, " 1 a", " 01 a", 1),
		"a size with a sign": strings.Replace(good, " 1 a", " +1 a", 1),
		"no path":            strings.Replace(good, " 1 a", " 1", 1),
		"an empty line":      good + "\n",
	} {
		_, err := artifact.Decode([]byte(text))
		require.ErrorIs(t, err, artifact.ErrInvalid, name)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(manifest("a", "b/c", "b/../d").Encode())
	f.Add([]byte("yardmaster manifest 1\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := artifact.Decode(text)
		if err != nil {
			return
		}
		if again := m.Encode(); string(again) != string(text) {
			t.Fatalf("%q is %q, too", text, again)
		}
		if m.Validate(artifact.UploadLimits()) != nil {
			return
		}
		for _, e := range m.Entries() {
			if path.Join("/r", e.Path) != "/r/"+e.Path {
				t.Fatalf("%q is valid", e.Path)
			}
		}
	})
}

func BenchmarkValidate(b *testing.B) {
	var all []artifact.Entry
	for i := range 10_000 {
		all = append(all, entry("some/directory/"+blob.Of([]byte{byte(i), byte(i >> 8)}).String(), 1000))
	}
	m := artifact.New(all)
	b.ReportAllocs()
	for b.Loop() {
		if err := m.Validate(artifact.UploadLimits()); err != nil {
			b.Fatal(err)
		}
	}
}
