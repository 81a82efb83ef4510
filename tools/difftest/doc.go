// Package difftest compares how package workflow reads files with how actionlint does.
// It is a module of its own, so that the program depends on no linter:
//
//	cd tools/difftest && go test
package difftest
