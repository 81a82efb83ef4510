//go:build linux

package e2e_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// submitOnce submits a run, without coming back when it is refused.
func (y *yard) submitOnce(src string) (status int, body string) {
	y.t.Helper()
	data, err := json.Marshal(map[string]any{"fileName": "test.yml", "workflow": []byte(src)})
	require.NoError(y.t, err)
	req, err := http.NewRequestWithContext(bounded(y.t), http.MethodPost,
		"http://"+y.api+"/yardmaster.v1.YardmasterService/SubmitRuns", strings.NewReader(string(data)))
	require.NoError(y.t, err)
	req.Header.Set("Content-Type", "application/json")
	res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	require.NoError(y.t, err)
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	require.NoError(y.t, err)
	return res.StatusCode, string(raw)
}

// TestAHangupChangesTheLimitsOfProjects sends SIGHUP to a server whose projects file
// was changed, well and badly.
func TestAHangupChangesTheLimitsOfProjects(t *testing.T) {
	t.Parallel()
	path := file(t, "projects.yml", "default: {queued: 1}\n")
	y := newYard(t, "--projects-file", path)
	y.start()
	refused := func(may string) {
		t.Helper()
		status, body := y.submitOnce("jobs: {a: {steps: [{run: x}]}}")
		assert.Equal(t, http.StatusTooManyRequests, status, body)
		assert.Contains(t, body, may+" of its jobs wait and "+may+" may")
	}
	y.submit("jobs: {a: {steps: [{run: x}]}}")
	refused("1")

	require.NoError(t, os.WriteFile(path, []byte("default: {queued: 2}\n"), 0o600))
	y.server.signal(syscall.SIGHUP)
	y.server.says("default: queued is 2, was 1")
	y.submit("jobs: {a: {steps: [{run: x}]}}")
	refused("2")

	require.NoError(t, os.WriteFile(path, []byte("default: {queued: many}\n"), 0o600))
	y.server.signal(syscall.SIGHUP)
	y.server.says("projects file refused: the limits are those of before")
	y.server.says("projects.yml:1:19: queued: expected a whole number")
	refused("2")
	y.stop()
}
