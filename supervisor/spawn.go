package supervisor

import "github.com/asynkron/protoactor-go/actor"

// Spawn asks the supervisor of a Template for the child called Name. It is safe
// to repeat: a child that lives already is left as it is. Nothing is answered,
// unless the message has a sender: then Spawned, or SpawnRefused.
//
// A message sent to the child's PID may overtake its Spawn and become a dead
// letter. First may not: it is the child's first message after actor.Started, or
// the next one if it lives already. So whatever must find the child goes by
// Spawn, and is handled in the order the Spawns were sent.
type Spawn struct {
	Name string
	// First, when set, is sent to the child. It may be an *actor.MessageEnvelope,
	// to name a sender, who then learns if the child stops before handling it.
	First any
	// Start, when set, makes this child, instead of the template's Start, in all
	// its lives.
	Start func(name string) actor.Actor
}

// Spawned answers a Spawn.
type Spawned struct {
	PID     *actor.PID
	Existed bool
}

// SpawnRefused answers a Spawn beyond the template's limit, to a supervisor that
// ends, or with nothing to make the child by.
type SpawnRefused struct{ Name, Why string }

// adopt returns Props by which SpawnNamed returns pid, which runs already, and
// so puts it among the children.
func adopt(pid *actor.PID) *actor.Props {
	return new(actor.Props).Configure(actor.WithSpawnFunc(
		func(*actor.ActorSystem, string, *actor.Props, actor.SpawnerContext) (*actor.PID, error) {
			return pid, nil
		},
	))
}
