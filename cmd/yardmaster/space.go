package main

import (
	"golang.org/x/sys/unix"

	"yardmaster/domain/problem"
)

const (
	// reserveMost is what of a disk is kept for the jobs that run, in bytes: a full
	// disk stops the journal, and with it the node.
	reserveMost = 64 << 20
	// reservePart is the part of a small disk that is kept: one in so many.
	reservePart = 10
)

// space is the disk of a data directory.
type space struct{ dir string }

// check refuses what would take the last of it. The call costs about as much as
// reading a clock, so it is made for each submission.
func (s space) check() error {
	var disk unix.Statfs_t
	if unix.Statfs(s.dir, &disk) != nil {
		return nil //nolint:nilerr // not known: the journal will tell
	}
	size := uint64(disk.Bsize) //nolint:gosec,unconvert // its type is the system's choice
	left, reserve := uint64(disk.Bavail)*size, min(reserveMost, disk.Blocks*size/reservePart)
	if left > reserve {
		return nil
	}
	return problem.New(problem.Exhausted, "the disk of the server is full: %d MiB are left, and %d MiB are kept for "+
		"the jobs that run; nothing more is accepted until there is room", left>>20, reserve>>20)
}
