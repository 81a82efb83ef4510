// Package journal keeps the history of one partition: batches of opaque events,
// numbered without gaps, chained by SHA-256, and written by one owner at a time.
//
// It promises that an acknowledged event is stored before the acknowledgement,
// in the order of the calls, and at most once; that an owner whose partition was
// claimed by another stores nothing more; and that a replay which does not reach
// the last acknowledged event, or finds anything altered, ends in a Fault and
// never in a shorter history.
//
// What stores the batches is behind the port Store; package journaltest has one
// in memory, and the suite that every Store must pass.
package journal
