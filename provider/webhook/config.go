package webhook

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"time"

	"yardmaster/domain/retry"
)

const (
	// minKeyBytes is the least length of a key; a shorter one could be guessed.
	minKeyBytes = 16
	maxKeyBytes = 4096
	// openPermissions are the bits that let others at the key.
	openPermissions = 0o077
	// pauseFirst and pauseCap bound the pause between two tries.
	pauseFirst = 200 * time.Millisecond
	pauseCap   = 10 * time.Second
)

// New returns a provider that calls the service at a URL (http or https) and signs
// with the key in a file.
func New(at, keyFile string) (*Provider, error) {
	key, err := readKey(keyFile)
	if cannot := errors.Join(CheckURL(at), err); cannot != nil {
		return nil, cannot
	}
	return &Provider{
		url: at, key: key,
		client: &http.Client{
			Transport: &http.Transport{
				Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute,
				TLSHandshakeTimeout: tryTimeout, ForceAttemptHTTP2: true,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		pause: func(n int) time.Duration { return retry.Backoff(pauseFirst, 2, pauseCap, n, rand.Float64()) },
	}, nil
}

// Close ends idle connections.
func (p *Provider) Close() { p.client.CloseIdleConnections() }

// CheckURL says why a URL cannot be called. It does not show it.
func CheckURL(at string) error {
	u, err := url.Parse(at)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return errors.New("webhook: the URL is not http://HOST/… or https://HOST/…")
	case u.User != nil:
		return errors.New("webhook: a URL with a password in it would be shown and logged elsewhere: the signature is enough")
	}
	return nil
}

// readKey reads the key, without the white space around it. It refuses a file that
// others than its owner may read.
func readKey(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("webhook: key file: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("webhook: key file: %w", err)
	}
	if mode := info.Mode(); !mode.IsRegular() {
		return nil, fmt.Errorf("webhook: key file %s is not a file", path)
	} else if mode.Perm()&openPermissions != 0 {
		return nil, fmt.Errorf("webhook: key file %s can be read by others (mode %#o): chmod 600 it", path, mode.Perm())
	}
	text, err := io.ReadAll(io.LimitReader(f, maxKeyBytes+1))
	if err != nil {
		return nil, fmt.Errorf("webhook: key file: %w", err)
	}
	key := bytes.TrimSpace(text)
	if len(key) < minKeyBytes || len(text) > maxKeyBytes {
		return nil, fmt.Errorf("webhook: key file %s has not a key of %d to %d bytes", path, minKeyBytes, maxKeyBytes)
	}
	return key, nil
}

// withoutURL returns what a call failed with, without the URL that net/http puts
// before it.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
