package actors

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"golang.org/x/time/rate"

	"yardmaster/domain/lease"
	"yardmaster/domain/partition"
	"yardmaster/domain/project"
	"yardmaster/domain/run"
	"yardmaster/domain/secret"
	"yardmaster/domain/worker"
	"yardmaster/messages"
	"yardmaster/supervisor"
)

// Limits of mailboxes. Behind each stands a limit of demand; these only keep a
// defect from taking the memory of the whole node.
const (
	gatewayMailbox   = 4096  // requests; a client waits for each
	partitionMailbox = 65536 // ends of jobs and batches
	jobMailbox       = 1024  // a chunk window and a few commands
	runMailbox       = 8192  // ends of the run's jobs
)

// Config is what a coordinator node is built from.
type Config struct {
	Log    *slog.Logger
	System *actor.ActorSystem // its address set
	Opener Opener
	Logs   Logs
	// Partitions is how many the cluster has; all are owned by this node.
	Partitions int
	Lease      lease.Lease
	QueueLimit int     // jobs that may wait
	SubmitRate float64 // runs a second; 0 means no limit
	Projects   project.Set
	// SecretsKey seals the secrets of projects. Without it none can be set, and jobs see
	// none.
	SecretsKey *secret.Key
	Preemption Preemption
	KeepRuns   int           // ended runs that stay readable
	KeyLife    time.Duration // of idempotency keys; 0 means 24 h
	LogRoom    int64         // bytes of log chunks that wait to be stored; 0 means 64 MiB
	PlanRoom   int64         // bytes of plans whose runs have not ended; 0 means 256 MiB
	NodeID     string
	Version    string
	NATSURL    string
	Metrics    *Metrics
	Hooks      supervisor.Hooks
	Gauges     *Gauges
	Scaling    Scaling
	// Dispatcher runs the actors; nil means Proto.Actor's own.
	Dispatcher actor.Dispatcher
}

// kept is what each partition keeps.
func (c *Config) kept() retention {
	return retention{runs: c.KeepRuns/c.Partitions + 1, keyLife: c.KeyLife}
}

// Gauges count the messages that wait in the mailboxes of each class of actor.
type Gauges struct {
	Gateway, Partitions, Jobs, Runs supervisor.Gauge
}

// Node is the actors of a coordinator node.
type Node struct {
	config    Config
	log       *slog.Logger
	system    *actor.ActorSystem
	startedAt time.Time

	boards      []*Board
	feed        *Feed
	roster      *Roster
	warned      warnings
	scaling     *ScalingView
	logs        Logs
	logRoom     *logRoom
	turns       *turns
	secrets     *secrets
	metrics     *Metrics
	plans       *messages.Plans
	gateway     *actor.PID
	coordinator *actor.PID

	coordinatorEnv *coordinatorEnv
	gatewayEnv     *gatewayEnv
	sessionEnv     *sessionEnv
	scalerEnv      *scalerEnv
	shares         []*atomic.Pointer[jobEnv]
	mailboxes      struct{ gateway, partition, job, run *supervisor.MailboxClass }

	supervision *supervisor.Tree
	ready       chan struct{}
	arriving    sync.Mutex
	awaited     map[string]struct{} // local IDs of those without whom it is not ready
	unpurged    []run.ID            // runs that are gone and whose logs are not; Compact's
	failed      chan error
	serving     context.Context //nolint:containedctx // the life of the node, for streams that outlive a request
	stopServing context.CancelFunc
	stopped     <-chan struct{}
}

// NewNode prepares a node and starts nothing.
func NewNode(c Config) *Node {
	n := &Node{
		config: c, log: c.Log, system: c.System, startedAt: time.Now(), feed: NewFeed(),
		roster: NewRoster(c.Metrics.assignments), logs: c.Logs, metrics: c.Metrics, plans: messages.NewPlans(),
		ready: make(chan struct{}), awaited: map[string]struct{}{gatewayID: {}},
		failed:  make(chan error, 1),
		logRoom: &logRoom{size: cmp.Or(c.LogRoom, defaultLogRoom)},
		turns:   newTurns(turnsAlone*runtime.GOMAXPROCS(0), turnsShared*runtime.GOMAXPROCS(0), mostInLine, turnPatience),
	}
	n.serving, n.stopServing = context.WithCancel(context.Background())
	n.stopped = n.serving.Done()
	n.gateway, n.coordinator = n.local(gatewayID), n.local(coordinatorID)
	n.mailboxes.gateway = &supervisor.MailboxClass{Limit: gatewayMailbox, Gauge: &c.Gauges.Gateway}
	n.mailboxes.partition = &supervisor.MailboxClass{Limit: partitionMailbox, Gauge: &c.Gauges.Partitions}
	n.mailboxes.job = &supervisor.MailboxClass{Limit: jobMailbox, Gauge: &c.Gauges.Jobs}
	n.mailboxes.run = &supervisor.MailboxClass{Limit: runMailbox, Gauge: &c.Gauges.Runs}
	owners, jobs := make([]*actor.PID, c.Partitions), make([]*actor.PID, c.Partitions)
	for p := range c.Partitions {
		n.boards = append(n.boards, NewBoard(n.feed))
		n.shares = append(n.shares, new(atomic.Pointer[jobEnv]))
		owners[p] = n.local(ownerID(partition.Number(p)))
		jobs[p] = n.local(jobsID(partition.Number(p)))
		n.awaited[owners[p].GetId()] = struct{}{}
	}
	n.secrets = &secrets{log: c.Log, key: c.SecretsKey, board: n.boards[fleetPartition], share: n.shares[fleetPartition]}
	n.coordinatorEnv = &coordinatorEnv{
		log: c.Log, roster: n.roster, projects: c.Projects, partitions: owners, jobs: jobs,
		registry:   n.local(registryID),
		preemption: c.Preemption,
	}
	n.gatewayEnv = &gatewayEnv{
		log: c.Log, metrics: c.Metrics, partitions: owners, queueLimit: int64(c.QueueLimit), projects: c.Projects,
		planRoom: cmp.Or(c.PlanRoom, defaultPlanRoom),
		arrived:  func() { n.arrived(gatewayID) }, ready: n.Ready,
	}
	if c.SubmitRate > 0 {
		n.gatewayEnv.limiter = rate.NewLimiter(rate.Limit(c.SubmitRate), max(1000, int(c.SubmitRate)))
	}
	n.sessionEnv = &sessionEnv{
		log: c.Log, lease: c.Lease, roster: n.roster, boards: n.boards, coordinator: n.coordinator,
		metrics: c.Metrics, share: n.shares[fleetPartition],
	}
	n.scaling = newScalingView(c.Scaling)
	n.scalerEnv = &scalerEnv{
		Scaling: c.Scaling, log: c.Log, roster: n.roster, registry: n.local(registryID), coordinator: n.coordinator,
		view: n.scaling, serving: n.serving, patience: time.Duration(c.Lease.GivenAwayAt(0)),
	}
	return n
}

