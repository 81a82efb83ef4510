// Package supervisor keeps a tree of actors running. It knows no job.
//
// A tree is described as data (Spec), drawn by Draw, run by Start and ended by
// Stop. All actors are spawned through this package, inside the tree or by
// Props, so that mailbox, guard and crash report are the same everywhere.
//
// # What it promises
//
//   - A message sent to a name waits until the actor there has started;
//     actor.Started is always the first message handled.
//   - A mailbox with a limit refuses at once, in the sender's goroutine. What it
//     refuses, and what is left when its actor stops, becomes a dead letter.
//   - Messages of one sender to one actor are handled in the order sent. System
//     messages come before user messages.
//   - A panic costs the message being handled, restarts the actor with its PID
//     and the rest of its mailbox, and never ends the process.
//   - Restarts are counted per supervisor within a sliding window. Beyond the
//     limit the supervisor stops its children and fails itself; beyond the limit
//     of the root, Start's onGiveUp is called, once.
//   - The first restart of a child is immediate, later ones wait for a capped,
//     exponential, jittered time. Its mailbox is kept meanwhile.
//   - A child of a Template that keeps crashing is stopped and reported; its
//     neighbours notice nothing.
//   - Stop ends children in the reverse of their order, each awaited.
//   - No message's content is logged or kept in a report: only its type.
//
// # What it does not promise
//
//   - The message whose handling panicked is gone. Senders repeat.
//   - A child is not awaited at its start: who needs a sibling asks it.
//   - An actor that blocks for ever in Receive cannot be stopped.
//
// An actor that implements actor.SupervisorStrategy decides about children it
// spawned itself; the crash of such a child is otherwise its parent's crash.
package supervisor
