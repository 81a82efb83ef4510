package expr

import (
	"iter"
	"math"
)

// Kind is what sort of value a Value is.
type Kind uint8

// The kinds.
const (
	Null Kind = iota
	Boolean
	Number
	String
	Array
	Object
)

// String returns the name that GitHub gives the kind.
func (k Kind) String() string {
	return [...]string{"Null", "Boolean", "Number", "String", "Array", "Object"}[k]
}

// Value is a value of an expression. The zero Value is null. Values are immutable;
// arrays and objects are the same only if they were made together.
type Value struct {
	kind Kind
	num  float64 // of a number; 1 for true
	str  string
	list *list
}

// BoolOf returns b as a value.
func BoolOf(b bool) Value {
	if b {
		return Value{kind: Boolean, num: 1}
	}
	return Value{kind: Boolean}
}

// NumberOf returns f as a value.
func NumberOf(f float64) Value { return Value{kind: Number, num: f} }

// StringOf returns s as a value.
func StringOf(s string) Value { return Value{kind: String, str: s} }

// ArrayOf returns an array of the items, which it keeps.
func ArrayOf(items ...Value) Value { return Value{kind: Array, list: &list{items: items}} }

// Field is a key of an object, and its value.
type Field struct {
	Key   string
	Value Value
}

// ObjectOf returns an object of the fields, in their order. Of keys that differ in
// nothing but case the first one counts.
func ObjectOf(fields ...Field) Value {
	b := newObject(len(fields))
	for _, f := range fields {
		b.add(f.Key, f.Value, false)
	}
	return b.value()
}

// Kind returns the kind of v.
func (v Value) Kind() Kind { return v.kind }

// IsPrimitive reports whether v is neither an array nor an object.
func (v Value) IsPrimitive() bool { return v.kind < Array }

// Truthy reports whether v counts as true: all but null, false, 0, NaN and ”.
func (v Value) Truthy() bool {
	switch v.kind {
	case Null:
		return false
	case Boolean, Number:
		return v.num != 0 && !math.IsNaN(v.num)
	case String:
		return v.str != ""
	case Array, Object:
	}
	return true
}

// Text returns v as it stands in a text: "" for null, and "Array" or "Object" for
// what has no text of its own.
func (v Value) Text() string {
	switch v.kind {
	case Null:
		return ""
	case Boolean:
		if v.num == 0 {
			return "false"
		}
		return "true"
	case Number:
		return numberText(v.num)
	case String:
		return v.str
	case Array, Object:
	}
	return v.kind.String()
}

// Float returns v as a number, as a comparison takes it: 0 for null and blank texts, NaN
// for what has none.
func (v Value) Float() float64 {
	switch v.kind {
	case Null, Boolean, Number:
		return v.num
	case String:
		return parseNumber(v.str)
	case Array, Object:
	}
	return math.NaN()
}

// Len returns how many items or fields v has.
func (v Value) Len() int {
	if v.list == nil {
		return 0
	}
	return len(v.list.items)
}

// At returns item or field number i, from 0, and null where there is none.
func (v Value) At(i int) Value {
	if i < 0 || i >= v.Len() {
		return Value{}
	}
	return v.list.items[i]
}

// Get returns the field of an object with a key, in whatever case it is written.
func (v Value) Get(key string) (Value, bool) {
	if v.kind != Object {
		return Value{}, false
	}
	return v.list.get(key)
}

// All yields the fields of an object in their order, and the items of an array with
// empty keys.
func (v Value) All() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		for i := range v.Len() {
			if !yield(v.list.key(i), v.list.items[i]) {
				return
			}
		}
	}
}
