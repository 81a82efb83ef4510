package natsjs

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"yardmaster/cluster/journal"
)

const (
	formatVersion = 1
	formatFile    = "yardmaster.json"
	lockFile      = "LOCK"
	marksFile     = "marks"
	jetstreamDir  = "jetstream"
)

// format is the content of the format file. It is written last at the first
// start: where it is, the marks were.
type format struct {
	Version    int       `json:"format"`
	Partitions uint32    `json:"partitions"`
	Created    time.Time `json:"created"`
}

// dataDir is a locked and checked data directory.
type dataDir struct {
	path  string
	lock  *os.File
	marks *journal.FileMarks
}

// openDir locks the directory, creates it at the first start, and checks it.
func openDir(path string, partitions uint32, acceptLostMarks bool) (*dataDir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("natsjs: data directory: %w", err)
	}
	lock, err := lockDir(path)
	if err != nil {
		return nil, err
	}
	d := &dataDir{path: path, lock: lock}
	if err := d.check(partitions); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	marks := filepath.Join(path, marksFile)
	d.marks, err = journal.OpenMarks(marks, partitions)
	lost := errors.Is(err, os.ErrNotExist) || errors.Is(err, journal.ErrMarksDamaged)
	if lost && acceptLostMarks {
		err = errors.Join(removeIfThere(marks), journal.CreateMarks(marks, partitions))
		if err == nil {
			d.marks, err = journal.OpenMarks(marks, partitions)
		}
	} else if lost {
		err = fmt.Errorf("natsjs: %s is missing or damaged, so it cannot be told whether the journal is complete: "+
			"restore it, or start once with --accept-lost-marks: %w", marks, err)
	}
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return d, nil
}

// check reads the format file, or makes a new directory's.
func (d *dataDir) check(partitions uint32) error {
	file := filepath.Join(d.path, formatFile)
	raw, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return d.create(partitions)
	}
	if err != nil {
		return fmt.Errorf("natsjs: data directory: %w", err)
	}
	var f format
	if err := json.Unmarshal(raw, &f); err != nil {
		return fmt.Errorf("natsjs: %s: not a format file: %w", file, err)
	}
	if f.Version != formatVersion {
		return fmt.Errorf("natsjs: %s: format version %d, this program reads %d", file, f.Version, formatVersion)
	}
	if f.Partitions != partitions {
		return fmt.Errorf("natsjs: %s: the data has %d partitions, the configuration %d; "+
			"the number is fixed at the first start", file, f.Partitions, partitions)
	}
	return nil
}

func (d *dataDir) create(partitions uint32) error {
	file, marks := filepath.Join(d.path, formatFile), filepath.Join(d.path, marksFile)
	if _, err := os.Stat(filepath.Join(d.path, jetstreamDir)); !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("natsjs: %s: there is data in the directory, but no %s: restore that file", d.path, formatFile)
	}
	raw, err := json.Marshal(format{Version: formatVersion, Partitions: partitions, Created: time.Now().UTC()})
	if err == nil {
		err = errors.Join(removeIfThere(marks), journal.CreateMarks(marks, partitions), writeSynced(file, raw))
	}
	if err != nil {
		return fmt.Errorf("natsjs: make the data directory: %w", err)
	}
	return nil
}

// close releases the directory.
func (d *dataDir) close() error { return errors.Join(d.marks.Close(), d.lock.Close()) }

func lockDir(path string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(path, lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("natsjs: lock the data directory: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		pid, _ := os.ReadFile(f.Name())
		return nil, errors.Join(fmt.Errorf("natsjs: %s is in use by the process with pid %s: %w",
			path, strings.TrimSpace(string(pid)), err), f.Close())
	}
	if err := errors.Join(f.Truncate(0), writeAt(f, fmt.Appendln(nil, os.Getpid()))); err != nil {
		return nil, errors.Join(fmt.Errorf("natsjs: lock the data directory: %w", err), f.Close())
	}
	return f, nil
}

func writeAt(f *os.File, raw []byte) error {
	_, err := f.WriteAt(raw, 0)
	return err
}

// writeSynced replaces a file so that a crash leaves the old or the new one.
func writeSynced(path string, raw []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "new-")
	if err != nil {
		return err
	}
	if err := errors.Join(writeAt(f, raw), f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func removeIfThere(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
