// Package toolcache finds the tools that are kept in a directory, as GitHub's runners lay
// them out: NAME/VERSION/ARCHITECTURE/bin/PROGRAM.
package toolcache

import (
	"os"
	"path/filepath"
	"strings"
)

// maxEntries bounds how many entries of a directory are looked at.
const maxEntries = 1000

// Kind is a tool that may be kept.
type Kind struct {
	Label   string // of workers that have it
	Program string
	folder  string // its name, or how it begins when there is a _ at the end
}

// Kinds returns those that are looked for.
func Kinds() []Kind {
	return []Kind{
		{"go", "go", "go"}, {"node", "node", "node"}, {"python3", "python3", "python"}, {"java", "java", "java_"},
	}
}

// Tool is one version of a tool.
type Tool struct {
	Label   string
	Version string // as its folder is named
	Bin     string // the folder of its programs
}

// List returns what is kept in a directory for an architecture, as Go calls it. What is
// not there, or cannot be read, is not listed.
func List(dir, goarch string) (all []Tool) {
	for _, name := range folders(dir) {
		for _, k := range Kinds() {
			lower := strings.ToLower(name)
			if lower == k.folder || strings.HasSuffix(k.folder, "_") && strings.HasPrefix(lower, k.folder) {
				all = append(all, versions(k, filepath.Join(dir, name), architecture(goarch))...)
			}
		}
	}
	return all
}

func versions(k Kind, dir, arch string) (all []Tool) {
	for _, version := range folders(dir) {
		bin := filepath.Join(dir, version, arch, "bin")
		info, err := os.Stat(filepath.Join(bin, k.Program))
		if err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			all = append(all, Tool{Label: k.Label, Version: version, Bin: bin})
		}
	}
	return all
}

// architecture is the name of a folder.
func architecture(goarch string) string {
	switch goarch {
	case "amd64":
		return "x64"
	case "386":
		return "x86"
	}
	return goarch
}

// folders returns the names of the entries of a directory, in order.
func folders(dir string) []string {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries[:min(len(entries), maxEntries)] {
		names = append(names, e.Name())
	}
	return names
}
