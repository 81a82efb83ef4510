package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"yardmaster/domain/secret"
)

const (
	// maxKeyFile is more than a key and the blanks around it take.
	maxKeyFile = 1 << 10
	// othersMay are the permissions of those who are not the owner of a file.
	othersMay = 0o077
)

// readSecretsKey reads the key of the secrets, if there is a file of it, and only once.
// Whoever has the data directory must not have the key with it.
func (c *nodeConfig) readSecretsKey() error {
	if c.SecretsFile == "" || c.secretsKey != nil {
		return nil
	}
	key, err := loadKey(c.SecretsFile, c.DataDir)
	if err != nil {
		return fmt.Errorf("--secrets-key-file: %w", err)
	}
	c.secretsKey = key
	return nil
}

func loadKey(path, dataDir string) (*secret.Key, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Mode().IsRegular() { // else it is a pipe, which is nowhere
		if err := checkKeyFile(path, dataDir, info); err != nil {
			return nil, err
		}
	}
	text, err := io.ReadAll(io.LimitReader(f, maxKeyFile))
	if err != nil {
		return nil, err
	}
	key, err := secret.ParseKey(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s holds no key of %d bytes in hex or base64: yardmaster secret key makes one",
			path, secret.KeySize)
	}
	return key, nil
}

// checkKeyFile returns why others than the owner may come by the key.
func checkKeyFile(path, dataDir string, info fs.FileInfo) error {
	if info.Mode().Perm()&othersMay != 0 {
		return fmt.Errorf("others may read or change %s: have it for yourself alone, with chmod 600", path)
	}
	within, err := isWithin(path, dataDir)
	if err == nil && within {
		err = fmt.Errorf("%s lies in the data directory: whoever gets that, or a copy of it, would have the key, too", path)
	}
	return err
}

// isWithin reports whether a file lies in a directory, or below it, by whatever name.
func isWithin(path, dir string) (bool, error) {
	root, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) { // then nothing is in it
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if path, err = filepath.Abs(path); err == nil {
		path, err = filepath.EvalSymlinks(path)
	}
	if err != nil {
		return false, err
	}
	for at := filepath.Dir(path); ; at = filepath.Dir(at) {
		info, err := os.Stat(at)
		if err != nil {
			return false, err
		}
		if os.SameFile(info, root) {
			return true, nil
		}
		if at == filepath.Dir(at) {
			return false, nil
		}
	}
}
