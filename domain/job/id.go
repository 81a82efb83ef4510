package job

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// RunID names a workflow run for its whole life. It is a ULID, so that IDs sort
// by the time of their making.
type RunID string

// ID names a job for its whole life, across every attempt: its run, and its
// place in the run's plan.
type ID struct {
	Run   RunID
	Index uint32
}

// ErrBadID means a text is not the form of a job ID.
var ErrBadID = errors.New("job: not a job id")

// String renders the ID as "RUN.INDEX", the form ParseID reads.
func (id ID) String() string {
	return string(id.Run) + "." + strconv.FormatUint(uint64(id.Index), 10)
}

// ParseID reads what String wrote, or returns ErrBadID.
func ParseID(s string) (ID, error) {
	run, index, ok := strings.Cut(s, ".")
	n, err := strconv.ParseUint(index, 10, 32)
	if !ok || err != nil || run == "" {
		return ID{}, fmt.Errorf("%w: %q", ErrBadID, s)
	}
	return ID{Run: RunID(run), Index: uint32(n)}, nil
}

// Token is a fencing token: it grows with every assignment of a job, so that a
// report which carries an old one can be told from one that counts.
type Token uint64
