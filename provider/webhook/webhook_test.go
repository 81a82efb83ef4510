package webhook_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"yardmaster/domain/resource"
	"yardmaster/provider/providertest"
	"yardmaster/provider/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = "0123456789abcdef"

// keyFile returns the path of a file with a key.
func keyFile(t *testing.T, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(path, []byte(text), mode))
	require.NoError(t, os.Chmod(path, mode))
	return path
}

// service is an operator's service that keeps its promises, and account.
type service struct {
	t   *testing.T
	url string

	mu      sync.Mutex
	running map[string]bool
	started map[string]int
	bodies  []string
	keys    []string
	// answer, when it is not nil, says which status is answered to call number n.
	answer func(n int) int
}

func newService(t *testing.T) *service {
	t.Helper()
	s := &service{t: t, running: map[string]bool{}, started: map[string]int{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

// ServeHTTP checks what a service should check, and does what is asked.
func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	stamp := r.Header.Get(webhook.HeaderTimestamp)
	at, cannot := strconv.ParseInt(stamp, 10, 64)
	if err != nil || cannot != nil || r.Method != http.MethodPost ||
		r.Header.Get(webhook.HeaderSignature) != webhook.Sign([]byte(secret), stamp, body) ||
		time.Since(time.Unix(at, 0)).Abs() > time.Minute {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	s.bodies, s.keys = append(s.bodies, string(body)), append(s.keys, r.Header.Get(webhook.HeaderKey))
	if s.answer != nil {
		if status := s.answer(len(s.bodies)); status != 0 {
			w.Header().Set("Location", s.url+"/elsewhere")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "the password is hunter2")
			return
		}
	}
	var c struct{ Action, Name string }
	if err := json.Unmarshal(body, &c); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	switch c.Action {
	case "launch":
		if !s.running[c.Name] {
			s.running[c.Name] = true
			s.started[c.Name]++
		}
	case "remove":
		delete(s.running, c.Name)
	case "list":
		names := []string{}
		for name := range s.running {
			names = append(names, name)
		}
		assert.NoError(s.t, json.NewEncoder(w).Encode(map[string][]string{"workers": names}))
	}
}

func (s *service) provider(t *testing.T) *webhook.Provider {
	t.Helper()
	p, err := webhook.New(s.url, keyFile(t, secret+"\n", 0o600))
	require.NoError(t, err)
	t.Cleanup(p.Close)
	return p
}

func TestTheWebhookProviderIsAProvider(t *testing.T) {
	t.Parallel()
	providertest.Suite(t, func(t *testing.T) providertest.Subject {
		s := newService(t)
		return providertest.Subject{
			Provider: s.provider(t), Again: func() providertest.Provider { return s.provider(t) },
			Started: func(name string) int {
				s.mu.Lock()
				defer s.mu.Unlock()
				return s.started[name]
			},
		}
	})
}

func TestTheServiceIsToldWhatItMustKnow(t *testing.T) {
	t.Parallel()
	s := newService(t)
	p := s.provider(t)
	c := providertest.Class
	c.Pool, c.Resources = "trusted", resource.Amount{CPU: 1500, Memory: 1 << 30}
	require.NoError(t, p.Launch(t.Context(), c, "small-a"))
	require.NoError(t, p.Remove(t.Context(), "small-a"))
	_, err := p.List(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{
		`{"action":"launch","name":"small-a","class":{"name":"small","labels":["amd64","linux"],"pool":"trusted",` +
			`"slots":2,"cpu_milli":1500,"memory_bytes":1073741824}}`,
		`{"action":"remove","name":"small-a"}`,
		`{"action":"list"}`,
	}, s.bodies)
	assert.NotEqual(t, s.keys[0], s.keys[1])
}

func TestASignatureIsAsDocumented(t *testing.T) {
	t.Parallel()
	// printf '1700000000.{}' | openssl dgst -sha256 -hmac 0123456789abcdef
	const signature = "sha256=e4f8e2ecae2295b2ddb2f0b5584c8275e226c0ebe9b3b819e70156bb67122e3e"
	assert.Equal(t, signature, webhook.Sign([]byte(secret), "1700000000", []byte("{}")))
	assert.NotEqual(t, webhook.Sign([]byte(secret), "1", []byte("2")), webhook.Sign([]byte(secret), "12", nil))
}

func TestACallIsTriedAgainWhenThatMayHelp(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.answer = func(n int) int { return []int{0, 503, 429, 408, 500, 0}[n] }
	p := s.provider(t)
	require.NoError(t, p.Launch(t.Context(), providertest.Class, "small-a"))
	require.Len(t, s.bodies, 5)
	for _, key := range s.keys {
		require.Equal(t, s.keys[0], key, "it is one and the same call")
	}
	require.Equal(t, 1, s.started["small-a"])
}

func TestACallIsNotTriedAgainWhenThatCannotHelp(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 401, 404, 422, 301, 302, 307, 308} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			t.Parallel()
			s := newService(t)
			s.answer = func(int) int { return status }
			err := s.provider(t).Launch(t.Context(), providertest.Class, "small-a")
			require.ErrorContains(t, err, "the service answered "+strconv.Itoa(status))
			require.Len(t, s.bodies, 1, "nor is a redirect followed")
			require.NotContains(t, err.Error(), "hunter2")
			require.NotContains(t, err.Error(), s.url)
		})
	}
}

