//go:build unix && !linux

package capability

import "context"

// sandboxes knows of none on this system.
func (*probe) sandboxes(context.Context) []string { return nil }
