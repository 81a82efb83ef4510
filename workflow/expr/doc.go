// Package expr reads and evaluates the expressions of workflow files, such as
//
//	github.ref == 'refs/heads/main' && needs.build.result == 'success'
//
// with the grammar and the semantics of GitHub Actions: loose equality, strings
// that compare without regard to case, operands as the results of && and ||, and
// null for whatever is missing.
//
// What it promises:
//
//   - It is pure: no input or output, no clock, no goroutine, no panic. What depends
//     on the world (the status functions, hashFiles) is asked of the caller.
//   - A text is parsed once. The result is immutable, may be shared by goroutines,
//     and knows the place of each of its parts, so that a fault has one too.
//   - Untrusted text and values are safe: parsing is linear in the text, depth is
//     bounded, and an evaluation may make and read only so many bytes.
//   - Errors never repeat a value, which may be secret; they quote the expression.
//
// Parse reads a bare expression, ParseTemplate a text with ${{ }} in it, and
// ParseCondition the value of an if. Check finds before a run what could only go
// wrong in it: unknown contexts, functions and properties.
//
// # Where GitHub's engines differ
//
// GitHub has two engines that are public: one of the runner, which evaluates, and
// one of the editor, which mostly checks. Where they disagree, this package does as
// the runner does: numbers are written with at most 15 digits, letters are compared
// by their simple upper case (so 'ß' is not 'ss'), and case and format evaluate only
// the arguments that they need. An expression is refused when either refuses it.
// In two points neither is followed to the letter: a hexadecimal number may exceed
// 32 bits, and toJSON writes null for NaN and Infinity, so that its result is JSON.
package expr