func TestACallEndsWithItsDeadline(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.answer = func(int) int { return 503 }
	p := s.provider(t)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	_, err := p.List(ctx)
	require.ErrorContains(t, err, "webhook: list: ")
	require.ErrorContains(t, err, "the service answered 503")
	require.Less(t, len(s.bodies), 12, "the pauses grow")
}

func TestAServiceThatIsNotThereIsToldWithoutItsURL(t *testing.T) {
	t.Parallel()
	p, err := webhook.New("http://127.0.0.1:1/secret-path", keyFile(t, secret, 0o600))
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err = p.List(ctx)
	require.Error(t, err)
	require.NotContains(t, err.Error(), "secret-path")
	require.NotContains(t, err.Error(), secret)
}

func TestAnswersThatMakeNoSenseAreErrors(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"nothing": "", "no JSON": "ok", "no workers": "{}", "null": `{"workers": null}`, "a list": `["small-a"]`,
		"numbers": `{"workers": [1]}`, "too much": `{"workers": ["` + strings.Repeat("a", 5<<20) + `"]}`,
		"too many": `{"workers": [` + strings.Repeat(`"a",`, 100_000) + `"a"]}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				_, _ = io.WriteString(w, answer)
			}))
			defer server.Close()
			p, err := webhook.New(server.URL, keyFile(t, secret, 0o600))
			require.NoError(t, err)
			defer p.Close()
			_, err = p.List(t.Context())
			require.ErrorContains(t, err, "webhook: list: ")
		})
	}
}

func TestWhatCannotBeUsedIsRefusedWithoutShowingSecrets(t *testing.T) {
	t.Parallel()
	good := keyFile(t, secret, 0o600)
	for name, tt := range map[string]struct{ url, key, says string }{
		"no URL":          {"", good, "the URL is not http"},
		"another scheme":  {"ftp://host/", good, "the URL is not http"},
		"no host":         {"http:///x", good, "the URL is not http"},
		"a password":      {"http://me:hunter2@host/", good, "a URL with a password"},
		"no key":          {"http://host/", filepath.Join(t.TempDir(), "none"), "key file"},
		"a directory":     {"http://host/", t.TempDir(), "is not a file"},
		"a short key":     {"http://host/", keyFile(t, "0123456789abcde\n", 0o600), "has not a key"},
		"a long key":      {"http://host/", keyFile(t, strings.Repeat("k", 5000), 0o600), "has not a key"},
		"open to others":  {"http://host/", keyFile(t, secret, 0o644), "chmod 600"},
		"all of it wrong": {"", filepath.Join(t.TempDir(), "none"), "key file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := webhook.New(tt.url, tt.key)
			require.ErrorContains(t, err, tt.says)
			require.NotContains(t, err.Error(), "hunter2")
			require.NotContains(t, err.Error(), "0123456789")
		})
	}
}
