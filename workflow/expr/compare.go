package expr

import (
	"cmp"
	"math"
)

// coerce makes a and b of one kind, if they can be: null and booleans become
// numbers, and then a text beside a number does.
func coerce(a, b Value) (Value, Value) {
	if a.kind == b.kind {
		return a, b
	}
	if a.kind < Number {
		a = NumberOf(a.num)
	}
	if b.kind < Number {
		b = NumberOf(b.num)
	}
	switch {
	case a.kind == Number && b.kind == String:
		b = NumberOf(b.Float())
	case a.kind == String && b.kind == Number:
		a = NumberOf(a.Float())
	}
	return a, b
}

// Equal reports whether a == b in an expression: as numbers when their kinds differ,
// without regard to case when both are strings, and for arrays and objects only if
// they are the same one.
func Equal(a, b Value) bool {
	a, b = coerce(a, b)
	if a.kind != b.kind {
		return false
	}
	switch a.kind {
	case Null:
		return true
	case Boolean, Number:
		return a.num == b.num
	case String:
		return equalFold(a.str, b.str)
	case Array, Object:
	}
	return a.list == b.list
}

// order returns how a and b stand to each other, and false when neither is less:
// for what is not a number, null, and arrays and objects.
func order(a, b Value) (int, bool) {
	a, b = coerce(a, b)
	if a.kind != b.kind {
		return 0, false
	}
	switch a.kind {
	case Boolean, Number:
		return cmp.Compare(a.num, b.num), !math.IsNaN(a.num) && !math.IsNaN(b.num)
	case String:
		return compareFold(a.str, b.str), true
	case Null, Array, Object:
	}
	return 0, false
}

// compare applies one of the six operators.
func compare(op tokenKind, a, b Value) bool {
	switch op { //nolint:exhaustive // the parser makes comparisons of these alone
	case tokEqual:
		return Equal(a, b)
	case tokNotEqual:
		return !Equal(a, b)
	}
	n, ordered := order(a, b)
	switch op { //nolint:exhaustive // as above
	case tokLess:
		return ordered && n < 0
	case tokLessEqual:
		return ordered && n < 0 || Equal(a, b)
	case tokGreater:
		return ordered && n > 0
	}
	return ordered && n > 0 || Equal(a, b)
}
