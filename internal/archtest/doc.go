// Package archtest keeps the shape of the tree: which package may import which,
// where a dependency may be used, how long a file and a function may be, and that
// every package says what it is for. It has nothing but tests, so that `go test`
// is enough to keep the rules.
package archtest
