//go:build !linux

package exec

import (
	"context"
	"errors"

	"yardmaster/domain/scale"
)

// errNoProc is what there is instead of workers where /proc is not.
var errNoProc = errors.New("exec: this provider needs Linux, to find its workers again")

// Provider runs no workers here.
type Provider struct{}

// New fails: without Linux's table of processes, workers would not be found again.
func New(Config) (*Provider, error) { return nil, errNoProc }

// Launch fails.
func (*Provider) Launch(context.Context, scale.Class, string) error { return errNoProc }

// Remove fails.
func (*Provider) Remove(context.Context, string) error { return errNoProc }

// List fails.
func (*Provider) List(context.Context) ([]string, error) { return nil, errNoProc }
