package workflow

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// decoder reads nodes into a plan's parts and collects what is wrong on the way.
// A reader that finds a fault reports it and returns the zero value, so that the
// rest of the file is read too.
type decoder struct {
	reporter
	expressions
	src        []byte
	lineStarts []int   // offsets in src; nil until one is wanted
	located    located // the last place that was looked for
	cellOps    int     // comparisons made for matrices so far
	named      int     // steps that were given names of their own so far
	implied    int     // versions of tools that were evaluated so far
	emptyHint  string
	github     bool // the file may have keys of GitHub Actions, about which there is more to say
}

// field is a key of a mapping and what reads its value.
type field[T any] struct {
	key  string
	read func(d *decoder, into *T, v *node)
}

// readFields reads the mapping n by its table of keys. What names the mapping for
// people. It reports whether n is a mapping.
func readFields[T any](d *decoder, n *node, what string, fields []field[T], into *T) bool {
	if !d.expect(n, mapping, "a mapping") {
		return false
	}
next:
	for _, p := range n.pairs {
		for _, f := range fields {
			if f.key == p.key.text {
				outer := d.rule
				d.rule = ruleUnder(f.key, outer)
				f.read(d, into, p.value)
				d.rule = outer
				continue next
			}
		}
		known := make([]string, len(fields))
		for i, f := range fields {
			known[i] = f.key
		}
		d.unknownKey(p.key, what, known)
	}
	return true
}

// expect reports whether n has the wanted kind.
func (d *decoder) expect(n *node, want kind, what string) bool {
	if n.kind == want && !(want == scalar && n.null()) {
		return true
	}
	d.wrong(n, "expected "+what, "")
	return false
}

// wrong reports that n is not what was expected, unless that is known already.
func (d *decoder) wrong(n *node, message, hint string) {
	if n.made && n.kind == scalar && n.tag == "!!str" {
		hint = "fromJSON makes a number, true or false, or a list of a text"
	}
	if n.kind != broken {
		d.reportAs(RuleType, n.pos, message+", found "+n.is(), hint)
	}
}

// text reads a scalar as it is written.
func (d *decoder) text(n *node) (string, bool) {
	if !d.expect(n, scalar, "a string") || !d.plain(n) {
		return "", false
	}
	return n.text, true
}

// opening begins an expression.
const opening = "${{"

// plain reports whether the scalar n is free of expressions and NUL.
func (d *decoder) plain(n *node) bool {
	if n.open {
		d.reportAs(RuleExpression, d.find(n, strings.Index(n.text, opening)), "an expression (${{ }}) cannot stand here",
			"write the value itself")
		return false
	}
	return d.withoutNUL(n)
}

func (d *decoder) withoutNUL(n *node) bool {
	if strings.ContainsRune(n.text, 0) {
		d.report(n.pos, "a NUL byte is not allowed", "remove it")
		return false
	}
	return true
}

// plainTree checks all scalars of a part of the file that is otherwise not read.
func (d *decoder) plainTree(n *node) {
	if n.kind == scalar {
		d.plain(n)
	}
	for _, item := range n.items {
		d.plainTree(item)
	}
	for _, p := range n.pairs {
		d.plainTree(p.key)
		d.plainTree(p.value)
	}
}

const maxName = 255 // characters of a name that people are shown

// name reads a line for people: printable and not long.
func (d *decoder) name(n *node) string {
	s, ok := d.text(n)
	switch {
	case !ok:
		return ""
	case strings.TrimSpace(s) == "":
		d.report(n.pos, "a name must not be empty", "give one, or remove the key")
		return ""
	case utf8.RuneCountInString(s) > maxName:
		d.report(n.pos, fmt.Sprintf("a name may have %d characters", maxName), "shorten it")
		return ""
	case !printable(s):
		d.report(n.pos, "a name must be one line of printable characters", "")
		return ""
	}
	return s
}

func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

func (d *decoder) boolean(n *node) bool {
	if n.kind != scalar || !d.plain(n) {
		d.expect(n, scalar, "true or false")
		return false
	}
	if n.tag != "!!bool" {
		d.wrong(n, "expected true or false", "write true or false, without quotes")
		return false
	}
	return strings.EqualFold(n.text, "true")
}

// integer reads a whole number between low and high; it returns low after a fault.
func (d *decoder) integer(n *node, what string, low, high int) int {
	if n.kind != scalar || n.tag != "!!int" {
		if n.kind != scalar || d.plain(n) {
			d.wrong(n, what+": expected a whole number", "")
		}
		return low
	}
	v, err := strconv.Atoi(n.text)
	if err != nil || v < low || v > high {
		d.report(n.pos, fmt.Sprintf("%s must be a whole number from %d to %d", what, low, high), "")
		return low
	}
	return v
}

// number reads a finite number. It reports its own faults.
func (d *decoder) number(n *node, what string) (float64, bool) {
	if n.kind != scalar || n.tag != "!!int" && n.tag != "!!float" {
		if n.kind != scalar || d.plain(n) {
			d.wrong(n, what+": expected a number", "")
		}
		return 0, false
	}
	v, err := strconv.ParseFloat(n.text, 64)
	if err != nil || math.IsInf(v, 0) || math.IsNaN(v) {
		d.report(n.pos, what+" must be a plain decimal number", "")
		return 0, false
	}
	return v, true
}

// duration reads "5s", or a number of seconds, between 0 and high.
func (d *decoder) duration(n *node, what string, high time.Duration) time.Duration {
	const hint = `write "5s" or "1m30s", or a number of seconds`
	var v time.Duration
	if n.kind == scalar && n.tag == "!!str" {
		if !d.plain(n) {
			return 0
		}
		parsed, err := time.ParseDuration(n.text)
		if err != nil {
			d.report(n.pos, fmt.Sprintf("%s: %s is not a duration", what, quote(n.text)), hint)
			return 0
		}
		v = parsed
	} else {
		seconds, ok := d.number(n, what)
		if !ok {
			return 0
		}
		v = time.Duration(min(max(seconds, -1), high.Seconds()+1) * float64(time.Second))
	}
	if v < 0 || v > high {
		d.report(n.pos, fmt.Sprintf("%s must be from 0 to %s", what, high), hint)
		return 0
	}
	return v
}
