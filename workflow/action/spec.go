package action

import (
	"errors"
	"strconv"
	"strings"
)

const (
	maxSpec     = 256
	everSpec    = 1 << 30 // more than any part of a version
	maxMentions = 16      // ranges in one
)

// Spec says which versions will do.
type Spec struct {
	ranges []interval // any of them
	even   bool       // only those whose first part is even, as the long-lived ones of Node
	plain  string     // "1.26" when it says no more than the beginning of a version
	exact  string     // of a version before its release
}

// interval holds the versions from low up to, but without, high.
type interval struct{ low, high Version }

func everything() interval { return interval{high: Version{numbers: [parts]int{everSpec}}} }

// ParseSpec reads which versions a file asks for: 1.26, 1.26.x, 1.26.8, ^20.1, ~3.12,
// >=3.9 <3.13, 18 || 20, stable, lts/*.
func ParseSpec(text string) (Spec, error) {
	text = strings.TrimSpace(text)
	if text == "" || len(text) > maxSpec || strings.ContainsAny(text, "\r\n") { // a list has one in each line
		return Spec{}, notASpec()
	}
	switch strings.ToLower(text) {
	case "*", "x", "latest", "stable", "current", "node":
		return Spec{ranges: []interval{everything()}}, nil
	case "lts/*", "lts":
		return Spec{ranges: []interval{everything()}, even: true}, nil
	}
	if name, ok := strings.CutPrefix(strings.ToLower(text), "lts/"); ok {
		return longLived(name)
	}
	if v, n, rest := leading(text); n == parts || n == parts-1 {
		if early := strings.TrimLeft(rest, "-"); early != "" && isEarly(early) {
			v.early = early
			return Spec{exact: v.String()}, nil
		}
	}
	var s Spec
	for alternative := range strings.SplitSeq(text, "||") {
		in, err := parseRange(alternative)
		if err != nil || len(s.ranges) == maxMentions {
			return Spec{}, notASpec()
		}
		s.ranges = append(s.ranges, in)
	}
	s.plain = plainPart(text)
	return s, nil
}

func notASpec() error {
	return errors.New("says no version; write for example '1.26', '1.26.x', '>=1.25' or '18 || 20'")
}

// isEarly tells rc1, beta2 and alpha.1 from other words.
func isEarly(s string) bool {
	for _, word := range []string{"rc", "beta", "alpha"} {
		if number, ok := strings.CutPrefix(s, word); ok {
			return strings.Trim(number, ".0123456789") == ""
		}
	}
	return false
}

// longLived returns the versions of Node that have a name.
func longLived(name string) (Spec, error) {
	for i, known := range []string{"gallium", "hydrogen", "iron", "jod", "krypton"} {
		if name == known {
			const first = 16 // and every second since
			v := Version{numbers: [parts]int{first + 2*i}}
			return Spec{ranges: []interval{{v, v.next(1)}}, plain: strconv.Itoa(v.numbers[0])}, nil
		}
	}
	return Spec{}, errors.New("names no version that is known; give its number, as '22'")
}

// parseRange reads comparisons that must all hold.
func parseRange(text string) (interval, error) {
	all := everything()
	words := strings.Fields(strings.ReplaceAll(text, ",", " "))
	if len(words) == 0 || len(words) > maxMentions {
		return all, notASpec()
	}
	for i := 0; i < len(words); i++ {
		word := words[i]
		if strings.Trim(word, "^~<>=") == "" && i+1 < len(words) { // ">= 3.9"
			i++
			word += words[i]
		}
		in, err := parseComparison(word)
		if err != nil {
			return all, err
		}
		if in.low.Compare(all.low) > 0 {
			all.low = in.low
		}
		if in.high.Compare(all.high) < 0 {
			all.high = in.high
		}
	}
	return all, nil
}

func parseComparison(word string) (interval, error) {
	version := strings.TrimLeft(word, "^~<>=")
	operator := word[:len(word)-len(version)]
	v, n, ok := partial(version)
	all := everything()
	switch {
	case !ok:
		return all, notASpec()
	case n == 0: // >=*
		return all, nil
	}
	switch operator {
	case "", "=", "==":
		return interval{v, v.next(n)}, nil
	case ">=":
		return interval{v, all.high}, nil
	case ">":
		return interval{v.next(n), all.high}, nil
	case "<":
		return interval{all.low, v}, nil
	case "<=":
		return interval{all.low, v.next(n)}, nil
	case "~", "~>":
		return interval{v, v.next(min(n, parts-1))}, nil
	case "~=": // of Python: all parts but the last stay
		return interval{v, v.next(max(n-1, 1))}, nil
	case "^":
		return interval{v, v.next(significant(v, n))}, nil
	}
	return all, notASpec()
}

// significant returns how many parts ^ holds fast: up to the first that is not zero.
func significant(v Version, n int) int {
	for i := range n {
		if v.numbers[i] != 0 {
			return i + 1
		}
	}
	return n
}

// partial reads a version that may lack parts, or have x or * for them.
func partial(text string) (v Version, n int, ok bool) {
	v, n, rest := leading(strings.TrimPrefix(text, "v"))
	if build := strings.IndexByte(rest, '+'); build >= 0 && n == parts { // 21.0.3+9
		rest = rest[:build]
	}
	for given := n; rest != ""; given++ {
		if given > 0 {
			var dot bool
			if rest, dot = strings.CutPrefix(rest, "."); !dot {
				return v, n, false
			}
		}
		if given >= parts || rest == "" || !strings.ContainsRune("xX*", rune(rest[0])) {
			return v, n, false
		}
		rest = rest[1:]
	}
	return v, n, n > 0 || text != "" && text != "v"
}

// plainPart returns the numbers of what says no more than how a version begins.
func plainPart(text string) string {
	v, n, ok := partial(strings.TrimLeft(text, "="))
	if !ok || n == 0 {
		return ""
	}
	return strings.Join(strings.SplitN(v.String(), ".", parts)[:n], ".")
}

// Allows reports whether a version will do. One that was made before its release must
// be asked for by name.
func (s Spec) Allows(v Version) bool {
	if v.early != "" || s.exact != "" {
		return v.String() == s.exact
	}
	for _, in := range s.ranges {
		if v.Compare(in.low) >= 0 && v.Compare(in.high) < 0 && !(s.even && v.numbers[0]%2 != 0) {
			return true
		}
	}
	return false
}
