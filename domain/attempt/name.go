package attempt

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"yardmaster/domain/job"
)

// ErrBadName means a text is not the name of an attempt.
var ErrBadName = errors.New("attempt: not an attempt's name")

// Name returns the name of the attempt at id under token.
func Name(id job.ID, token job.Token) string {
	return id.String() + "." + strconv.FormatUint(uint64(token), 10)
}

// ParseName reads what Name wrote, or returns ErrBadName.
func ParseName(name string) (job.ID, job.Token, error) {
	i := strings.LastIndexByte(name, '.')
	if i < 0 {
		return job.ID{}, 0, fmt.Errorf("%w: %q", ErrBadName, name)
	}
	id, err := job.ParseID(name[:i])
	token, err2 := strconv.ParseUint(name[i+1:], 10, 64)
	if err != nil || err2 != nil {
		return job.ID{}, 0, fmt.Errorf("%w: %q", ErrBadName, name)
	}
	return id, job.Token(token), nil
}
