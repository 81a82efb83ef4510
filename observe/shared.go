package observe

import (
	"yardmaster/cluster/bridge"
	"yardmaster/cluster/natsjs"
	"yardmaster/supervisor"
)

// Worker is the metrics of a worker.
type Worker struct{ shared }

// NewWorker returns metrics of a worker that has not started.
func NewWorker() *Worker { return &Worker{newShared()} }

// Connectivity counts changes of the connection to NATS.
func (s *shared) Connectivity(change natsjs.Change, _ error) {
	s.changes.WithLabelValues(change.String()).Inc()
	switch change {
	case natsjs.Connected, natsjs.Reconnected:
		s.connected.Set(1)
	case natsjs.Disconnected, natsjs.Closed:
		s.connected.Set(0)
	case natsjs.SlowConsumer, natsjs.Failed:
	}
}

// Bridge returns what a bridge calls.
func (s *shared) Bridge() bridge.Hooks {
	sentFrames, sent := s.frames.WithLabelValues("sent"), s.envelopes.WithLabelValues("sent")
	gotFrames, got := s.frames.WithLabelValues("received"), s.envelopes.WithLabelValues("received")
	s.breaker("bridge", "closed")
	return bridge.Hooks{
		FrameSent: func(envelopes, _ int) {
			sentFrames.Inc()
			sent.Add(float64(envelopes))
		},
		FrameReceived: func(envelopes, _ int) {
			gotFrames.Inc()
			got.Add(float64(envelopes))
		},
		Dropped: func(reason bridge.Reason, envelopes int) {
			s.dropped.WithLabelValues(string(reason)).Add(float64(envelopes))
		},
		Refused:        func(reason bridge.Reason) { s.refused.WithLabelValues(string(reason)).Inc() },
		BreakerChanged: func(state string) { s.breaker("bridge", state) },
	}
}

// breaker shows the state of a circuit breaker, which is shown from the start: an alert
// cannot tell a breaker that is closed from one that is not there.
func (s *shared) breaker(name, state string) {
	value := map[string]float64{"closed": 0, "half-open": 0.5, "open": 1}[state]
	s.breakers.WithLabelValues(name).Set(value)
}

// Supervision returns what a supervision tree calls.
func (s *shared) Supervision() supervisor.Hooks {
	count := func(outcome string) func(supervisor.Failure) {
		return func(f supervisor.Failure) { s.restarts.WithLabelValues(f.Class, outcome).Inc() }
	}
	return supervisor.Hooks{
		Restarted: count("restarted"), Escalated: count("escalated"), Quarantined: count("quarantined"),
	}
}
