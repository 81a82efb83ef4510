package bridge

import (
	"cmp"
	"errors"
	"fmt"
	"time"
)

// Config says how a bridge behaves. The zero value of a field stands for the
// default in its comment.
type Config struct {
	// NodeID and Role are this node's, and must agree with its address.
	NodeID string
	Role   Role

	// Allow decides whether peer may say a message of that type to the local
	// actor target. It is asked for every envelope, on the receiving goroutine,
	// so it must be quick and must not block. The answer to a watch of ours passes
	// without it. By default coordinator nodes may say everything and workers nothing.
	Allow func(peer Peer, target string, system bool, typeName string) bool
	// Kinds are what other nodes may spawn here.
	Kinds []Kind
	Hooks Hooks

	// QueueBytes is how much may wait for one peer. Default 8 MiB.
	QueueBytes int
	// TotalBytes is how much may wait for all peers together. Default 64 MiB.
	TotalBytes int
	// Patience is how long a frame waits for a transport that is temporarily
	// unable to send. Default 2 s.
	Patience time.Duration
	// TripAfter is how many frames in a row must be given up before the circuit
	// breaker opens. Default 3.
	TripAfter int
	// OpenFor is how long the breaker stays open before it lets one frame try.
	// Default 1 s.
	OpenFor time.Duration
	// ResyncEvery is the period of Resync; negative leaves calling it to the
	// owner. Default 5 s.
	ResyncEvery time.Duration
	// IdleAfter is how long an endpoint outlives its last message. Default 5 min.
	IdleAfter time.Duration
}

func (c Config) withDefaults() Config {
	c.QueueBytes = cmp.Or(c.QueueBytes, 8<<20)
	c.TotalBytes = cmp.Or(c.TotalBytes, 64<<20)
	c.Patience = cmp.Or(c.Patience, 2*time.Second)
	c.TripAfter = cmp.Or(c.TripAfter, 3)
	c.OpenFor = cmp.Or(c.OpenFor, time.Second)
	c.ResyncEvery = cmp.Or(c.ResyncEvery, 5*time.Second)
	c.IdleAfter = cmp.Or(c.IdleAfter, 5*time.Minute)
	if c.Allow == nil {
		c.Allow = func(peer Peer, _ string, _ bool, _ string) bool { return peer.Role == Coordinator }
	}
	c.Hooks = c.Hooks.orSilent()
	return c
}

// validate reports every fault of a configuration with its defaults filled in.
func (c Config) validate(self string) error {
	var faults []error
	peer, err := ParseAddress(self)
	switch {
	case err != nil:
		faults = append(faults, err)
	case peer.NodeID != c.NodeID || peer.Role != c.Role:
		faults = append(faults, fmt.Errorf("bridge: %s is not the address of %s %q", self, c.Role, c.NodeID))
	}
	for name, value := range map[string]int64{
		"QueueBytes": int64(c.QueueBytes), "TotalBytes": int64(c.TotalBytes), "Patience": int64(c.Patience),
		"TripAfter": int64(c.TripAfter), "OpenFor": int64(c.OpenFor), "IdleAfter": int64(c.IdleAfter),
	} {
		if value < 0 {
			faults = append(faults, fmt.Errorf("bridge: %s is negative", name))
		}
	}
	seen := map[string]bool{}
	for _, k := range c.Kinds {
		if k.Name == "" || k.Spawn == nil || seen[k.Name] {
			faults = append(faults, fmt.Errorf("bridge: kind %q has no name or no Spawn, or is there twice", k.Name))
		}
		seen[k.Name] = true
	}
	return errors.Join(faults...)
}
