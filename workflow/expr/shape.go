package expr

// shapeKind is what a Shape says.
type shapeKind uint8

const (
	shapeScalar shapeKind = iota
	shapeList
	shapeObject
)

// Shape is what is known of a value before a run. A nil Shape is of anything.
type Shape struct {
	kind     shapeKind
	name     string // of a scalar: "text", "a number", "true or false"
	noun     string // what the properties of a closed object are: "job"
	names    []string
	fields   map[string]*Shape // by folded name
	rest     *Shape            // of items, and of properties without a name here
	closed   bool
	filtered bool // a list that .* gives
}

// Text is the shape of strings.
func Text() *Shape { return &Shape{name: "a string"} }

// Numeric is the shape of numbers.
func Numeric() *Shape { return &Shape{name: "a number"} }

// Flag is the shape of booleans.
func Flag() *Shape { return &Shape{name: "true or false"} }

// ListOf is the shape of arrays with items of one shape.
func ListOf(items *Shape) *Shape { return &Shape{kind: shapeList, rest: items} }

// Property is a property of an object, and its shape.
type Property struct {
	Name  string
	Shape *Shape
}

// Closed is the shape of objects that have these properties and no other. The noun
// says what a property is, in the singular, and may be empty: needs has no job "x".
func Closed(noun string, properties ...Property) *Shape {
	s := Open(nil, properties...)
	s.noun, s.closed = noun, true
	return s
}

// Open is the shape of objects that have these properties, and others of shape rest.
func Open(rest *Shape, properties ...Property) *Shape {
	s := &Shape{kind: shapeObject, rest: rest, fields: make(map[string]*Shape, len(properties))}
	for _, p := range properties {
		s.names = append(s.names, p.Name)
		s.fields[fold(p.Name)] = p.Shape
	}
	return s
}

// property returns the shape of a property, and whether there may be one.
func (s *Shape) property(name string) (*Shape, bool) {
	if field, ok := s.fields[fold(name)]; ok {
		return field, true
	}
	return s.rest, !s.closed
}

// each returns the shape of all items or properties, as far as they have one.
func (s *Shape) each() *Shape {
	if s.kind != shapeObject {
		return s.rest
	}
	if !s.closed {
		if len(s.names) == 0 {
			return s.rest
		}
		return nil
	}
	for i, name := range s.names {
		if i > 0 && common(s.fields[fold(s.names[0])], s.fields[fold(name)]) == nil {
			return nil
		}
	}
	if len(s.names) == 0 {
		return nil
	}
	return s.fields[fold(s.names[0])]
}

// common returns the shape of what is of the one shape or the other.
func common(a, b *Shape) *Shape {
	switch {
	case a == b:
		return a
	case a != nil && b != nil && a.kind == shapeScalar && b.kind == shapeScalar && a.name == b.name:
		return a
	}
	return nil
}
