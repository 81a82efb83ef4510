package loadtest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

const (
	metricsTimeout = 10 * time.Second
	maxMetrics     = 8 << 20 // bytes
)

// Metrics returns what reads the text of the /metrics of the server at baseURL,
// giving its token, if any.
func Metrics(baseURL, token string) func(ctx context.Context) ([]byte, error) {
	return func(ctx context.Context) ([]byte, error) {
		ctx, cancel := context.WithTimeout(ctx, metricsTimeout)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, baseURL+"/metrics", nil)
		if err != nil {
			return nil, err
		}
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		req.Close = true // seldom asked: keep no connection
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return nil, err
		}
		defer res.Body.Close()
		if res.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("loadtest: /metrics answers %s", res.Status)
		}
		return io.ReadAll(io.LimitReader(res.Body, maxMetrics))
	}
}
