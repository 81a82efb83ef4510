package attempt

import "errors"

// Why a worker stops an attempt before its steps have ended.
var (
	// ErrCancelled means that somebody asked for the attempt's end.
	ErrCancelled = errors.New("attempt: cancelled")
	// ErrLeaseLost means that somebody else may have been given the job: nothing
	// of the attempt may go on, not even to tidy up.
	ErrLeaseLost = errors.New("attempt: lease lost")
	// ErrStale means that the attempt no longer counts: its job is over, or is
	// tried under a newer token.
	ErrStale = errors.New("attempt: it no longer counts")
)
