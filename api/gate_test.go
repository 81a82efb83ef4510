package api_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/api"
	"yardmaster/api/apitest"
	"yardmaster/domain/problem"
	"yardmaster/messages"
)

func TestWithoutATokenOnlyLoopbackNamesAreAnswered(t *testing.T) {
	t.Parallel()
	url := serve(t, new(apitest.Backend), api.Config{})
	for host, want := range map[string]int{
		"127.0.0.1:8427": http.StatusOK, "localhost": http.StatusOK, "localhost.:1": http.StatusOK,
		"[::1]:8427": http.StatusOK, "127.9.9.9": http.StatusOK, "LOCALHOST:80": http.StatusOK,
		"evil.example": http.StatusMisdirectedRequest, "evil.example:8427": http.StatusMisdirectedRequest,
		"127.0.0.1.evil.example": http.StatusMisdirectedRequest, "10.0.0.1": http.StatusMisdirectedRequest,
		"localhost.evil.example": http.StatusMisdirectedRequest,
	} {
		status, _ := post(t, url, "ListRuns", `{}`, "Host", host)
		assert.Equal(t, want, status, host)
	}
}

func TestAnotherSitesPagesAreRefused(t *testing.T) {
	t.Parallel()
	url := serve(t, new(apitest.Backend), api.Config{})
	status, _ := post(t, url, "ListRuns", `{}`, "Sec-Fetch-Site", "cross-site")
	assert.Equal(t, http.StatusForbidden, status)
	status, _ = post(t, url, "ListRuns", `{}`, "Origin", "http://evil.example")
	assert.Equal(t, http.StatusForbidden, status)
	status, _ = post(t, url, "ListRuns", `{}`, "Sec-Fetch-Site", "same-origin")
	assert.Equal(t, http.StatusOK, status)
}

func tokenFile(t testing.TB, mode os.FileMode, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tokens")
	require.NoError(t, os.WriteFile(path, []byte(content), mode))
	require.NoError(t, os.Chmod(path, mode))
	return path
}

func TestTokensAdmitTheirPrincipals(t *testing.T) {
	t.Parallel()
	const alice, nobody = "alices-token-0123456789", "nameless-token-0123456789"
	tokens, err := api.LoadTokens(tokenFile(t, 0o600, "# comment\n\nalice:"+alice+"\n"+nobody+"\n"))
	require.NoError(t, err)
	b := new(apitest.Backend)
	metrics := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "up 1") })
	url := serve(t, b, api.Config{Tokens: tokens, Metrics: metrics})

	for _, token := range []string{alice, nobody} {
		_, err := client(t, url, token).Submit(t.Context(), submitHello())
		require.NoError(t, err)
	}
	assert.Equal(t, "alice", b.Submissions()[0].Principal)
	assert.Equal(t, "token", b.Submissions()[1].Principal)

	for _, token := range []string{"", "wrong", alice + "x", "alice:" + alice} {
		c := client(t, url, token)
		_, err := c.Submit(t.Context(), submitHello())
		assert.Equal(t, connect.CodeUnauthenticated, connect.CodeOf(err), token)
		err = c.Watch(t.Context(), "", func(*messages.WatchRunsResponse) error { return nil })
		assert.Equal(t, connect.CodeUnauthenticated, connect.CodeOf(err), "a stream with %q", token)
	}
	_, err = grpcClient(t, url).ListRuns(t.Context(), connect.NewRequest(&messages.ListRunsRequest{}))
	assert.Equal(t, connect.CodeUnauthenticated, connect.CodeOf(err), "gRPC")
	status, _ := post(t, url, "ListRuns", `{}`, "Authorization", "Basic "+alice)
	assert.Equal(t, http.StatusUnauthorized, status)
	assert.Equal(t, http.StatusUnauthorized, get(t, url+"/metrics"))
	assert.Equal(t, http.StatusOK, get(t, url+"/healthz"))
	assert.Len(t, b.Submissions(), 2)
}

