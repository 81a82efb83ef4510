//go:build unix

package capability

import (
	"io/fs"
	"path"
	"strconv"
	"strings"

	"yardmaster/domain/resource"
)

// cgroups is where control groups of version 2 are mounted.
const cgroups = "sys/fs/cgroup"

// memory returns the bytes that the machine has, or that the control group allows
// if that is less; 0 when neither can be read.
func memory(root fs.FS) int64 {
	least := memTotal(root)
	for _, text := range groupValues(root, "memory.max") {
		if limit, err := strconv.ParseInt(text, 10, 64); err == nil && (least == 0 || limit < least) {
			least = limit
		}
	}
	return min(least, resource.MaxMemory)
}

// memTotal reads the line of /proc/meminfo that says "MemTotal: N kB".
func memTotal(root fs.FS) int64 {
	text, err := fs.ReadFile(root, "proc/meminfo")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) == 3 && fields[0] == "MemTotal:" && fields[2] == "kB" {
			kib, err := strconv.ParseInt(fields[1], 10, 54)
			if err != nil {
				return 0
			}
			return kib << 10
		}
	}
	return 0
}

// cpuLimit returns the thousandths of a core that the control group allows, if it
// limits them.
func cpuLimit(root fs.FS) (least int64, limited bool) {
	for _, text := range groupValues(root, "cpu.max") {
		quota, period, _ := strings.Cut(text, " ")
		of, err := strconv.ParseFloat(quota, 64) // "max" is no number
		in, cannot := strconv.ParseFloat(period, 64)
		if err != nil || cannot != nil || of <= 0 || in <= 0 {
			continue
		}
		if milli := max(1, int64(of/in*resource.Core)); !limited || milli < least {
			least, limited = milli, true
		}
	}
	return least, limited
}

// groupValues returns what a file says of this process's control group and of
// each above it: all of them bind.
func groupValues(root fs.FS, file string) (values []string) {
	text, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(text)) {
		group, ok := strings.CutPrefix(strings.TrimSpace(line), "0::/")
		if !ok {
			continue
		}
		for dir := path.Clean("/" + group); ; dir = path.Dir(dir) {
			if value, err := fs.ReadFile(root, path.Join(cgroups, dir, file)); err == nil {
				values = append(values, strings.TrimSpace(string(value)))
			}
			if dir == "/" {
				break
			}
		}
	}
	return values
}
