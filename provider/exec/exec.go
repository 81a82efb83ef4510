// Package exec starts workers as processes of this machine.
//
// Each is a session of its own, so that it outlives the server that started it: a
// server that is started anew finds it again by its command line in the table of
// processes, which cannot go out of date as a file could. A worker is stopped with
// one SIGTERM, on which it ends by itself when it has nothing left to do. It is
// never killed, so no attempt can be lost by a removal.
package exec

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"yardmaster/domain/resource"
	"yardmaster/domain/scale"
)

// Config is what workers are started with.
type Config struct {
	// Program is the path of yardmaster itself.
	Program string
	// Dir has one directory for each worker, with its workspaces and its log. Made
	// if need be.
	Dir string
	// Server is the URL where workers connect.
	Server string
	// Args are more flags for the workers of each class.
	Args map[string][]string
	// Environ is the environment of workers. What configures the server, variables
	// that begin with YARDMASTER_, is left out.
	Environ []string
}

// keptDead is how many directories of workers are kept that ended without having
// been removed: their logs say why.
const keptDead = 20

// validate returns everything that is wrong with the configuration.
func (c Config) validate() error {
	var errs []error
	if c.Program == "" || !filepath.IsAbs(c.Program) {
		errs = append(errs, fmt.Errorf("exec: the program %q is not an absolute path", c.Program))
	}
	if c.Dir == "" || !filepath.IsAbs(c.Dir) {
		errs = append(errs, fmt.Errorf("exec: the directory %q is not an absolute path", c.Dir))
	}
	if c.Server == "" {
		errs = append(errs, errors.New("exec: no server to join is named"))
	}
	return errors.Join(errs...)
}

// Flags by which a worker is known again.
const (
	flagID  = "--id"
	flagDir = "--work-dir"
)

// workDir is where a worker has its workspaces.
func (c Config) workDir(name string) string { return filepath.Join(c.Dir, name, "work") }

// arguments returns the command line of a worker, behind the program.
func (c Config) arguments(k scale.Class, name string) []string {
	args := []string{
		"worker", flagID, name, flagDir, c.workDir(name), "--server", c.Server, "--labels", strings.Join(k.Labels, ","),
		"--slots", strconv.Itoa(k.Slots),
	}
	if k.Pool != "" {
		args = append(args, "--pool", k.Pool)
	}
	if k.Resources.CPU > 0 {
		args = append(args, "--cpu", strconv.FormatFloat(float64(k.Resources.CPU)/resource.Core, 'f', -1, 64))
	}
	if k.Resources.Memory > 0 {
		args = append(args, "--memory", strconv.FormatInt(k.Resources.Memory, 10)+"B")
	}
	return append(args, c.Args[k.Name]...)
}

// environment returns what a worker inherits.
func (c Config) environment() []string {
	return slices.DeleteFunc(slices.Clone(c.Environ), func(v string) bool { return strings.HasPrefix(v, "YARDMASTER_") })
}

// nameOf returns the name of the worker with this command line, if it is one of
// those in the directory.
func (c Config) nameOf(args []string) (string, bool) {
	if len(args) < 6 || args[1] != "worker" || args[2] != flagID || args[4] != flagDir {
		return "", false
	}
	return args[3], args[5] == c.workDir(args[3])
}

// prune removes the directories of workers that ended long ago.
func (c Config) prune(running []string) error {
	entries, err := os.ReadDir(c.Dir)
	if err != nil {
		return err
	}
	var dead []string // names sort by the time of their launch
	for _, e := range entries {
		if e.IsDir() && !slices.Contains(running, e.Name()) {
			dead = append(dead, e.Name())
		}
	}
	slices.SortFunc(dead, func(a, b string) int { return strings.Compare(tail(a), tail(b)) })
	var errs []error
	for _, name := range dead[:max(0, len(dead)-keptDead)] {
		errs = append(errs, os.RemoveAll(filepath.Join(c.Dir, name)))
	}
	return errors.Join(errs...)
}

// tail is what stands behind the class in a worker's name.
func tail(name string) string { return name[strings.LastIndexByte(name, '-')+1:] }
