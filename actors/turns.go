package actors

import (
	"context"
	"sync"
	"time"

	"yardmaster/domain/problem"
)

const (
	// Submissions that go on at once, from here to the journal and back, for each
	// processor: of a project that is alone so many as fill the journal's batches, and
	// of several so few that one that has just come does not wait long behind them.
	turnsAlone, turnsShared = 128, 8
	// companyFor is how long a project counts as being there after it submitted.
	companyFor = 10 * time.Second
	// turnPatience is how long a submission waits for its turn. A client waits longer
	// for its answer.
	turnPatience = 10 * time.Second
	mostInLine   = 2000 // of one project, each with a connection and little else
	// Of what one is told who is to come back.
	turnHintLeast, turnHintMost = time.Second, 30 * time.Second
	turnRemembered              = 0.1 // the weight of the newest in the average
)

// turns lets so many calls go on at once, fewer when several projects are there, and
// has the projects that wait take turns: who floods the server with calls waits in a
// line of his own. A line that is too long, or too slow, answers when to come back.
type turns struct {
	patience time.Duration
	most     int // that may wait in one line

	mu      sync.Mutex
	alone   int // calls at once of a project that is alone
	shared  int // of all, when there are several
	used    int
	newest  string           // the project that came last
	seen    time.Time        // when it did
	other   time.Time        // when any other did
	lines   map[string]*line // by project; each has somebody in it
	order   []*line          // whose turn it is, the next first
	waiting int
	average float64 // nanoseconds between two turns of a line that waits
	refused int64
}

// line is the calls of one project that wait, in the order in which they came.
type line struct {
	project string
	calls   []chan struct{} // each closed when it is its turn
	last    time.Time       // when it had its last turn
}

func newTurns(alone, shared, most int, patience time.Duration) *turns {
	return &turns{patience: patience, most: most, alone: alone, shared: shared, lines: map[string]*line{}}
}

// size returns how many calls may go on at once. The caller holds the lock.
func (t *turns) size() int {
	if time.Since(t.other) < companyFor {
		return t.shared
	}
	return t.alone
}

// see notes that a project is there. The caller holds the lock.
func (t *turns) see(project string) {
	if project != t.newest {
		t.newest, t.other = project, t.seen
	}
	t.seen = time.Now()
}

// TurnUse is how many submissions go on, and how many wait for their turn.
type TurnUse struct {
	Size, InUse, Waiting int
	Refused              int64 // that were told to come back, so far
}

// TurnUse returns what goes on now.
func (n *Node) TurnUse() TurnUse {
	t := n.turns
	t.mu.Lock()
	defer t.mu.Unlock()
	return TurnUse{Size: t.size(), InUse: t.used, Waiting: t.waiting, Refused: t.refused}
}

// take returns when it is the turn of a call of the project, and how to end that.
// Its errors are problem.Problem.
func (t *turns) take(ctx context.Context, project string) (end func(), err error) {
	t.mu.Lock()
	t.see(project)
	if t.waiting == 0 && t.used < t.size() {
		t.used++
		t.mu.Unlock()
		return sync.OnceFunc(t.end), nil
	}
	l := t.lines[project]
	if l == nil {
		l = &line{project: project, last: time.Now()}
		t.lines[project] = l
		t.order = append(t.order, l)
	} else if len(l.calls) >= t.most {
		defer t.mu.Unlock()
		return nil, t.refuse(l)
	}
	turn := make(chan struct{})
	l.calls = append(l.calls, turn)
	t.waiting++
	t.mu.Unlock()
	timer := time.NewTimer(t.patience)
	defer timer.Stop()
	select {
	case <-turn:
		return sync.OnceFunc(t.end), nil
	case <-ctx.Done():
	case <-timer.C:
	}
	return t.leave(ctx, l, turn)
}

// leave takes a call out of its line, unless it has its turn just now.
func (t *turns) leave(ctx context.Context, l *line, turn chan struct{}) (end func(), err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, other := range l.calls {
		if other != turn {
			continue
		}
		l.calls = append(l.calls[:i], l.calls[i+1:]...)
		t.waiting--
		if ctx.Err() != nil {
			err = errNobodyWaits
		} else {
			err = t.refuse(l)
		}
		if len(l.calls) == 0 {
			t.forget(l)
		}
		return nil, err
	}
	return sync.OnceFunc(t.end), nil
}

// forget removes a line that is empty. The caller holds the lock.
func (t *turns) forget(l *line) {
	delete(t.lines, l.project)
	for i, other := range t.order {
		if other == l {
			t.order = append(t.order[:i], t.order[i+1:]...)
			return
		}
	}
}

// end gives the turn to the next line.
func (t *turns) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.used--
	for t.used < t.size() && len(t.order) > 0 {
		l := t.order[0]
		turn := l.calls[0]
		l.calls = l.calls[1:]
		t.order = t.order[1:]
		if len(l.calls) > 0 {
			t.order = append(t.order, l)
		} else {
			delete(t.lines, l.project)
		}
		now := time.Now()
		t.average += turnRemembered * (float64(now.Sub(l.last)) - t.average)
		l.last = now
		t.waiting--
		t.used++
		close(turn)
	}
}

// refuse says when to come back: when the line of now has had its turns. The caller
// holds the lock.
func (t *turns) refuse(l *line) error {
	t.refused++
	after := time.Duration(t.average * float64(len(l.calls)+1)).Round(time.Millisecond)
	return problem.RetryIn(problem.Exhausted, min(max(after, turnHintLeast), turnHintMost),
		"%d submissions of project %s wait for their turn already", len(l.calls), l.project)
}
