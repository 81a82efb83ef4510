package api_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"yardmaster/api"
	"yardmaster/api/apitest"
)

// FuzzRequest shows that no body, in no encoding, of no method, makes the server
// answer as if it had made a mistake.
func FuzzRequest(f *testing.F) {
	methods := []string{
		"SubmitRuns", "GetRun", "ListRuns", "WatchRuns", "ReadLog", "CancelRun", "ExplainJob", "ListWorkers", "GetWorker",
		"ChangeWorker", "RetryRun",
	}
	types := []string{
		"application/json", "application/proto", "application/grpc", "application/grpc-web+proto",
		"application/connect+json", "application/connect+proto",
	}
	f.Add(uint8(0), uint8(0), []byte(`{"workflow":"am9iczo=","submissions":[{}]}`))
	f.Add(uint8(1), uint8(1), []byte("\x0a\x1a"+apitest.RunID(1)))
	f.Add(uint8(3), uint8(5), []byte("\x00\x00\x00\x00\x00"))
	f.Add(uint8(4), uint8(4), []byte("\x00\x00\x00\x00\x02{}"))
	f.Add(uint8(2), uint8(2), []byte("\x01\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, method, kind uint8, body []byte) {
		b := &apitest.Backend{}
		h := api.NewHandler(b, api.Config{Logger: slog.New(slog.DiscardHandler)})
		ctx, cancel := contextThatIsOver(t)
		defer cancel()
		r := httptest.NewRequestWithContext(ctx, http.MethodPost,
			"http://localhost/yardmaster.v1.YardmasterService/"+methods[int(method)%len(methods)],
			strings.NewReader(string(body)))
		r.Header.Set("Content-Type", types[int(kind)%len(types)])
		r.Header.Set("Connect-Protocol-Version", "1")
		r.ProtoMajor = 2
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code >= http.StatusInternalServerError && w.Code != http.StatusNotImplemented &&
			w.Code != http.StatusGatewayTimeout {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		for _, s := range b.Submissions() {
			if s.Plan == nil || len(s.Keys) == 0 || len(s.Keys) > api.MaxSubmissions {
				t.Fatalf("submission %+v", s)
			}
		}
	})
}
