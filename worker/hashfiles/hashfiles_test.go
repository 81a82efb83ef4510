package hashfiles_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"yardmaster/worker/hashfiles"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// files makes a directory of files that hold their names.
func files(t testing.TB, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(name), 0o600))
	}
	return dir
}

// sumOf is the hash of files that hold their names, in this order.
func sumOf(names ...string) string {
	if len(names) == 0 {
		return ""
	}
	all := sha256.New()
	for _, name := range names {
		one := sha256.Sum256([]byte(name))
		all.Write(one[:])
	}
	return hex.EncodeToString(all.Sum(nil))
}

func TestPatternsMeanFiles(t *testing.T) {
	t.Parallel()
	dir := files(t, "go.sum", "go.mod", ".hidden/go.sum", "a/go.sum", "a/b/go.sum", "a/b/x.txt", "a.b/go.sum", "z[1].txt")
	require.NoError(t, os.Symlink("a", filepath.Join(dir, "link")))
	require.NoError(t, os.Symlink("go.mod", filepath.Join(dir, "y.txt")))
	require.NoError(t, os.Symlink("..", filepath.Join(dir, "a", "up")))
	for name, c := range map[string]struct {
		patterns []string
		want     []string
	}{
		"one":        {[]string{"go.sum"}, []string{"go.sum"}},
		"none":       {[]string{"*.lock"}, nil},
		"no pattern": {[]string{"", "# go.sum"}, nil},
		"star":       {[]string{"go.*"}, []string{"go.mod", "go.sum"}},
		"two":        {[]string{"go.sum", "go.mod"}, []string{"go.sum", "go.mod"}},
		"twice":      {[]string{"go.sum", "go.sum"}, []string{"go.sum"}},
		"lines":      {[]string{" go.sum \n\n#x\n./go.mod"}, []string{"go.sum", "go.mod"}},
		"everywhere": {
			[]string{"**/go.sum"},
			[]string{".hidden/go.sum", "a/b/go.sum", "a/go.sum", "a.b/go.sum", "go.sum"},
		},
		"below":                  {[]string{"a/**/go.sum"}, []string{"a/b/go.sum", "a/go.sum"}},
		"two double stars":       {[]string{"**/b/**/*.txt"}, []string{"a/b/x.txt"}},
		"a directory":            {[]string{"a/b"}, []string{"a/b/go.sum", "a/b/x.txt"}},
		"a directory with slash": {[]string{"a/b/"}, []string{"a/b/go.sum", "a/b/x.txt"}},
		"question mark":          {[]string{"go.?od"}, []string{"go.mod"}},
		"a set":                  {[]string{"go.[ms]*"}, []string{"go.mod", "go.sum"}},
		"not of a set":           {[]string{"go.[!m]*", "go.[^s]*"}, []string{"go.mod", "go.sum"}},
		"an open bracket":        {[]string{"z[1*"}, []string{"z[1].txt"}},
		"escaped":                {[]string{`z\[1].txt`}, []string{"z[1].txt"}},
		"without some": {
			[]string{"**/go.sum", "!a/**", "a/b/go.sum"},
			[]string{".hidden/go.sum", "a/b/go.sum", "a.b/go.sum", "go.sum"},
		},
		"twice not":        {[]string{"!!go.sum"}, []string{"go.sum"}},
		"absolute":         {[]string{dir + "/go.sum", "/etc/passwd", "~/x"}, []string{"go.sum"}},
		"all below one":    {[]string{"a/b/*.txt", "a"}, []string{"a/b/go.sum", "a/b/x.txt", "a/go.sum"}},
		"a link to a file": {[]string{"y.txt"}, []string{"go.mod"}},
		"through no link":  {[]string{"link/go.sum", "link/**"}, nil},
		"through links": {
			[]string{"--follow-symbolic-links", "link/**/*.txt"},
			[]string{"a/b/x.txt", "go.mod", "z[1].txt"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := hashfiles.Hash(context.Background(), dir, c.patterns)
			require.NoError(t, err)
			assert.Equal(t, sumOf(c.want...), got)
		})
	}
}

func TestAllFilesInTheOrderOfTheirDirectories(t *testing.T) {
	t.Parallel()
	dir := files(t, "b/1", "b/2", "b.c", "a", "b-/1")
	got, err := hashfiles.Hash(context.Background(), dir, []string{"**"})
	require.NoError(t, err)
	assert.Equal(t, sumOf("a", "b/1", "b/2", "b-/1", "b.c"), got)
}

func TestWhatCannotBeHashedIsNamed(t *testing.T) {
	t.Parallel()
	dir := files(t, "a")
	require.NoError(t, os.Symlink("/etc/passwd", filepath.Join(dir, "out")))
	require.NoError(t, os.Symlink("nowhere", filepath.Join(dir, "dangling")))
	require.NoError(t, unix.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
	for pattern, want := range map[string]string{
		"out":              `"out" cannot be read: path escapes`,
		"dangling":         `"dangling" cannot be read: no such file`,
		"pipe":             `"pipe" is no regular file`,
		"../x":             `a pattern has a segment ".."`,
		"a/./b":            `a pattern has a segment "."`,
		"/*/x":             "wildcard in front of the workspace",
		"--other":          "the only option is --follow-symbolic-links",
		"a\n" + many(2000): "more than 1000 patterns",
	} {
		_, err := hashfiles.Hash(context.Background(), dir, []string{pattern})
		require.ErrorContains(t, err, want, pattern)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := hashfiles.Hash(ctx, dir, []string{"a"})
	require.ErrorIs(t, err, context.Canceled)
	_, err = hashfiles.Hash(context.Background(), dir+"/none", []string{"a"})
	require.ErrorContains(t, err, "the workspace cannot be read")
}

func many(n int) string { return strings.Repeat("x\n", n) }

func FuzzHash(f *testing.F) {
	dir := files(f, "a/b", "c")
	f.Add("**/b\n!c")
	f.Add("[")
	f.Fuzz(func(t *testing.T, patterns string) {
		got, err := hashfiles.Hash(context.Background(), dir, []string{patterns})
		if err == nil && got != "" && got != sumOf("a/b") && got != sumOf("c") && got != sumOf("a/b", "c") &&
			got != sumOf("c", "a/b") {
			t.Fatalf("%q of %q", got, patterns)
		}
	})
}
