// Package natsjs is everything of Yardmaster that knows NATS: the embedded
// server and its data directory, connections, streams, and the stores on
// JetStream of the journal, the snapshots and the logs.
//
// It promises that what a store acknowledged was synced to disk by the embedded
// server (or by a majority of a cluster), and that a damaged or foreign data
// directory is refused with a sentence that names it.
package natsjs
