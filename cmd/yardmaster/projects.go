package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"yardmaster/workflow"
)

// readProjects takes up what the projects file says, or returns its faults, one a
// line.
func (c *nodeConfig) readProjects() error {
	if c.ProjectsFile == "" {
		return nil
	}
	f, err := os.Open(c.ProjectsFile)
	if err != nil {
		return fmt.Errorf("--projects-file: %w", err)
	}
	defer f.Close()
	src, err := io.ReadAll(io.LimitReader(f, workflow.MaxFileBytes+1))
	if err != nil {
		return fmt.Errorf("--projects-file: %w", err)
	}
	c.Projects, err = workflow.ParseProjects(filepath.Base(c.ProjectsFile), src)
	return err
}
