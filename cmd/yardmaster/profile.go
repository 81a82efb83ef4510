package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/pprof"
	"sync"
	"syscall"

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

// memProfile is a file for profiles of what the memory is used for; "" means none.
type memProfile string

func (p *memProfile) bind(flags *pflag.FlagSet, of string) {
	flags.StringVar((*string)(p), "memprofile", "",
		"`file` for a profile of the memory of "+of+" when it has stopped; FILE.1, FILE.2, ... at each SIGUSR1")
}

// profiled runs something, and writes a profile at each SIGUSR1 and at the end. Two
// of them show what grew between.
func (p memProfile) profiled(run func() error) error {
	if p == "" {
		return run()
	}
	if err := p.write(""); err != nil { // before hours of work
		return usageError("--memprofile: %s", err)
	}
	wishes := make(chan os.Signal, 1)
	signal.Notify(wishes, syscall.SIGUSR1)
	var writer sync.WaitGroup
	var failure error
	writer.Go(func() { // ends with wishes
		for n := 1; ; n++ {
			if _, more := <-wishes; !more {
				return
			}
			failure = errors.Join(failure, p.write(fmt.Sprintf(".%d", n)))
		}
	})
	err := run()
	signal.Stop(wishes)
	close(wishes)
	writer.Wait()
	return errors.Join(err, failure, p.write(""))
}

// write writes what lives now, and nothing that is garbage.
func (p memProfile) write(suffix string) error {
	f, err := os.Create(string(p) + suffix)
	if err != nil {
		return err
	}
	runtime.GC()
	return errors.Join(pprof.WriteHeapProfile(f), f.Close())
}
