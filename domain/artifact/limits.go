package artifact

import "errors"

// ErrLimit means that something is more than its limit.
var ErrLimit = errors.New("artifact: over a limit")

// Limits bound one manifest. All of them must be given: 0 allows nothing.
type Limits struct {
	Files   int   // files
	Bytes   int64 // of all files
	Path    int   // bytes of one path
	Depth   int   // segments of one path, the file's own included
	Encoded int64 // bytes of the manifest itself
	// Portable also refuses paths that other systems cannot have, as GitHub does
	// with artifacts; a cache is read where it was written.
	Portable bool
}

// UploadLimits returns the limits of an artifact, if an operator says nothing else.
func UploadLimits() Limits {
	l := CacheLimits()
	l.Portable = true
	return l
}

// CacheLimits returns those of a cache entry.
func CacheLimits() Limits {
	return Limits{
		Files: 100_000, Bytes: 10 << 30,
		Path: 1024, Depth: 64, // so that a path fits below any workspace: the system ends at 4,096
		Encoded: 32 << 20, // held in memory as a whole
	}
}

// RunLimits bound the artifacts of one run.
type RunLimits struct {
	Artifacts int
	Bytes     int64
}
