package main

import (
	"errors"
	"os"
	"runtime/pprof"

	"github.com/spf13/pflag"
)

// cpuProfile is a file for a profile of where the processor's time went, which
// `go tool pprof` reads; "" means none.
type cpuProfile string

func (p *cpuProfile) bind(flags *pflag.FlagSet, of string) {
	flags.StringVar((*string)(p), "cpuprofile", "", "`file` for a CPU profile of "+of)
}

// start begins the profile and returns what ends it.
func (p cpuProfile) start() (stop func() error, err error) {
	if p == "" {
		return func() error { return nil }, nil
	}
	f, err := os.Create(string(p))
	if err != nil {
		return nil, usageError("--cpuprofile: %s", err)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(usageError("--cpuprofile: %s", err), f.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		return f.Close()
	}, nil
}

// profiled runs something under a profile.
func (p cpuProfile) profiled(run func() error) error {
	stop, err := p.start()
	if err != nil {
		return err
	}
	return errors.Join(run(), stop())
}
