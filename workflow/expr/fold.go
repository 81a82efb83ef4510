package expr

import (
	"cmp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// upper returns the simple upper case of r. The dotless i and the long s keep their
// form, for they would become letters of ASCII.
func upper(r rune) rune {
	switch {
	case 'a' <= r && r <= 'z':
		return r - 'a' + 'A'
	case r < utf8.RuneSelf, r == 'ı', r == 'ſ':
		return r
	}
	return unicode.ToUpper(r)
}

// foldRune returns one rune for all that are the same without regard to case. In
// ASCII it is the lower case, so that most keys are their own folded form.
func foldRune(r rune) rune {
	if 'A' <= r && r <= 'Z' {
		return r - 'A' + 'a'
	}
	if r < utf8.RuneSelf {
		return r
	}
	return upper(r)
}

// fold returns a text that is the same for all that equalFold takes for equal.
func fold(s string) string { return strings.Map(foldRune, s) }

// equalFold reports whether a and b are the same without regard to case.
func equalFold(a, b string) bool {
	rest, ok := cutFold(a, b)
	return ok && rest == ""
}

// hasPrefixFold reports whether s begins with prefix, without regard to case.
func hasPrefixFold(s, prefix string) bool {
	_, ok := cutFold(s, prefix)
	return ok
}

// cutFold returns s without its prefix.
func cutFold(s, prefix string) (rest string, ok bool) {
	for prefix != "" {
		if s == "" {
			return "", false
		}
		if a, b := s[0], prefix[0]; a|b < utf8.RuneSelf {
			if a != b && foldRune(rune(a)) != foldRune(rune(b)) {
				return "", false
			}
			s, prefix = s[1:], prefix[1:]
			continue
		}
		a, n := utf8.DecodeRuneInString(s)
		b, m := utf8.DecodeRuneInString(prefix)
		if foldRune(a) != foldRune(b) {
			return "", false
		}
		s, prefix = s[n:], prefix[m:]
	}
	return s, true
}

// hasSuffixFold reports whether s ends with suffix, without regard to case. A letter
// and its upper case may differ in length, so both are read from the end.
func hasSuffixFold(s, suffix string) bool {
	for suffix != "" {
		a, n := utf8.DecodeLastRuneInString(s)
		b, m := utf8.DecodeLastRuneInString(suffix)
		if n == 0 || foldRune(a) != foldRune(b) {
			return false
		}
		s, suffix = s[:len(s)-n], suffix[:len(suffix)-m]
	}
	return true
}

// containsFold reports whether part is in s, without regard to case.
func containsFold(s, part string) bool { return strings.Contains(fold(s), fold(part)) }

// compareFold orders a and b by their upper case, in UTF-16 as GitHub does.
func compareFold(a, b string) int {
	for a != "" && b != "" {
		x, n := utf8.DecodeRuneInString(a)
		y, m := utf8.DecodeRuneInString(b)
		if x, y = upper(x), upper(y); x != y {
			return compareUTF16(x, y)
		}
		a, b = a[n:], b[m:]
	}
	return cmp.Compare(len(a), len(b))
}

// compareUTF16 orders two runes as their UTF-16 forms would be: what needs two
// units begins with one that is less than U+E000.
func compareUTF16(x, y rune) int {
	const firstOfPair, afterPairs = 0xd800, 0xe000
	high := func(r rune) rune {
		if r > 0xffff {
			return firstOfPair
		}
		return r
	}
	if hx, hy := high(x), high(y); hx != hy && (hx >= afterPairs || hy >= afterPairs) {
		return cmp.Compare(hx, hy)
	}
	return cmp.Compare(x, y)
}

// trim returns s without the white space around it.
func trim(s string) string {
	const ascii = " \t\n\v\f\r"
	s = strings.Trim(s, ascii) // which is fast, and mostly enough
	return strings.TrimFunc(s, isSpace)
}

// isSpace reports whether r is white space for either of GitHub's engines.
func isSpace(r rune) bool { return unicode.IsSpace(r) || r == '\ufeff' }
