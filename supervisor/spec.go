package supervisor

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// defaultQuarantine is how many crashes end a child of a template.
const defaultQuarantine = 3

// Strategy says who restarts along with a child that failed.
type Strategy uint8

// The strategies of OTP, by their OTP names.
const (
	OneForOne  Strategy = iota // only the child that failed
	RestForOne                 // it and every child listed after it
	OneForAll                  // every child
)

// String returns the name OTP uses.
func (s Strategy) String() string {
	switch s {
	case OneForOne:
		return "one_for_one"
	case RestForOne:
		return "rest_for_one"
	case OneForAll:
		return "one_for_all"
	default:
		return "unknown strategy"
	}
}

// Spec describes one supervisor. It is data: a tree of specs can be printed,
// compared and tested without starting anything.
type Spec struct {
	Name      string
	Strategy  Strategy
	Intensity Intensity
	// Why is the reason for this intensity, for the drawing of the tree.
	Why string
	// Backoff is how long repeated restarts of one child wait. A child that was
	// well for an Intensity.Period begins anew.
	Backoff Backoff
	// Children are spawned in this order and stopped in the reverse one. A child
	// with a Template is alone.
	Children []Child
}

// Child is an actor (Start set), a supervisor (Supervisor set) or the template
// of any number of actors (Template set); one of them. A child that stops by
// itself has failed, unless it belongs to a template.
type Child struct {
	// Name is unique below its parent and holds no slash. A supervisor's is its
	// Spec's.
	Name string
	Does string // one line for the drawing of the tree
	// Start makes the actor, for its first life and each later one. It runs in
	// the actor's own turn.
	Start      func() actor.Actor
	Supervisor *Spec
	Template   *Template
	// Mailbox is the class of the mailbox; nil is unbounded.
	Mailbox *MailboxClass
}

// Template describes children that are started on demand, by a Spawn message to
// their supervisor. Such a supervisor counts only the first crash of each child
// against its intensity: many crashing children are its problem, one child that
// crashes often is that child's.
type Template struct {
	// Start makes the actor called name, for its first life and each later one.
	// A Spawn message may bring its own.
	Start func(name string) actor.Actor
	// Supervisor, instead of Start, makes each child a tree. Its Name is ignored.
	Supervisor func(name string) Spec
	// Limit is how many children may live at once; 0 means any number. Beyond
	// it a Spawn is refused, and its message becomes a dead letter.
	Limit int
	// Quarantine is how many crashes end a child; 0 means 3.
	Quarantine int
	// Within is the time without a crash after which a child's earlier crashes
	// are forgotten; 0 means never.
	Within time.Duration
	// OnQuarantine, when set, is told of a child that was ended so, after it has
	// stopped. It runs in the supervisor's turn, so it must not block; typically
	// it sends its owner a message. stack is where the last panic was.
	OnQuarantine func(name string, reason error, stack []byte)
}

func (t *Template) quarantine() int {
	if t.Quarantine <= 0 {
		return defaultQuarantine
	}
	return t.Quarantine
}

// name returns what a child is called below its parent.
func (c Child) name() string {
	if c.Supervisor != nil {
		return c.Supervisor.Name
	}
	return c.Name
}

// template returns the template whose children s starts, or nil.
func (s *Spec) template() *Template {
	if len(s.Children) == 0 {
		return nil
	}
	return s.Children[0].Template
}
