package action

import (
	"cmp"
	"errors"
	"strconv"
	"strings"
)

const (
	parts     = 3 // of a version that count
	maxDigits = 8 // of a part
)

// Version is that of a tool. What has fewer parts has zeros for those that lack.
type Version struct {
	numbers [parts]int
	early   string // what follows them in one that was made before the release, as rc1
}

// ParseVersion reads what a tool says of itself, as 1.26.8, v20.1.0, 1.27rc1, 21.0.3+9 or
// 1.8.0_392, of which the last is Java 8.
func ParseVersion(text string) (Version, error) {
	v, n, rest := leading(strings.TrimPrefix(text, "v"))
	if n == 0 {
		return Version{}, errors.New("action: " + strconv.Quote(text) + " is no version")
	}
	if v.numbers[0] == 1 && v.numbers[1] == 8 && strings.Contains(rest, "_") {
		return Version{numbers: [parts]int{8}}, nil
	}
	if rest != "" && rest[0] != '+' && rest[0] != '_' && rest[0] != '.' {
		v.early = strings.TrimLeft(rest, "-")
		if strings.Trim(v.early, "0123456789") == "" { // as the builds of a Java, 21.0.3-9
			v.early = ""
		}
	}
	return v, nil
}

// leading reads the numbers that a text begins with, and returns how many there are and
// what follows.
func leading(text string) (v Version, n int, rest string) {
	for rest = text; n < parts; n++ {
		digits := rest
		if n > 0 {
			var dot bool
			if digits, dot = strings.CutPrefix(rest, "."); !dot {
				break
			}
		}
		end := 0
		for end < len(digits) && digits[end] >= '0' && digits[end] <= '9' {
			end++
		}
		if end == 0 || end > maxDigits {
			break
		}
		v.numbers[n], _ = strconv.Atoi(digits[:end]) // so few digits are a number
		rest = digits[end:]
	}
	return v, n, rest
}

// Compare orders versions: one that was made before a release stands before that.
func (v Version) Compare(w Version) int {
	for i := range parts {
		if c := cmp.Compare(v.numbers[i], w.numbers[i]); c != 0 {
			return c
		}
	}
	switch {
	case v.early == w.early:
		return 0
	case v.early == "":
		return 1
	case w.early == "":
		return -1
	}
	return cmp.Compare(v.early, w.early)
}

// String returns the version as people write it.
func (v Version) String() string {
	s := ""
	for i, n := range v.numbers {
		if i > 0 {
			s += "."
		}
		s += strconv.Itoa(n)
	}
	if v.early != "" {
		s += "-" + v.early
	}
	return s
}

// next returns the first version that does not agree with v in its first n parts.
func (v Version) next(n int) Version {
	w := Version{}
	copy(w.numbers[:n], v.numbers[:n])
	w.numbers[n-1]++
	return w
}
