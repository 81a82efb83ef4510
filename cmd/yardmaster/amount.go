package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"yardmaster/domain/resource"
)

// cpuFlag is a flag whose value is a number of cores, kept in thousandths of one.
// It implements pflag.Value.
type cpuFlag struct{ milli *int64 }

// Set implements pflag.Value.
func (f *cpuFlag) Set(text string) error {
	cores, err := strconv.ParseFloat(text, 64)
	milli := math.Round(cores * resource.Core)
	if err != nil || !(milli >= 1 && milli <= resource.MaxCPU) {
		return fmt.Errorf("%q is not a number of cores, as 4 or 0.5, from 0.001 to %d",
			text, resource.MaxCPU/resource.Core)
	}
	*f.milli = int64(milli)
	return nil
}

// String implements pflag.Value.
func (f *cpuFlag) String() string {
	if f.milli == nil || *f.milli == 0 {
		return ""
	}
	return cores(*f.milli)
}

// Type implements pflag.Value.
func (*cpuFlag) Type() string { return "cores" }

// memoryFlag is a flag whose value is an amount of memory with its unit, kept in
// bytes. It implements pflag.Value.
type memoryFlag struct{ bytes *int64 }

// memoryUnits are what memory is counted in, the longer names first.
var memoryUnits = []struct {
	name  string
	bytes float64
}{
	{"KiB", 1 << 10},
	{"MiB", 1 << 20},
	{"GiB", 1 << 30},
	{"TiB", 1 << 40},
	{"KB", 1e3},
	{"MB", 1e6},
	{"GB", 1e9},
	{"TB", 1e12},
	{"B", 1},
}

// Set implements pflag.Value.
func (f *memoryFlag) Set(text string) error {
	for _, unit := range memoryUnits {
		number, ok := strings.CutSuffix(text, unit.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if bytes := math.Round(n * unit.bytes); err == nil && bytes >= 1 && bytes <= resource.MaxMemory {
			*f.bytes = int64(bytes)
			return nil
		}
		break
	}
	return fmt.Errorf("%q is not an amount of memory, as 512MiB or 8GiB, up to %s",
		text, resource.Amount{Memory: resource.MaxMemory})
}

// String implements pflag.Value.
func (f *memoryFlag) String() string {
	if f.bytes == nil || *f.bytes == 0 {
		return ""
	}
	return resource.Amount{Memory: *f.bytes}.String()
}

// Type implements pflag.Value.
func (*memoryFlag) Type() string { return "amount" }

// cores renders thousandths of a core for people: 4, 0.5.
func cores(milli int64) string {
	return strconv.FormatFloat(float64(milli)/resource.Core, 'f', -1, 64)
}
