// Package webhook has workers started and stopped by a service of the operator's.
//
// Each call is a POST of one JSON object to one URL:
//
//	{"action": "launch", "name": "small-…", "class": {"name": "small", "labels": ["linux"], "pool": "", "slots": 2,
//	 "cpu_milli": 2000, "memory_bytes": 4294967296}}
//	{"action": "remove", "name": "small-…"}
//	{"action": "list"}
//
// The answer to list is {"workers": ["small-…"]}; other answers need no body. What
// the service owes is what every provider owes: a name that runs is not started
// again, a name that does not is removed already, and list names what was launched
// and not removed. The worker must run with the name as its --id, and with the
// labels and slots of its class. By the time it is removed it takes no jobs and has
// none.
//
// Three headers say that the call is genuine, and which calls are the same:
//
//	Idempotency-Key        the same for each try of one call
//	Yardmaster-Timestamp   seconds since 1970, of this try
//	Yardmaster-Signature   sha256=HEX of HMAC-SHA256(key, TIMESTAMP "." BODY)
//
// The service should refuse a timestamp that is minutes off. A status of 2xx means
// done; 408, 425, 429 and 5xx, that another try may help; everything else, that
// none will. Redirects are not followed.
package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"yardmaster/domain/scale"
)

// Headers of a call.
const (
	HeaderKey       = "Idempotency-Key"
	HeaderTimestamp = "Yardmaster-Timestamp"
	HeaderSignature = "Yardmaster-Signature"
)

const (
	tryTimeout     = 10 * time.Second // for one try to be answered
	maxAnswerBytes = 4 << 20
	maxNames       = 100_000 // in one answer
)

// Provider calls the operator's service. It may be used from many goroutines.
type Provider struct {
	url    string
	key    []byte
	client *http.Client
	pause  func(n int) time.Duration // after try number n, which failed
}

// call is the body of a request.
type call struct {
	Action string `json:"action"`
	Name   string `json:"name,omitempty"`
	Class  *class `json:"class,omitempty"`
}

// class is what the service must know of a worker that it starts.
type class struct {
	Name        string   `json:"name"`
	Labels      []string `json:"labels"`
	Pool        string   `json:"pool"`
	Slots       int      `json:"slots"`
	CPUMilli    int64    `json:"cpu_milli"`
	MemoryBytes int64    `json:"memory_bytes"`
}

// Launch asks the service to start a worker.
func (p *Provider) Launch(ctx context.Context, c scale.Class, name string) error {
	_, err := p.do(ctx, call{Action: "launch", Name: name, Class: &class{
		Name: c.Name, Labels: c.Labels, Pool: c.Pool, Slots: c.Slots, CPUMilli: c.Resources.CPU,
		MemoryBytes: c.Resources.Memory,
	}})
	return err
}

// Remove asks the service to stop a worker that has no jobs.
func (p *Provider) Remove(ctx context.Context, name string) error {
	_, err := p.do(ctx, call{Action: "remove", Name: name})
	return err
}

// List asks the service what runs.
func (p *Provider) List(ctx context.Context) ([]string, error) {
	body, err := p.do(ctx, call{Action: "list"})
	if err != nil {
		return nil, err
	}
	var answer struct {
		Workers *[]string `json:"workers"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || answer.Workers == nil {
		return nil, errors.New(`webhook: list: the answer is not {"workers": [NAME, ...]}`)
	}
	if len(*answer.Workers) > maxNames {
		return nil, fmt.Errorf("webhook: list: more than %d workers", maxNames)
	}
	return *answer.Workers, nil
}

// do makes a call, as often as it may help and ctx lasts.
func (p *Provider) do(ctx context.Context, c call) ([]byte, error) {
	body, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("webhook: %s: %w", c.Action, err)
	}
	key := rand.Text()
	for n := 1; ; n++ {
		answer, err := p.try(ctx, body, key)
		if err == nil {
			return answer, nil
		}
		if retryable := new(passing); !errors.As(err, &retryable) || ctx.Err() != nil {
			return nil, fmt.Errorf("webhook: %s: %w", c.Action, err)
		}
		if cause := sleep(ctx, p.pause(n)); cause != nil {
			return nil, fmt.Errorf("webhook: %s: after %d tries: %w", c.Action, n, err)
		}
	}
}

// passing is an error that another try may not meet.
type passing struct{ error }

// Unwrap returns what it is.
func (p *passing) Unwrap() error { return p.error }

// try makes a call once. Its errors do not show the URL, nor what was answered:
// either may hold a secret.
func (p *Provider) try(ctx context.Context, body []byte, key string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, tryTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("the URL cannot be used")
	}
	now := strconv.FormatInt(time.Now().Unix(), 10)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set(HeaderKey, key)
	req.Header.Set(HeaderTimestamp, now)
	req.Header.Set(HeaderSignature, Sign(p.key, now, body))
	res, err := p.client.Do(req)
	if err != nil {
		return nil, &passing{withoutURL(err)}
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswerBytes+1))
	switch {
	case res.StatusCode == http.StatusRequestTimeout, res.StatusCode == http.StatusTooEarly,
		res.StatusCode == http.StatusTooManyRequests, res.StatusCode >= http.StatusInternalServerError:
		return nil, &passing{fmt.Errorf("the service answered %d", res.StatusCode)}
	case res.StatusCode >= http.StatusMultipleChoices && res.StatusCode < http.StatusBadRequest:
		return nil, fmt.Errorf("the service answered %d: redirects are not followed", res.StatusCode)
	case res.StatusCode >= http.StatusMultipleChoices:
		return nil, fmt.Errorf("the service answered %d", res.StatusCode)
	case err != nil:
		return nil, &passing{withoutURL(err)}
	case len(answer) > maxAnswerBytes:
		return nil, fmt.Errorf("the answer has more than %d bytes", maxAnswerBytes)
	}
	return answer, nil
}

// Sign returns the signature of a body that is sent at a time.
func Sign(key []byte, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(timestamp + "."))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// sleep waits, or returns why it did not.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
