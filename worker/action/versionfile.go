//go:build unix

package action

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path"
	"regexp"
	"strings"
)

// maxVersionFile is the most bytes that are read of a file that says a version.
const maxVersionFile = 1 << 20

// readVersion returns which version a file of the workspace asks for.
func (t tool) readVersion(workspace, name string) (string, error) {
	root, err := os.OpenRoot(workspace)
	if err != nil {
		return "", lack("the workspace cannot be opened: %w", err)
	}
	defer root.Close()
	info, err := root.Stat(name)
	if err != nil || !info.Mode().IsRegular() {
		return "", errors.New("does not name a file of the workspace; is it there, after a checkout?")
	}
	f, err := root.Open(name)
	if err != nil {
		return "", errors.New("cannot be read: " + causeOf(err))
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxVersionFile+1))
	if err != nil || len(text) > maxVersionFile {
		return "", errors.New("cannot be read, or is too large")
	}
	version := t.versionIn(path.Base(name), string(text))
	if version == "" {
		return "", errors.New("says no version of " + t.what)
	}
	return version, nil
}

// Where files of several settings say a version.
var (
	toolchain = regexp.MustCompile(`(?m)^\s*toolchain\s+go(\S+)`)
	goLine    = regexp.MustCompile(`(?m)^\s*go\s+(\S+)`)
	requires  = regexp.MustCompile(`(?m)^\s*requires-python\s*=\s*["']([^"']+)["']`)
)

// versionIn returns the version that a file says, or "".
func (t tool) versionIn(name, text string) string {
	switch name {
	case "go.mod", "go.work": // what they name is the least that will do
		for _, form := range []*regexp.Regexp{toolchain, goLine} {
			if found := form.FindStringSubmatch(text); found != nil && found[1] != "default" {
				return ">=" + found[1]
			}
		}
		return ""
	case "package.json":
		return nodeOf(text)
	case "pyproject.toml":
		if found := requires.FindStringSubmatch(text); found != nil {
			return found[1]
		}
		return ""
	}
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		words := strings.Fields(strings.SplitN(lines.Text(), "#", 2)[0])
		switch {
		case len(words) == 0:
		case name == ".tool-versions":
			if len(words) > 1 && (words[0] == t.label || words[0]+"3" == t.label || words[0] == "golang" && t.label == "go" ||
				words[0] == "nodejs" && t.label == "node") {
				return withoutName(words[1])
			}
		default:
			return withoutName(words[0])
		}
	}
	return ""
}

// withoutName returns 21.0.3 of temurin-21.0.3, and of go1.26 only 1.26.
func withoutName(word string) string {
	if strings.HasPrefix(word, "lts/") {
		return word
	}
	if i := strings.IndexAny(word, "0123456789"); i > 0 && strings.Trim(word[:i], "-.abcdefghijklmnopqrstuvwxyz_") == "" {
		return word[i:]
	}
	return word
}

// nodeOf returns the version of Node that a package asks for.
func nodeOf(text string) string {
	var file struct {
		Volta   struct{ Node string }
		Engines struct{ Node string }
	}
	if json.Unmarshal([]byte(text), &file) != nil {
		return ""
	}
	if file.Volta.Node != "" {
		return file.Volta.Node
	}
	return file.Engines.Node
}
