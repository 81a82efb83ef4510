//go:build unix

package worker

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"yardmaster/domain/job"
	"yardmaster/worker/envfile"
	"yardmaster/worker/mask"
)

// stepFile is a file that a step may write, and the variable that names it.
type stepFile struct{ variable, name string }

const (
	fileOutput  = "output"
	fileEnv     = "env"
	filePath    = "path"
	fileState   = "state"
	fileSummary = "summary"
)

// stepFiles are in the order in which they are read.
func stepFiles() [5]stepFile {
	return [...]stepFile{
		{"GITHUB_OUTPUT", fileOutput},
		{"GITHUB_ENV", fileEnv},
		{"GITHUB_PATH", filePath},
		{"GITHUB_STATE", fileState},
		{"GITHUB_STEP_SUMMARY", fileSummary},
	}
}

// stepFile is the path of a file of a step.
func (w workspace) stepFile(i int, name string) string {
	return w.files + "/" + strconv.Itoa(i+1) + "." + name
}

// event is the file that holds what caused the run.
func (w workspace) event() string { return filepath.Join(w.files, "event.json") }

// makeStepFiles makes a fresh set, empty. It calls the system directly: package os would
// see whether the files can be waited for, each time.
func (r *run) makeStepFiles(i int) *failure {
	for _, f := range stepFiles() {
		name := r.space.stepFile(i, f.name)
		fd, err := unix.Open(name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o600)
		if err == nil {
			err = unix.Close(fd)
		} else {
			err = writeNew(name, "") // something is in the way, or a signal came
		}
		if err != nil {
			return notWritten("the files of the step", err)
		}
	}
	return nil
}

// readFile returns what a step wrote into a file, if it is no more than a size; with cut,
// the first part of what is more. A file that is gone is empty.
func readFile(name string, size int, cut bool) (string, error) {
	info, err := os.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0 && info.Mode().IsRegular() {
		return "", nil
	}
	// Whatever a step has put in its place, opening it must not wait, nor lead elsewhere.
	f, err := os.OpenFile(name, os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return "", errors.New("it cannot be read: " + causeOf(err))
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return "", errors.New("it is no regular file any more")
	}
	text, err := io.ReadAll(io.LimitReader(f, int64(size)+1))
	switch {
	case err != nil:
		return "", errors.New("it cannot be read: " + causeOf(err))
	case len(text) > size && !cut:
		return "", fmt.Errorf("it is larger than %d bytes", size)
	}
	return string(text), nil
}

// kept is what a step left in its files.
type kept struct {
	outputs, state []variable
	summary        string
}

// readStepFiles takes what a step wrote; variables and directories are for those that
// follow. The failure is that of the first file that makes no sense; the others count.
func (r *run) readStepFiles(i int) (k kept, f *failure) {
	for _, file := range stepFiles() {
		if err := r.readStepFile(i, file.name, &k); err != nil {
			f = first(f, fail(job.FaultUser, file.variable+": "+err.Error()))
		}
	}
	return k, f
}

func (r *run) readStepFile(i int, file string, k *kept) error {
	size := envfile.MaxSize
	if file == fileSummary {
		size = r.room
	}
	text, err := readFile(r.space.stepFile(i, file), size, file == fileSummary)
	if err != nil || text == "" {
		return err
	}
	switch file {
	case fileSummary:
		k.summary = r.summary(i, text)
		return nil
	case filePath:
		r.paths = envfile.Prepend(r.paths, envfile.Paths(text))
		return nil
	}
	pairs, err := envfile.Pairs(text)
	if err != nil {
		return err
	}
	switch file {
	case fileEnv:
		return r.setForAll(pairs)
	case fileState:
		k.state = pairs
	case fileOutput:
		for p := range pairs {
			pairs[p].Value = strings.ToValidUTF8(pairs[p].Value, "\ufffd")
		}
		k.outputs = pairs
	}
	return nil
}

// setForAll sets variables for the steps that follow: all of them, or none.
func (r *run) setForAll(vars []variable) error {
	for _, v := range vars {
		if err := envfile.CheckVariable(v); err != nil {
			return err
		}
	}
	for _, v := range vars {
		r.vars.set(v)
	}
	return nil
}

// summary is what a step wrote about itself, as far as there is room for it.
func (r *run) summary(i int, text string) string {
	cut := len(text) > r.room
	stream := mask.NewStream(r.masks)
	shown := stream.Append(nil, []byte(text))
	if !cut { // else what may be the beginning of something hidden goes, too
		shown = stream.Flush(shown)
	}
	text = strings.ToValidUTF8(string(shown), "")
	if cut || len(text) > r.room { // stars may take more room than what they hide
		text = strings.ToValidUTF8(text[:min(len(text), r.room)], "")
		r.pump.hearing.warn(i, fmt.Sprintf("the summary is cut: those of all steps may take %d bytes", job.MaxSummary))
	}
	r.room -= len(text)
	return text
}
