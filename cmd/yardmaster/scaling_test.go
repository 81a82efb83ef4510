package main

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"yardmaster/api/apitest"
	"yardmaster/messages"
)

// scaleFile writes a file of classes and returns its path.
func scaleFile(t *testing.T, src string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "scale.yml")
	require.NoError(t, os.WriteFile(path, []byte(src), 0o600))
	return path
}

func TestAScaleFileThatIsWrongIsToldWithAllItsFaults(t *testing.T) {
	t.Parallel()
	key := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(key, []byte("0123456789abcdef"), 0o644))
	require.NoError(t, os.Chmod(key, 0o644))
	const class = "{name: a, provider: webhook, labels: [linux], slots: 1, most: 1}"
	for name, tt := range map[string]struct {
		cfg  nodeConfig
		says []string
	}{
		"no file":        {nodeConfig{ScaleFile: filepath.Join(t.TempDir(), "none")}, []string{"--scale-file: open"}},
		"a lone dry run": {nodeConfig{ScaleDryRun: true}, []string{"--scale-dry-run needs --scale-file"}},
		"two faults": {
			nodeConfig{ScaleFile: scaleFile(t, "classes:\n  - {name: A, provider: exec, labels: [], slots: 1}\n")},
			[]string{"scale.yml:2:5: a class needs most", "scale.yml:2:12: a name is"},
		},
		"an open key": {
			nodeConfig{ScaleFile: scaleFile(t, "webhook: {url: http://x/, key-file: "+key+"}\nclasses: ["+class+"]")},
			[]string{"chmod 600"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := tt.cfg.loadScaling()
			require.Error(t, err)
			for _, says := range tt.says {
				assert.Contains(t, err.Error(), says)
			}
		})
	}
}

func TestAServerWithoutAScaleFileSaysThatItScalesNothing(t *testing.T) {
	t.Parallel()
	b := new(apitest.Backend)
	b.SetScaling(&messages.GetScalingResponse{})
	c := newCLI(t, b)
	require.Zero(t, c.run("scaling"))
	assert.Equal(t, "the server scales nothing: it has no --scale-file\n", c.out.String())
}

// A node with classes of each provider decides, shows, and answers KEDA's port.
func TestANodeDecidesAboutTheClassesOfItsFile(t *testing.T) {
	t.Parallel()
	key := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(key, []byte("0123456789abcdef"), 0o600))
	cfg := testNode(t)
	cfg.ScaleDryRun = true
	cfg.ScaleFile = scaleFile(t, `webhook: {url: "http://127.0.0.1:1/", key-file: `+key+`}
classes:
  - {name: small, provider: exec, labels: [linux], slots: 2, least: 1, most: 4}
  - {name: cloud, provider: webhook, labels: [linux], slots: 2, most: 4, cost: 2}
  - {name: pods, provider: none, labels: [mac], slots: 2, most: 4, cost: 3}
`)
	require.NoError(t, cfg.loadScaling())
	n := nodeOf(t, cfg)
	u := userOf(t, n)
	ctx, cancel := context.WithTimeout(t.Context(), partsDeadline)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	var m *messages.GetScalingResponse
	for len(m.GetClasses()) == 0 || m.GetClasses()[0].GetDesired() != 1 {
		var err error
		m, err = u.Scaling(ctx)
		require.NoError(t, err)
		<-tick.C
	}
	assert.True(t, m.GetDryRun())
	assert.Contains(t, strings.Join(m.GetClasses()[0].GetWhy(), "\n"), "1 worker is asked for")
	assert.Equal(t, []string{"it is not known yet which workers there are"}, m.GetClasses()[2].GetWhy())
	status, text := getText(ctx, t, n.APIURL()+"/metrics")
	assert.Equal(t, http.StatusOK, status)
	assert.Contains(t, text, `yardmaster_scaling_desired{class="small"} 1`)
}

func getText(ctx context.Context, t *testing.T, url string) (status int, text string) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	require.NoError(t, err)
	res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	require.NoError(t, err)
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res.StatusCode, string(raw)
}
