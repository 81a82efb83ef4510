package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"yardmaster/workflow"
)

func (a *app) lintCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "lint FILE...",
		Short: "Find every fault of workflow files",
		Long: `Find every fault of workflow files, without a server. A folder stands for all .yml
and .yaml files below it, and - for standard input.

With --output sarif, print a log of SARIF 2.1.0, as code scanners do.

Exit codes: 0 no fault, 1 there are faults, 2 wrong usage, or a file that cannot
be read.`,
		Example: `  yardmaster lint ci.yml
  yardmaster lint .github/workflows
  yardmaster lint -o sarif .github/workflows > faults.sarif`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError("lint takes workflow files, or folders of them (see `%s --help`)", cmd.CommandPath())
			}
			return nil
		},
		Annotations:       map[string]string{annotationOutput: outputSARIF},
		ValidArgsFunction: completeFile,
		RunE:              func(_ *cobra.Command, args []string) error { return a.lint(args) },
	}
}

// lintReport is what was found in all files.
type lintReport struct {
	files  []lintedFile
	cannot []unreadable
}

// lintedFile is a file that was read, and its faults.
type lintedFile struct {
	path   string
	src    []byte // kept when there are faults, to show them
	faults workflow.Faults
}

// unreadable is what could not be read, and why.
type unreadable struct {
	Path    string `json:"file"`
	Message string `json:"message"`
}

func (a *app) lint(args []string) error {
	report, err := a.lintAll(args)
	if err != nil {
		return err
	}
	if err := a.printLint(report); err != nil {
		return err
	}
	for _, c := range report.cannot {
		fmt.Fprintf(a.err, "yardmaster: %s\n", cleanLine(c.Message))
	}
	switch {
	case len(report.cannot) > 0:
		return &exitError{code: exitUsage}
	case report.count() > 0:
		return &exitError{code: exitFailed}
	}
	return nil
}

// lintAll reads all files, in the order of the arguments and, within a folder, of
// their names. The error, if any, is that the user wants to stop.
func (a *app) lintAll(args []string) (*lintReport, error) {
	report, seen := new(lintReport), map[string]bool{}
	for _, arg := range args {
		paths, err := workflowFiles(arg)
		if err != nil {
			report.cannot = append(report.cannot, unreadable{strings.ToValidUTF8(arg, "\uFFFD"), err.Error()})
			continue
		}
		for _, path := range paths {
			if seen[path] {
				continue
			}
			seen[path] = true
			if err := a.lintOne(path, report); err != nil {
				return nil, err
			}
		}
	}
	return report, nil
}

func (a *app) lintOne(path string, report *lintReport) error {
	_, src, err := a.readWorkflow(path)
	name := strings.ToValidUTF8(path, "\uFFFD")
	if path == "-" {
		name = stdinName
	}
	switch exit := new(exitError); {
	case errors.As(err, &exit) && exit.code == exitCancelled:
		return err
	case err != nil:
		report.cannot = append(report.cannot, unreadable{name, err.Error()})
	default:
		report.files = append(report.files, lintSource(name, src))
	}
	return nil
}

func lintSource(name string, src []byte) lintedFile {
	file := lintedFile{path: name}
	if _, err := workflow.Parse(name, src, workflow.Submission{Sketch: true}); errors.As(err, &file.faults) {
		file.src = src
	}
	return file
}

// maxLinted bounds the files of one folder.
const maxLinted = 10_000

// workflowFiles returns the files that an argument stands for: itself, or the YAML
// files of a folder and all below it, in the order of their names.
func workflowFiles(arg string) (paths []string, err error) {
	if arg == "-" {
		return []string{arg}, nil
	}
	info, err := os.Stat(arg)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{filepath.Clean(arg)}, nil
	}
	err = filepath.WalkDir(arg, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && entry.Name() == ".git" && path != arg:
			return fs.SkipDir // a branch may be called x.yml
		case entry.IsDir() || !isYAML(path) || !isOrdinary(path):
			return nil
		case len(paths) == maxLinted:
			return fmt.Errorf("%s holds more than %d YAML files", arg, maxLinted)
		}
		paths = append(paths, path)
		return nil
	})
	if err == nil && len(paths) == 0 {
		err = fmt.Errorf("%s holds no .yml and no .yaml file", arg)
	}
	return paths, err
}

func isYAML(path string) bool {
	ext := strings.ToLower(filepath.Ext(path))
	return ext == ".yml" || ext == ".yaml"
}

// isOrdinary reports whether path is a file with a content, perhaps by a link.
// What comes from a folder may be a pipe that nobody writes to.
func isOrdinary(path string) bool {
	info, err := os.Stat(path)
	return err != nil || info.Mode().IsRegular() // reading it will tell of the error
}

// count returns how many faults were found.
func (r *lintReport) count() (n int) {
	for _, f := range r.files {
		n += len(f.faults)
	}
	return n
}
