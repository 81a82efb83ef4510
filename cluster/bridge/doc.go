// Package bridge carries Proto.Actor messages between nodes.
//
// # What it promises
//
//   - Messages from one node to another arrive in the order sent, each at most
//     once, system messages (Stop, Watch) among user messages included.
//   - A message that this node cannot send becomes a dead letter at once, or
//     after Config.Patience at most; whoever asked gets actor.ErrDeadLetter.
//   - A message to an actor that the other node does not have, or of a type that
//     it does not know, is answered with actor.DeadLetterResponse.
//   - A watch is answered by Terminated when its actor ends, also when the first
//     notice was lost (after the next Resync), or when its node is declared down.
//   - What a peer claims to be is checked: a frame that a worker sent is refused
//     unless it, and the senders in it, are that worker's; what it may say to
//     whom is decided by Config.Allow.
//   - Receiving never blocks and never panics, whatever the bytes.
//
// # What it does not promise
//
//   - Delivery. A frame that was published may be lost; senders repeat.
//   - An end of requests that were already under way when their node went down:
//     they run into their own timeout.
//
// # Addresses
//
// A node's address is "<node ID>.<boot epoch>", one of a kind for ever. The first
// letter of the epoch says what the node is: c for a coordinator node, w for a
// worker, whose node ID is its worker ID.
package bridge
