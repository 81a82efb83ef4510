//go:build unix

package worker

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"yardmaster/domain/job"
)

// workspace is the part of the disk that one attempt has to itself.
type workspace struct {
	root  string // of all
	work  string // where steps begin
	tmp   string // scripts and temporary files
	files string // through which steps and worker speak to each other
}

// makeWorkspace creates one that did not exist before.
func makeWorkspace(dir, name string) (workspace, *failure) {
	if name == "" || name[0] == '.' || strings.ContainsAny(name, "/\x00") {
		return workspace{}, fail(job.FaultSystem, "the attempt's name cannot name a directory")
	}
	root := filepath.Join(dir, name)
	w := workspace{
		root: root, work: filepath.Join(root, "work"), tmp: filepath.Join(root, "tmp"), files: filepath.Join(root, "files"),
	}
	for _, d := range []string{w.root, w.work, w.tmp, w.files} {
		err := os.Mkdir(d, 0o700)
		if errors.Is(err, fs.ErrExist) {
			return workspace{}, fail(job.FaultSystem, "the attempt has a workspace already: it runs here or has run here")
		}
		if err != nil {
			_ = removeAll(w.root) // the first error is the one to tell
			return workspace{}, fail(job.FaultInfrastructure, "cannot make a workspace: "+causeOf(err))
		}
	}
	return w, nil
}

// restore makes good what an earlier step may have removed.
func (w workspace) restore() error {
	return errors.Join(os.MkdirAll(w.work, 0o700), os.MkdirAll(w.tmp, 0o700), os.MkdirAll(w.files, 0o700))
}

// directory resolves a step's working directory, which has to lie in the
// workspace and to be there. A failure shows it as the file has it.
func (w workspace) directory(name, shown string) (string, *failure) {
	if name == "" {
		return w.work, nil
	}
	path := name
	if !filepath.IsAbs(path) {
		path = filepath.Join(w.work, name)
	}
	quoted := "working-directory \"" + shown + "\" "
	if !within(w.work, filepath.Clean(path)) {
		return "", fail(job.FaultUser, quoted+"lies outside the workspace")
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", fail(job.FaultUser, quoted+"cannot be entered: "+causeOf(err))
	}
	if !within(w.work, real) {
		return "", fail(job.FaultUser, quoted+"leads outside the workspace")
	}
	if info, err := os.Stat(real); err != nil || !info.IsDir() {
		return "", fail(job.FaultUser, quoted+"is not a directory")
	}
	return real, nil
}

func within(root, path string) bool {
	return path == root || strings.HasPrefix(path, root+string(filepath.Separator))
}

// removeAll removes a tree in which directories may be read-only. It must not be
// used while others write there.
func removeAll(root string) error {
	err := os.RemoveAll(root)
	if err == nil {
		return nil
	}
	_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() && err == nil {
			_ = os.Chmod(path, 0o700) // the second removal tells if that was in vain
		}
		return nil
	})
	return os.RemoveAll(root)
}

// causeOf is what the system said, without the path in front of it.
func causeOf(err error) string {
	var pathErr *fs.PathError
	if errors.As(err, &pathErr) {
		return pathErr.Err.Error()
	}
	return err.Error()
}
