package bridge

import (
	"context"
	"errors"
)

// Transport carries frames between nodes. It is what this package needs of NATS.
type Transport interface {
	// Send hands a frame over to the network, for the node at address; worker is
	// that node's worker ID, or empty for a coordinator node. It does not keep
	// frame, and returns without waiting for the other node.
	//
	// An error with a method Temporary() bool that answers true says that nothing
	// was sent and the same frame may go later. After any other error the frame
	// is given up.
	Send(worker, address string, frame []byte) error

	// Listen calls receive with each frame for this node: those of one sender in
	// order, those of several perhaps at the same time. worker is the ID that the
	// network has vouched for; it is empty for what coordinator nodes sent.
	// receive neither blocks nor keeps frame. After stop no frame is handed over.
	Listen(receive func(worker string, frame []byte)) (stop func() error, err error)

	// Flush waits until what was handed over has left this process.
	Flush(ctx context.Context) error

	// MaxFrame is the largest frame that Send takes, in bytes.
	MaxFrame() int
}

// temporary reports whether a frame may be sent again after err.
func temporary(err error) bool {
	var t interface{ Temporary() bool }
	return errors.As(err, &t) && t.Temporary()
}
