package workflow

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"yardmaster/domain/resource"
)

const resourcesExample = `write for example resources: {cpu: 2, memory: 4GiB}`

// memoryUnits are what an amount of memory is counted in.
var memoryUnits = []struct {
	name  string
	bytes float64
}{
	{"B", 1},
	{"KB", 1e3},
	{"MB", 1e6},
	{"GB", 1e9},
	{"TB", 1e12},
	{"KiB", 1 << 10},
	{"MiB", 1 << 20},
	{"GiB", 1 << 30},
	{"TiB", 1 << 40},
}

// resources reads amounts over a: keys that are not there keep their value.
func (d *decoder) resources(n *node, a *resource.Amount) {
	if n.kind != mapping {
		d.wrong(n, "resources: expected a mapping", resourcesExample)
		return
	}
	readFields(d, n, "resources", []field[resource.Amount]{
		{"cpu", func(d *decoder, a *resource.Amount, v *node) { a.CPU = d.cpu(v) }},
		{"memory", func(d *decoder, a *resource.Amount, v *node) { a.Memory = d.memory(v) }},
	}, a)
}

// cpu reads a number of cores and returns thousandths of one.
func (d *decoder) cpu(n *node) int64 {
	const hint = "2 is two cores, 0.5 half a core, 0 none"
	cores, ok := d.number(n, "cpu")
	if !ok {
		return 0
	}
	milli := math.Round(cores * resource.Core)
	switch {
	case cores < 0 || milli > resource.MaxCPU:
		d.report(n.pos, fmt.Sprintf("cpu must be from 0 to %d cores", resource.MaxCPU/resource.Core), hint)
		return 0
	case math.Abs(cores*resource.Core-milli) > 1e-6:
		d.report(n.pos, "cpu is counted in thousandths of a core, and this is no whole number of them", hint)
		return 0
	}
	return int64(milli)
}

// memory reads an amount such as "4GiB" and returns bytes.
func (d *decoder) memory(n *node) int64 {
	const hint = `write for example "512MiB" or "4GiB"; units: B, KB, MB, GB, TB, KiB, MiB, GiB, TiB`
	if n.kind != scalar || n.null() || n.tag == "!!bool" {
		d.wrong(n, "memory: expected a number with a unit", hint)
		return 0
	}
	if !d.plain(n) {
		return 0
	}
	digits := len(n.text) - len(strings.TrimLeft(n.text, "0123456789."))
	unit, known := memoryUnit(strings.TrimPrefix(n.text[digits:], " "))
	v, err := strconv.ParseFloat(n.text[:digits], 64)
	bytes := math.Round(v * unit)
	switch {
	case n.tag != "!!str" || err == nil && digits == len(n.text):
		d.report(n.pos, "memory: "+quote(n.text)+" has no unit", hint)
	case err != nil || !known:
		d.report(n.pos, "memory: "+quote(n.text)+" is not a number with a unit", hint)
	case bytes > resource.MaxMemory:
		d.report(n.pos, "memory is more than "+resource.Amount{Memory: resource.MaxMemory}.String(), "")
	case bytes == 0 && v > 0:
		d.report(n.pos, "memory: "+quote(n.text)+" is less than one byte", "0B is none")
	default:
		return int64(bytes)
	}
	return 0
}

// memoryUnit returns the bytes of a unit.
func memoryUnit(name string) (float64, bool) {
	for _, u := range memoryUnits {
		if u.name == name {
			return u.bytes, true
		}
	}
	return 0, false
}
