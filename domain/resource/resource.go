// Package resource is what jobs take of a machine beside a slot, as values.
package resource

import (
	"fmt"
	"strconv"
)

// Limits of what one job may ask for, and one machine may have.
const (
	MaxCPU    = 4096 * Core // thousandths of a core
	MaxMemory = 1 << 50     // bytes
)

// Core is one whole core, in the unit of Amount.CPU.
const Core = 1000

// Amount is some of each resource. The zero value is nothing.
type Amount struct {
	CPU    int64 // thousandths of a core
	Memory int64 // bytes
}

// Plus returns a and b together.
func (a Amount) Plus(b Amount) Amount { return Amount{a.CPU + b.CPU, a.Memory + b.Memory} }

// Minus returns what is left of a without b, which may be negative: what runs,
// runs, also on a machine that has become smaller.
func (a Amount) Minus(b Amount) Amount { return Amount{a.CPU - b.CPU, a.Memory - b.Memory} }

// Fits reports whether a can be taken out of free. Nothing always can, also where
// more is taken than there is.
func (a Amount) Fits(free Amount) bool {
	return (a.CPU <= 0 || a.CPU <= free.CPU) && (a.Memory <= 0 || a.Memory <= free.Memory)
}

// IsZero reports whether a is nothing.
func (a Amount) IsZero() bool { return a == Amount{} }

// String returns the amounts as people write them: "1.5 cpu, 2 GiB". Nothing is "".
func (a Amount) String() string {
	switch {
	case a.CPU == 0 && a.Memory == 0:
		return ""
	case a.Memory == 0:
		return a.cpu()
	case a.CPU == 0:
		return a.memory()
	}
	return a.cpu() + ", " + a.memory()
}

func (a Amount) cpu() string {
	return strconv.FormatFloat(float64(a.CPU)/Core, 'f', -1, 64) + " cpu"
}

// memory names the largest unit of which there is one at least, and rounds to a
// tenth of it.
func (a Amount) memory() string {
	units := [...]string{"B", "KiB", "MiB", "GiB", "TiB"}
	unit, size := 0, float64(a.Memory)
	for (size >= 1024 || size <= -1024) && unit < len(units)-1 {
		size /= 1024
		unit++
	}
	text := strconv.FormatFloat(size, 'f', 1, 64)
	if whole := strconv.FormatFloat(size, 'f', 0, 64); text == whole+".0" {
		text = whole
	}
	return fmt.Sprintf("%s %s", text, units[unit])
}
