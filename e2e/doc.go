// Package e2e tests Yardmaster as its users run it: the built program, with a
// server and workers as processes of their own that speak NATS over TCP. It holds
// tests only, and promises nothing to other packages.
//
// The tests kill, freeze, fill and damage, and compare what the product says with
// a ledger that the jobs themselves write beside it. They are skipped with -short.
//
//	go test ./e2e                      # the program is built with the race detector
//	go test ./e2e -rounds 100 -seed 7  # more kills, of the same kind again
//	E2E_PROGRAM=bin/yardmaster go test ./e2e
package e2e
