package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// place is a block of statements: a file, and where in it.
type place struct{ file, span string }

// block is how many statements stand at a place, and whether any test ran them.
type block struct {
	statements int
	covered    bool
}

// parse reads a profile. Every test binary writes a line for each block it knows,
// so the same place may come many times: it is covered when one of them ran it.
func parse(r io.Reader) (map[place]block, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	if !lines.Scan() || !strings.HasPrefix(lines.Text(), "mode: ") {
		return nil, errors.Join(errors.New("it does not begin with a mode"), lines.Err())
	}
	blocks := map[place]block{}
	for n := 2; lines.Scan(); n++ {
		if strings.HasPrefix(lines.Text(), "mode: ") {
			continue // the next of several profiles
		}
		at, b, err := parseLine(lines.Text())
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		b.covered = b.covered || blocks[at].covered
		blocks[at] = b
	}
	return blocks, lines.Err()
}

// parseLine reads FILE:SPAN STATEMENTS COUNT.
func parseLine(line string) (place, block, error) {
	bad := fmt.Errorf("%q is no line of a profile", line)
	fields := strings.Fields(line)
	if len(fields) != 3 {
		return place{}, block{}, bad
	}
	colon := strings.LastIndexByte(fields[0], ':')
	statements, err1 := strconv.Atoi(fields[1])
	count, err2 := strconv.ParseUint(fields[2], 10, 64)
	if colon < 0 || err1 != nil || err2 != nil || statements < 0 {
		return place{}, block{}, bad
	}
	return place{fields[0][:colon], fields[0][colon+1:]}, block{statements, count > 0}, nil
}
