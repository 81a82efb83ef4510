// Package glob reads the patterns by which files of a workspace are named.
//
// They are globs in which ** stands for any number of directories; those that begin with
// ! take files away again, and one that means a directory means all files below it.
package glob

import (
	"fmt"
	"path"
	"strings"
)

// maxPatterns bounds the patterns of one call.
const maxPatterns = 1000

// anything is the segment that stands for any number of directories.
const anything = "**"

// Patterns are the patterns of one call, in their order.
type Patterns struct {
	all     []pattern
	outside []string
}

// pattern is one of them.
type pattern struct {
	negate   bool
	segments []string
	fixed    int // how many of the first segments hold no wildcard
}

// Parse reads patterns, one a line. They are relative to the workspace; those that begin
// with its path are, too.
func Parse(lines []string, workspace string) (Patterns, error) {
	var p Patterns
	count := 0
	for _, text := range lines {
		for line := range strings.SplitSeq(text, "\n") {
			line = strings.TrimSpace(line)
			if line == "" || line[0] == '#' {
				continue
			}
			if count++; count > maxPatterns {
				return Patterns{}, fmt.Errorf("more than %d patterns", maxPatterns)
			}
			one, inside, err := parseOne(line, workspace)
			switch {
			case err != nil:
				return Patterns{}, err
			case inside:
				p.all = append(p.all, one)
			case !one.negate:
				p.outside = append(p.outside, line)
			}
		}
	}
	return p, nil
}

// Outside returns the patterns that mean files outside of the workspace. They match none.
func (p Patterns) Outside() []string { return p.outside }

// parseOne reads one pattern, and reports whether it may match in the workspace at all.
func parseOne(line, workspace string) (p pattern, inside bool, err error) {
	for strings.HasPrefix(line, "!") {
		p.negate = !p.negate
		line = strings.TrimSpace(line[1:])
	}
	if line == "~" || strings.HasPrefix(line, "~/") {
		return p, false, nil
	}
	if strings.HasPrefix(line, "/") {
		switch rest, ok := strings.CutPrefix(line, workspace); {
		case !ok || rest != "" && rest[0] != '/':
			if strings.ContainsAny(line[:min(len(line), len(workspace)+1)], "*?[") {
				return p, false, fmt.Errorf("a pattern has a wildcard in front of the workspace")
			}
			return p, false, nil
		default:
			line = rest
		}
	}
	for i, s := range strings.FieldsFunc(line, func(r rune) bool { return r == '/' }) {
		switch s {
		case "..":
			return p, false, fmt.Errorf("a pattern has a segment %q", s)
		case ".":
			if i > 0 {
				return p, false, fmt.Errorf("a pattern has a segment %q", s)
			}
			continue
		}
		p.segments = append(p.segments, sane(s))
	}
	for p.fixed < len(p.segments) && !wild(p.segments[p.fixed]) {
		p.fixed++
	}
	return p, true, nil
}

func wild(segment string) bool { return strings.ContainsAny(segment, `*?[\`) }

// sane returns a segment as path.Match understands it: [!a] is [^a], and a bracket that
// is not closed stands for itself.
func sane(segment string) string {
	segment = strings.ReplaceAll(segment, "[!", "[^")
	if _, err := path.Match(segment, ""); err != nil {
		segment = strings.NewReplacer("[", `\[`, `\`, `\\`).Replace(segment)
	}
	return segment
}

// matches reports whether a file, given by its segments, is meant: as the pattern says,
// or because the pattern means a directory above it.
//
// So the pattern need match only the first segments of the file. A ** takes up the
// fewest it can, which leaves most to what follows; more are tried of the last ** only.
// That makes the time the product of the lengths.
func (p *pattern) matches(file []string) bool {
	var again, from int // where to go on when what follows the last ** does not match
	retry := false
	s, f := 0, 0
	for s < len(p.segments) {
		switch {
		case p.segments[s] == anything:
			s++
			again, from, retry = s, f, true
			continue
		case f < len(file) && segmentMatches(p.segments[s], file[f]):
			s, f = s+1, f+1
			continue
		}
		if !retry || from >= len(file) {
			return false
		}
		from++
		s, f = again, from
	}
	return true
}

func segmentMatches(segment, name string) bool {
	ok, err := path.Match(segment, name)
	return ok && err == nil
}

// mayMatchBelow reports whether a file below a directory may be meant.
func (p *pattern) mayMatchBelow(dir []string) bool {
	for i := range min(len(p.segments), len(dir)) {
		if p.segments[i] == anything {
			return true
		}
		if !segmentMatches(p.segments[i], dir[i]) {
			return false
		}
	}
	return true
}

// Mean reports whether a file, given by its segments, is meant: the last pattern that
// matches it decides.
func (p Patterns) Mean(file []string) (is bool) {
	for i := range p.all {
		if p.all[i].negate == is && p.all[i].matches(file) {
			is = !p.all[i].negate
		}
	}
	return is
}

// MayMeanBelow reports whether a file below a directory may be meant.
func (p Patterns) MayMeanBelow(dir []string) bool {
	for i := range p.all {
		if !p.all[i].negate && p.all[i].mayMatchBelow(dir) {
			return true
		}
	}
	return false
}

// Starts returns where to look, in the order of the patterns: the directories or files
// in front of the wildcards, by their segments, without those below others.
func (p Patterns) Starts() (all [][]string) {
	var candidates [][]string
	for _, one := range p.all {
		if !one.negate {
			candidates = append(candidates, one.segments[:one.fixed:one.fixed])
		}
	}
	for i, c := range candidates {
		covered := false
		for k, other := range candidates {
			same := len(other) == len(c)
			if len(other) <= len(c) && equal(other, c[:len(other)]) && (!same || k < i) {
				covered = true
			}
		}
		if !covered {
			all = append(all, c)
		}
	}
	return all
}

func equal(a, b []string) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
