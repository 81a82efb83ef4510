package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"yardmaster/domain/project"
	"yardmaster/workflow"
)

// readProjects takes up what the projects file says, or returns its faults, one a
// line.
func (c *nodeConfig) readProjects() (err error) {
	if c.ProjectsFile != "" {
		c.Projects, err = loadProjects(c.ProjectsFile)
	}
	return err
}

// loadProjects reads a projects file.
func loadProjects(path string) (project.Set, error) {
	f, err := os.Open(path)
	if err != nil {
		return project.Set{}, fmt.Errorf("--projects-file: %w", err)
	}
	defer f.Close()
	src, err := io.ReadAll(io.LimitReader(f, workflow.MaxFileBytes+1))
	if err != nil {
		return project.Set{}, fmt.Errorf("--projects-file: %w", err)
	}
	return workflow.ParseProjects(filepath.Base(path), src)
}

// setProjectsWithin bounds the change of limits.
const setProjectsWithin = time.Minute

// projectsReader reads a projects file again, when somebody asks for that.
type projectsReader struct {
	path string
	log  *slog.Logger
	node runningNode
	held project.Set // by what the node goes
}

// run reads the file each time that asked tells, until ctx ends.
func (r *projectsReader) run(ctx context.Context, asked <-chan struct{}) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-asked:
		}
		r.read(ctx)
	}
}

// read takes up what the file says now. A file that is faulty changes nothing.
func (r *projectsReader) read(ctx context.Context) {
	log := r.log.With(slog.String("file", r.path))
	set, err := reloadProjects(r.path)
	if err != nil {
		log.Error("projects file refused: the limits are those of before", slog.String("error", err.Error()))
		return
	}
	within, cancel := context.WithTimeout(ctx, setProjectsWithin)
	defer cancel()
	if err := r.node.SetProjects(within, set); err != nil {
		log.Error("limits of projects may hold in part: send SIGHUP again", slog.String("error", err.Error()))
		return
	}
	log.Info("projects file read again", slog.Any("changes", r.held.Changes(set)))
	r.held = set
}

// reloadProjects is loadProjects for a file that was read before. It is not for pipes,
// which might never be written to again.
func reloadProjects(path string) (project.Set, error) {
	info, err := os.Stat(path)
	if err != nil {
		return project.Set{}, fmt.Errorf("--projects-file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return project.Set{}, fmt.Errorf("--projects-file: %s is no regular file, and can be read only once", path)
	}
	return loadProjects(path)
}