func get(t testing.TB, url string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	tr := &http.Transport{DisableKeepAlives: true}
	res, err := tr.RoundTrip(req)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	return res.StatusCode
}

func TestABadTokenFileIsRefusedWithoutShowingTokens(t *testing.T) {
	t.Parallel()
	const token = "a-token-of-good-length"
	for name, tt := range map[string]struct {
		mode    os.FileMode
		content string
		want    string
	}{
		"readable by the group": {0o640, token, "chmod 600"},
		"readable by all":       {0o604, token, "chmod 600"},
		"empty":                 {0o600, "# nothing\n", "has no token"},
		"short token":           {0o600, "x:" + token[:8], "line 1"},
		"token with a space":    {0o600, token + " " + token, "visible ASCII"},
		"name of nothing":       {0o600, ":" + token, "cannot be used"},
		"too large":             {0o600, strings.Repeat("# comment\n", 10_000), "more than"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := tokenFile(t, tt.mode, tt.content)
			_, err := api.LoadTokens(path)
			require.ErrorContains(t, err, tt.want)
			assert.NotContains(t, err.Error(), token[:8])
			_, err = api.FirstToken(path)
			require.ErrorContains(t, err, tt.want)
		})
	}
	_, err := api.LoadTokens(t.TempDir())
	require.ErrorContains(t, err, "directory")
	_, err = api.LoadTokens(filepath.Join(t.TempDir(), "none"))
	require.ErrorIs(t, err, os.ErrNotExist)
	first, err := api.FirstToken(tokenFile(t, 0o600, "\n# x\nbob:"+token+"\n"))
	require.NoError(t, err)
	assert.Equal(t, token, first)
}

func TestATokenFileMayBeAPipe(t *testing.T) {
	t.Parallel()
	const token = "0123456789abcdef"
	for range 2 { // what is read of a pipe is gone
		r, w, err := os.Pipe()
		require.NoError(t, err)
		_, err = w.WriteString("alice:" + token + "\n")
		require.NoError(t, err)
		require.NoError(t, w.Close())
		first, err := api.FirstToken(fmt.Sprintf("/dev/fd/%d", r.Fd()))
		require.NoError(t, err)
		assert.Equal(t, token, first)
		require.NoError(t, r.Close())
	}
}

func TestListeningBeyondLoopbackNeedsAToken(t *testing.T) {
	t.Parallel()
	for _, addr := range []string{"127.0.0.1:8427", "localhost:0", "[::1]:80", "127.1.2.3:1"} {
		require.NoError(t, api.CheckListen(addr, false), addr)
	}
	for _, addr := range []string{":8427", "0.0.0.0:8427", "[::]:8427", "10.0.0.1:80", "build.example:80"} {
		require.ErrorContains(t, api.CheckListen(addr, false), "--token-file", addr)
		require.NoError(t, api.CheckListen(addr, true), addr)
	}
	for _, addr := range []string{"", "127.0.0.1", "127.0.0.1:70000", "127.0.0.1:no-such-port"} {
		require.Error(t, api.CheckListen(addr, true), addr)
	}
}

func TestHealthAndReadiness(t *testing.T) {
	t.Parallel()
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	url := serve(t, new(apitest.Backend), api.Config{Pages: page})
	assert.Equal(t, http.StatusOK, get(t, url+"/healthz"))
	assert.Equal(t, http.StatusOK, get(t, url+"/readyz"))
	assert.Equal(t, http.StatusTeapot, get(t, url+"/"), "other paths are the pages'")
	url = serve(t, &apitest.Backend{Fail: problem.New(problem.Unavailable, "starting")}, api.Config{})
	assert.Equal(t, http.StatusOK, get(t, url+"/healthz"))
	assert.Equal(t, http.StatusServiceUnavailable, get(t, url+"/readyz"))
	assert.Equal(t, http.StatusNotFound, get(t, url+"/metrics"))
	assert.Equal(t, http.StatusNotFound, get(t, url+"/"))
}
