package api_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/api"
	"yardmaster/api/apitest"
	"yardmaster/messages"
)

func TestSecretsAreSetListedAndRemoved(t *testing.T) {
	t.Parallel()
	b := new(apitest.Backend)
	c := client(t, serve(t, b, api.Config{}), "")
	set, err := c.SetSecret(t.Context(), &messages.SetSecretRequest{Project: "web", Name: "token", Value: "a\nb"})
	require.NoError(t, err)
	assert.Equal(t, "TOKEN", set.GetName())
	assert.Equal(t, api.LocalPrincipal, set.GetPrincipal())
	require.Len(t, b.SetSecrets(), 1)
	assert.Equal(t, "a\nb", b.SetSecrets()[0].GetValue())
	all, err := c.Secrets(t.Context(), "web")
	require.NoError(t, err)
	require.Len(t, all, 1)
	assert.Equal(t, "TOKEN", all[0].GetName())
	all, err = c.Secrets(t.Context(), "")
	require.NoError(t, err)
	assert.Empty(t, all)
	remove := &messages.RemoveSecretRequest{Project: "web", Name: "TOKEN"}
	require.NoError(t, c.RemoveSecret(t.Context(), remove))
	assert.Equal(t, connect.CodeNotFound, connect.CodeOf(c.RemoveSecret(t.Context(), remove)))
	b.Fail = errors.New("broken")
	_, err = c.Secrets(t.Context(), "")
	assert.Equal(t, connect.CodeInternal, connect.CodeOf(err))
	_, err = c.SetSecret(t.Context(), &messages.SetSecretRequest{Name: "A", Value: "value"})
	assert.Equal(t, connect.CodeInternal, connect.CodeOf(err))
}

func TestABadSecretIsRefusedWithoutItsValue(t *testing.T) {
	t.Parallel()
	b := new(apitest.Backend)
	c := client(t, serve(t, b, api.Config{}), "")
	for want, req := range map[string]*messages.SetSecretRequest{
		"bad name":          {Name: "A-B", Value: "hunter2"},
		"is reserved":       {Name: "github_token", Value: "hunter2"},
		"it is empty":       {Name: "A"},
		"cannot be hidden":  {Name: "A", Value: "h"},
		"49159 bytes":       {Name: "A", Value: "hunter2" + strings.Repeat("x", 48<<10)},
		"without NUL":       {Name: "A", Value: "hunter2\x00"},
		`bad name "we b"`:   {Project: "we b", Name: "A", Value: "hunter2"},
		"1 to 255 letters,": {Name: strings.Repeat("x", 256), Value: "hunter2"},
	} {
		_, err := c.SetSecret(t.Context(), req)
		var wire *connect.Error
		require.ErrorAs(t, err, &wire, want)
		assert.Equal(t, connect.CodeInvalidArgument, wire.Code(), want)
		assert.Contains(t, wire.Message(), want)
		assert.NotContains(t, wire.Message(), "hunter2", want)
		assert.NotContains(t, wire.Message(), "secret: ")
	}
	assert.Equal(t, connect.CodeInvalidArgument,
		connect.CodeOf(c.RemoveSecret(t.Context(), &messages.RemoveSecretRequest{Name: ""})))
	_, err := c.Secrets(t.Context(), "A")
	assert.Equal(t, connect.CodeInvalidArgument, connect.CodeOf(err))
	assert.Empty(t, b.SetSecrets())
}

// What goes wrong with a request is logged, but never what it holds.
func TestNoValueOfASecretIsLogged(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	b := &apitest.Backend{Fail: errors.New("broken")}
	url, stop := serveUntil(t, b, api.Config{
		Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	for _, body := range []string{
		`{"name":"A","value":"hunter2"}`, `{"name":"A","value":"hunter2`, `{"value":["hunter2"]}`,
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost,
			url+"/yardmaster.v1.YardmasterService/SetSecret", strings.NewReader(body))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/json")
		res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
		require.NoError(t, err)
		raw, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		require.NotEqual(t, http.StatusOK, res.StatusCode)
		require.NotContains(t, string(raw), "hunter2", body)
	}
	stop()
	assert.Contains(t, log.String(), "broken")
	assert.NotContains(t, log.String(), "hunter2")
}