func (n *Node) local(id string) *actor.PID { return actor.NewPID(n.system.Address(), id) }

func (n *Node) partitionEnv(p partition.Number) *partitionEnv {
	return &partitionEnv{
		log: n.log, opener: n.config.Opener, logs: n.logs, room: n.logRoom, metrics: n.metrics,
		board: n.boards[p], plans: n.plans,
		specs: new(specCache), secrets: n.secrets, kept: n.config.kept(), coordinator: n.coordinator, refuse: n.fail,
		replayed: func() { n.replayed(p) }, share: n.shares[p],
	}
}

// replayed notes that a partition has been replayed, and has its workers watched.
func (n *Node) replayed(p partition.Number) {
	if p == fleetPartition {
		n.system.Root.Send(n.local(registryID), fleetReplayed{})
	}
	n.arrived(ownerID(p))
}

// Start runs the actors. Ready tells when every partition has been replayed.
func (n *Node) Start() error {
	tree, err := supervisor.Start(n.system, n.tree(), func(reason error) {
		n.fail(fmt.Errorf("the actors of the node failed beyond repair: %w", reason))
	}, supervisionOptions(n.log, n.config.Hooks, n.config.Dispatcher)...)
	n.supervision = tree
	return err
}

// supervisionOptions are those of nodes and workers alike.
func supervisionOptions(log *slog.Logger, hooks supervisor.Hooks, d actor.Dispatcher) []supervisor.Option {
	options := []supervisor.Option{supervisor.WithLogger(log), supervisor.WithHooks(hooks)}
	if d != nil {
		options = append(options, supervisor.WithDispatchers(func(string) actor.Dispatcher { return d }))
	}
	return options
}

// AwaitReady returns when every partition has been replayed, or with the reason
// why that will not be.
func (n *Node) AwaitReady(ctx context.Context) error {
	select {
	case <-n.ready:
		return nil
	case err := <-n.failed:
		n.fail(err)
		return err
	case <-ctx.Done():
		return fmt.Errorf("actors: not ready: %w", ctx.Err())
	}
}

// Ready reports whether every partition has been replayed.
func (n *Node) Ready() bool {
	select {
	case <-n.ready:
		return true
	default:
		return false
	}
}

// arrived notes that an actor is there. It is no message, since the one who
// would count them may not be there yet, or not any more.
func (n *Node) arrived(id string) {
	n.arriving.Lock()
	defer n.arriving.Unlock()
	_, first := n.awaited[id]
	delete(n.awaited, id)
	if first && len(n.awaited) == 0 {
		close(n.ready)
	}
}

// fail tells that the node has failed, unless that was told before.
func (n *Node) fail(err error) {
	select {
	case n.failed <- err:
	default:
	}
}

// Failed tells, once, that the node has failed beyond repair.
func (n *Node) Failed() <-chan error { return n.failed }

// Backend returns what the API needs.
func (n *Node) Backend() Backend { return Backend{n} }

// Roster shows the workers that the node knows.
func (n *Node) Roster() *Roster { return n.roster }

// Scaling shows how many workers there should be.
func (n *Node) Scaling() *ScalingView { return n.scaling }

// Compact makes new snapshots of the partitions whose journals have grown, and
// removes the logs of runs that are no longer kept. One call at a time.
func (n *Node) Compact(ctx context.Context) error {
	var errs []error
	for p := range n.boards {
		n.unpurged = append(n.unpurged, n.boards[p].takeGone()...)
		f := newFold(n.config.kept(), messages.NewPlans())
		errs = append(errs, n.config.Opener.Compact(ctx, partition.Number(p), f))
	}
	if len(n.unpurged) > 0 {
		err := n.logs.Purge(ctx, n.unpurged)
		if err == nil {
			n.unpurged = nil
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// WorkerDisconnected says that the connection of a worker has ended: it gets
// nothing new until it is heard of again.
func (n *Node) WorkerDisconnected(id string) {
	n.system.Root.Send(n.local(registryID), disconnected{worker.ID(id)})
}

// CloseGate refuses new work from now on. Jobs go on.
func (n *Node) CloseGate() { n.system.Root.Send(n.gateway, closeGate{}) }

// Stop ends the actors in the reverse order of their start. Jobs that run on
// workers go on there; what is stored is found at the next start.
func (n *Node) Stop(ctx context.Context) error {
	n.stopServing()
	if n.supervision == nil {
		return nil
	}
	return supervisor.Stop(ctx, n.supervision)
}
