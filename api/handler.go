package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"connectrpc.com/connect"

	"yardmaster/domain/problem"
	"yardmaster/messages/externalscaler/externalscalerconnect"
	"yardmaster/messages/messagesconnect"
)

const (
	readyTimeout     = 2 * time.Second  // for the node to say that it is ready
	bodyTimeout      = 30 * time.Second // for a request to arrive
	compressMinBytes = 16 << 10         // below, compression costs more than it saves
	servicePath      = "/" + messagesconnect.YardmasterServiceName + "/"
)

// NewHandler returns the whole HTTP interface over b. It starts nothing.
func NewHandler(b Backend, cfg Config) http.Handler {
	intake := cfg.Intake
	if intake == nil {
		intake = NewIntake()
	}
	s := &service{
		backend: b, plans: newPlans(maxPlans, maxPlanBytes, intake), intake: intake,
		streams: make(chan struct{}, maxStreams),
	}
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
	mux.Handle(servicePath, gate.admit(bounded(rpc, intake)))
	mux.Handle(scalerPath, gate.admit(bounded(scaler, intake)))
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

// bounded limits the size of a request, what all of them take, the time one takes to
// arrive, and how long each write of its answer may wait for the client.
func bounded(next http.Handler, intake *Intake) http.Handler {
	refusals := connect.NewErrorWriter()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		ctx, patience := r.Context(), writeTimeout
		if streams(r.URL.Path) {
			ctx, patience = context.WithValue(ctx, arrivedKey{}, control), streamPatience
		}
		// A copy: the server looks at the body of its own request when it decides whether
		// the connection can serve another one.
		r = r.WithContext(ctx)
		// A connection without deadlines is one of a test; there they do not matter.
		_ = control.SetReadDeadline(time.Now().Add(bodyTimeout))
		r.Body = http.MaxBytesReader(w, r.Body, MaxRequestBytes)
		giveBack, err := intake.admit(r)
		if err != nil {
			intake.turnAway(w, r, refusals, err)
			return
		}
		defer giveBack()
		_ = control.SetReadDeadline(time.Now().Add(bodyTimeout)) // anew, if it had to wait
		w, end := patient(w, r, patience)
		defer end()
		next.ServeHTTP(w, r)
	})
}

// turnAway answers a request that is not let in.
func (i *Intake) turnAway(w http.ResponseWriter, r *http.Request, refusals *connect.ErrorWriter, err error) {
	var full *problem.Problem
	switch {
	case !errors.As(err, &full):
		say(w, http.StatusRequestTimeout, "the request did not arrive")
	case refusals.IsSupported(r):
		i.discard(w, r)
		_ = refusals.Write(w, r, problemError(full))
	default:
		i.discard(w, r)
		say(w, http.StatusTooManyRequests, full.Message)
	}
}

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
