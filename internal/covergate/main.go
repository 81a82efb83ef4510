// Command covergate reads profiles of `go test -coverprofile`, and of processes
// that the tests started, and fails when a layer of the tree is covered less than
// its floor by all of them together. Generated files and what serves tests do not
// count.
//
//	go run ./internal/covergate coverage.out...
package main

import (
	"fmt"
	"io"
	"os"
	"strings"
)

func main() { os.Exit(run(os.Args[1:], os.DirFS("."), os.Stdout, os.Stderr)) }

// run returns the exit code: 0 when every floor is reached, 1 when one is not, 2
// when that cannot be said.
func run(args []string, tree reader, out, errs io.Writer) int {
	if len(args) == 0 {
		fmt.Fprintln(errs, "covergate: give it a coverage profile")
		return 2
	}
	var profiles []io.Reader
	for _, name := range args {
		f, err := os.Open(name)
		if err != nil {
			fmt.Fprintln(errs, "covergate:", err)
			return 2
		}
		defer f.Close()
		profiles = append(profiles, f)
	}
	blocks, err := parse(io.MultiReader(profiles...))
	if err != nil {
		fmt.Fprintf(errs, "covergate: %s: %s\n", strings.Join(args, ", "), err)
		return 2
	}
	rows, err := measure(blocks, layers(), tree)
	if err != nil {
		fmt.Fprintln(errs, "covergate:", err)
		return 2
	}
	if !report(out, rows) {
		return 1
	}
	return 0
}
