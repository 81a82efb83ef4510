package bridge

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// maxPart is the longest node ID or epoch, in bytes.
const maxPart = 128

// ErrAddress says that a string is not the address of a node.
var ErrAddress = errors.New("bridge: not a node's address")

// Role is what a node is.
type Role byte

const (
	// Coordinator nodes make up the control plane.
	Coordinator Role = 'c'
	// Worker nodes run attempts. They exchange messages with coordinator nodes only.
	Worker Role = 'w'
)

// String returns "coordinator" or "worker".
func (r Role) String() string {
	switch r {
	case Coordinator:
		return "coordinator"
	case Worker:
		return "worker"
	default:
		return "unknown"
	}
}

// NewEpoch returns the boot epoch of a node of that role which starts at now.
// Later starts sort after earlier ones.
func NewEpoch(role Role, now time.Time) string {
	return string(role) + strconv.FormatInt(now.UnixNano(), 36)
}

// JoinAddress returns the address of a node.
func JoinAddress(nodeID, epoch string) string { return nodeID + "." + epoch }

// Peer is another node, as far as its address tells.
type Peer struct {
	// Address is "<node ID>.<boot epoch>".
	Address string
	// NodeID of a worker is its worker ID.
	NodeID string
	Role   Role
}

// ParseAddress takes an address apart. The error is ErrAddress.
func ParseAddress(address string) (Peer, error) {
	node, epoch, _ := strings.Cut(address, ".")
	if !isPart(node) || !isPart(epoch) {
		return Peer{}, fmt.Errorf("%w: %.80q", ErrAddress, address)
	}
	role := Role(epoch[0])
	if role != Coordinator && role != Worker {
		return Peer{}, fmt.Errorf("%w: %.80q names no role", ErrAddress, address)
	}
	return Peer{Address: address, NodeID: node, Role: role}, nil
}

// worker returns the worker ID of a peer that is a worker, else "".
func (p Peer) worker() string {
	if p.Role == Worker {
		return p.NodeID
	}
	return ""
}

// isPart reports whether s can be part of an address, and so of a subject.
func isPart(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c-'a' > 25 && c-'A' > 25 && c-'0' > 9 && c != '-' && c != '_' {
			return false
		}
	}
	return s != "" && len(s) <= maxPart
}
