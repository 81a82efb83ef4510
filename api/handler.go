package api

import (
	"context"
	"net/http"
	"time"

	"connectrpc.com/connect"

	"yardmaster/messages/externalscaler/externalscalerconnect"
	"yardmaster/messages/messagesconnect"
)

const (
	readyTimeout     = 2 * time.Second  // for the node to say that it is ready
	bodyTimeout      = 30 * time.Second // for a request to arrive
	writeTimeout     = 30 * time.Second // for a client to take a part of an answer
	compressMinBytes = 16 << 10         // below, compression costs more than it saves
	servicePath      = "/" + messagesconnect.YardmasterServiceName + "/"
)

// NewHandler returns the whole HTTP interface over b. It starts nothing.
func NewHandler(b Backend, cfg Config) http.Handler {
	s := &service{backend: b, plans: newPlans(maxPlans, maxPlanBytes), streams: make(chan struct{}, maxStreams)}
	options := []connect.HandlerOption{
		connect.WithReadMaxBytes(MaxRequestBytes),
		connect.WithCompressMinBytes(compressMinBytes),
		connect.WithInterceptors(outcomes{logger: cfg.logger()}),
		connect.WithRecover(recovered(cfg.logger())),
	}
	_, rpc := messagesconnect.NewYardmasterServiceHandler(s, options...)
	_, scaler := externalscalerconnect.NewExternalScalerHandler(&externalScaler{b, s}, options...)
	gate := newGate(cfg.Tokens)
	mux := http.NewServeMux()
	mux.Handle(servicePath, gate.admit(bounded(rpc)))
	mux.Handle(scalerPath, gate.admit(bounded(scaler)))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", ready(b))
	if cfg.Metrics != nil {
		mux.Handle("GET /metrics", gate.admit(cfg.Metrics))
	}
	if cfg.Pages != nil {
		mux.Handle("/", cfg.Pages)
	}
	return gate.hosts(http.NewCrossOriginProtection().Handler(mux))
}

// bounded limits the size of a request, the time it takes to arrive, and how
// long each write of its answer may wait for the client.
func bounded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		// A connection without deadlines is one of a test; there they do not matter.
		_ = control.SetReadDeadline(time.Now().Add(bodyTimeout))
		r.Body = http.MaxBytesReader(w, r.Body, MaxRequestBytes)
		if streams(r.URL.Path) {
			r = r.WithContext(context.WithValue(r.Context(), arrivedKey{}, control))
		}
		next.ServeHTTP(&patientWriter{ResponseWriter: w, control: control}, r)
	})
}

// patientWriter gives every write a deadline of its own, where the server's one
// for the whole answer would end every long stream.
type patientWriter struct {
	http.ResponseWriter
	control *http.ResponseController
	armed   time.Time
}

// Write implements http.ResponseWriter.
func (w *patientWriter) Write(p []byte) (int, error) {
	// Half the time left is patience enough: deadlines cost more than bytes.
	if now := time.Now(); now.Sub(w.armed) > writeTimeout/2 {
		w.armed = now
		_ = w.control.SetWriteDeadline(now.Add(writeTimeout))
	}
	return w.ResponseWriter.Write(p)
}

// Flush implements http.Flusher.
func (w *patientWriter) Flush() { _ = w.control.Flush() }

// Unwrap lets http.ResponseController find the writer below.
func (w *patientWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

type arrivedKey struct{}

func streams(path string) bool {
	return path == messagesconnect.YardmasterServiceWatchRunsProcedure ||
		path == messagesconnect.YardmasterServiceReadLogProcedure ||
		path == externalscalerconnect.ExternalScalerStreamIsActiveProcedure
}

// arrived takes the deadline for arriving off a request that has arrived: over
// HTTP/1.1 it would end the answer too.
func arrived(ctx context.Context) {
	if control, ok := ctx.Value(arrivedKey{}).(*http.ResponseController); ok {
		_ = control.SetReadDeadline(time.Time{})
	}
}

func ready(b Backend) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
		defer cancel()
		if _, err := b.Info(ctx); err != nil {
			say(w, http.StatusServiceUnavailable, "not ready")
			return
		}
		say(w, http.StatusOK, "ready")
	}
}

func say(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text + "\n"))
}
