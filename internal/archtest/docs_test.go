package archtest_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	namedTest = regexp.MustCompile("`((?:Test|Fuzz)[A-Z][A-Za-z0-9]*)`")
	testFunc  = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)[A-Z][A-Za-z0-9]*)\(`)
	link      = regexp.MustCompile(`\]\(([^)#]+)(?:#[^)]*)?\)`)
)

func TestEveryTestThatADocumentNamesExists(t *testing.T) {
	t.Parallel()

	exists := map[string]bool{}
	for _, s := range sources(t) {
		if !s.test {
			continue
		}
		text, err := os.ReadFile(filepath.Join(root, s.path))
		require.NoError(t, err)
		for _, found := range testFunc.FindAllSubmatch(text, -1) {
			exists[string(found[1])] = true
		}
	}
	named := 0
	for name, text := range documents(t) {
		for _, found := range namedTest.FindAllStringSubmatch(text, -1) {
			named++
			assert.True(t, exists[found[1]], "%s names %s, which does not exist", name, found[1])
		}
	}
	assert.Greater(t, named, 50, "where have the documents gone?")
}

func TestEveryLinkBetweenDocumentsLeadsSomewhere(t *testing.T) {
	t.Parallel()

	for name, text := range documents(t) {
		for _, found := range link.FindAllStringSubmatch(text, -1) {
			if strings.Contains(found[1], "://") {
				continue
			}
			_, err := os.Stat(filepath.Join(filepath.Dir(name), found[1]))
			assert.NoError(t, err, "%s links to %s", name, found[1])
		}
	}
}

// documents returns the text of every Markdown file of ours by its path.
func documents(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, dir := range []string{".", "docs", "docs/adr"} {
		entries, err := fs.Glob(os.DirFS(root), filepath.Join(dir, "*.md"))
		require.NoError(t, err)
		for _, entry := range entries {
			text, err := os.ReadFile(filepath.Join(root, entry))
			require.NoError(t, err)
			all[filepath.Join(root, entry)] = string(text)
		}
	}
	return all
}
