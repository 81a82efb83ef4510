package actors

import (
	"cmp"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/oklog/ulid/v2"
	"golang.org/x/time/rate"

	"yardmaster/domain/ledger"
	"yardmaster/domain/partition"
	"yardmaster/domain/plan"
	"yardmaster/domain/problem"
	"yardmaster/domain/project"
	"yardmaster/domain/run"
	"yardmaster/messages"
)

// Gateway admits what comes from outside: it refuses what is too much, names the
// runs, and hands them to the partitions that own them.
//
// Mailbox protocol
//
//	message         from       does                        answer
//	*submitRequest  backend    hands batches to partitions  its reply is called
//	*toRun          backend    passes it on                 the run's
//	setProjects     node       keeps other limits            projectsSet
//	closeGate       node       refuses from now on          -
type Gateway struct {
	env     *gatewayEnv
	encoded [16]encodedPlan // newest last, by turn
	turn    int
}

// gatewayEnv is what the gateway is given.
type gatewayEnv struct {
	log        *slog.Logger
	metrics    *Metrics
	partitions []*actor.PID
	limiter    *rate.Limiter // nil: no limit
	queueLimit int64         // jobs that may be PENDING
	planRoom   int64         // bytes of plans whose runs have not ended
	projects   project.Set   // of which the gateway keeps the limits on waiting jobs
	arrived    func()        // told at each start
	ready      func() bool   // whether every partition has been replayed
	closed     bool          // for good, whatever becomes of the gateway
}

type encodedPlan struct {
	plan *plan.Workflow
	data []byte
}

type (
	// submitRequest asks for one run per key of a plan.
	submitRequest struct {
		Submission
		room room
		// reply is told once. It must not block.
		reply func([]submitted, error)
	}
	closeGate struct{}
)

func newGateway(env *gatewayEnv) *Gateway { return &Gateway{env: env} }

// Receive implements actor.Actor.
func (g *Gateway) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *submitRequest:
		g.submit(ctx, m)
	case *toRun:
		g.toRun(ctx, m)
	case setProjects:
		g.env.projects = m.projects
		ctx.Respond(projectsSet{})
	case closeGate:
		g.env.closed = true
	case *actor.Started:
		g.env.arrived()
	case actor.SystemMessage, actor.AutoReceiveMessage, *actor.Stopping, *actor.Restarting:
	default:
		g.env.log.Warn("unexpected message", slog.String("type", fmt.Sprintf("%T", m)))
	}
}

// admit returns why a request is refused, or nil; then it has room in the queue.
func (g *Gateway) admit(m *submitRequest) error {
	switch {
	case g.env.closed:
		return errStopping
	case !g.env.ready():
		return problem.RetryIn(problem.Unavailable, time.Second, "the node is recovering: try again")
	}
	m.room.project, m.room.jobs = m.Project, int64(len(m.Keys))*int64(len(m.Plan.Jobs)-len(m.reused))
	m.room.plan, m.room.planBytes = m.Plan, g.env.metrics.waiting.planBytes(m.Plan)
	err := g.env.metrics.waiting.enter(&m.room, limits{
		pending: g.env.metrics.pending.Load(), all: g.env.queueLimit, project: int64(g.env.projects.Of(m.Project).Queued),
		plans: g.env.planRoom,
	})
	if err == nil && g.env.limiter != nil && !g.env.limiter.AllowN(time.Now(), len(m.Keys)) {
		wait := time.Duration(float64(len(m.Keys)) / float64(g.env.limiter.Limit()) * float64(time.Second))
		err = problem.RetryIn(problem.Exhausted, max(wait, 10*time.Millisecond),
			"more than %v submissions a second: slow down", g.env.limiter.Limit())
	}
	return err
}

func (g *Gateway) submit(ctx actor.Context, m *submitRequest) {
	if err := g.admit(m); err != nil {
		m.reply(nil, err)
		return
	}
	encoded, err := g.encode(m.Plan)
	if err != nil {
		m.reply(nil, problem.New(problem.Invalid, "the plan cannot be run: %v", err))
		return
	}
	now, count := time.Now(), len(g.env.partitions)
	if len(encoded) > plan.MaxBytes {
		m.reply(nil, problem.New(problem.Invalid,
			"the workflow takes %d bytes with its matrices expanded, more than %d: split it", len(encoded), plan.MaxBytes))
		return
	}
	batches, places := make([]*submitBatch, count), make([][]int, count)
	for i, key := range m.Keys {
		p, id := place(run.Key{Project: m.Project, Name: key}, m.Plan.Concurrency.Group, count)
		if batches[p] == nil {
			batches[p] = &submitBatch{plan: encoded}
		}
		batches[p].runs = append(batches[p].runs, run.Submission{
			ID: id, Plan: m.Plan, Key: key, Digest: m.Digest, Project: m.Project, Principal: m.Principal,
			Trace: m.Trace, At: now, RetryOf: m.retryOf, Reused: m.reused,
		})
		places[p] = append(places[p], i)
	}
	c := &collector{out: make([]submitted, len(m.Keys)), reply: m.reply}
	for _, b := range batches {
		if b != nil {
			c.left++
		}
	}
	for p, b := range batches {
		if b != nil {
			b.done = func(part []submitted, err error) { c.add(places[p], part, err) }
			ctx.Send(g.env.partitions[p], b)
		}
	}
}

// place returns a new run ID and the partition that it belongs to: the one of
// the concurrency group, so that one place says whose turn it is; else of the key, so
// that whether a key is new is known in one place. What a key of a group was used for
// outside of it is not known there.
func place(key run.Key, group string, count int) (partition.Number, run.ID) {
	text := cmp.Or(group, key.Name)
	if text == "" {
		id := newRunID()
		return partition.Of(string(id), count), id
	}
	if key.Project != project.Default { // others are where they were before there were projects
		text = key.Project + "/" + text
	}
	p := partition.Of(text, count)
	for {
		if id := newRunID(); partition.Of(string(id), count) == p {
			return p, id
		}
	}
}

// newRunID returns a ULID: they sort by the time of their making.
func newRunID() run.ID { return run.ID(ulid.Make().String()) }

// encode returns the stored form of a plan, made once for plans that come often.
// A plan that cannot become jobs is refused here: once stored, no replay could
// get past it.
func (g *Gateway) encode(w *plan.Workflow) ([]byte, error) {
	for _, e := range g.encoded {
		if e.plan == w {
			return e.data, nil
		}
	}
	if _, err := ledger.NewEntry(run.Submission{ID: "new", Plan: w}); err != nil {
		return nil, err
	}
	e := encodedPlan{w, messages.EncodePlan(w)}
	g.encoded[g.turn%len(g.encoded)] = e
	g.turn++
	return e.data, nil
}

func (g *Gateway) toRun(ctx actor.Context, m *toRun) {
	if g.env.closed || !g.env.ready() {
		ctx.Respond(cancelDone{errStopping})
		return
	}
	ctx.Forward(g.env.partitions[partition.Of(string(m.id), len(g.env.partitions))])
}

// collector joins the answers of several partitions into one.
type collector struct {
	mu    sync.Mutex
	left  int
	out   []submitted
	err   error
	reply func([]submitted, error)
}

func (c *collector) add(places []int, part []submitted, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, s := range part {
		c.out[places[i]] = s
		if s.err != nil && c.err == nil {
			c.err = s.err
		}
	}
	if err != nil {
		c.err = err
	}
	if c.left--; c.left > 0 {
		return
	}
	if c.err != nil {
		c.reply(nil, c.err)
		return
	}
	c.reply(c.out, nil)
}
