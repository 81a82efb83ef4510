package supervisor

import "sync/atomic"

// maxIdleRunners is how many goroutines of a Pool may wait for work: their grown
// stacks are kept for the next message, and that is all they cost.
const maxIdleRunners = 512

// poolThroughput is how many messages of one mailbox may be handled before
// others get their turn, as with Proto.Actor's own dispatcher.
const poolThroughput = 300

// Pool is an actor.Dispatcher that runs mailboxes on goroutines which have run
// others before. A new goroutine begins with a small stack and grows it, message
// after message, by copying: for actors that live for a few messages that had
// been a third of a worker's time.
//
// It never makes anyone wait: when no goroutine is idle, one is started.
type Pool struct {
	tasks chan func()
	quit  chan struct{}
	idle  atomic.Int32
}

// NewPool returns a pool without goroutines. Close it when what it runs has
// stopped.
func NewPool() *Pool { return &Pool{tasks: make(chan func()), quit: make(chan struct{})} }

// Schedule implements actor.Dispatcher: it runs task on a goroutine of its own.
func (p *Pool) Schedule(task func()) {
	select {
	case p.tasks <- task:
	default:
		go p.run(task)
	}
}

// Throughput implements actor.Dispatcher.
func (*Pool) Throughput() int { return poolThroughput }

// Close ends the goroutines that are idle, and each other one when its task is
// done. Call it once.
func (p *Pool) Close() { close(p.quit) }

func (p *Pool) run(task func()) {
	for {
		task()
		if p.idle.Add(1) > maxIdleRunners {
			p.idle.Add(-1)
			return
		}
		select {
		case task = <-p.tasks:
			p.idle.Add(-1)
		case <-p.quit:
			p.idle.Add(-1)
			return
		}
	}
}
