package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"yardmaster/actors"
	"yardmaster/api"
	"yardmaster/cluster/bridge"
	"yardmaster/cluster/journal"
	"yardmaster/cluster/natsjs"
	"yardmaster/domain/lease"
	"yardmaster/domain/project"
	"yardmaster/observe"
	"yardmaster/supervisor"
)

const (
	// compactEvery is how often journals are looked at for a new snapshot.
	compactEvery = 10 * time.Second
	// readyWithin bounds the start of a node: the replay of its journals.
	readyWithin = 3 * time.Minute
)

// node is a coordinator node in this process. Its parts stand in the order of
// their start and are stopped in the reverse one.
type node struct {
	cfg     nodeConfig
	server  *natsjs.Server
	conn    *nats.Conn
	bridge  *bridge.Bridge
	actors  *actors.Node
	apiURL  string
	failed  chan error
	cancel  context.CancelFunc // of what runs beside the actors
	beside  sync.WaitGroup
	closers []func(context.Context) error
}

// startNode starts a coordinator node and returns when it is ready: its journals
// are replayed, workers can join, and its API answers.
func startNode(ctx context.Context, cfg nodeConfig) (*node, error) {
	n := &node{cfg: cfg, failed: make(chan error, 4)}
	if err := n.start(ctx); err != nil {
		stopping, cancel := context.WithTimeout(context.Background(), cfg.DrainTimeout)
		defer cancel()
		return nil, errors.Join(err, n.Stop(stopping))
	}
	return n, nil
}

func (n *node) start(ctx context.Context) error {
	listener, err := listenAPI(ctx, n.cfg)
	if err != nil {
		return err
	}
	n.later(func(context.Context) error { return ignoreClosed(listener.Close()) })
	metrics := observe.NewNode()
	js, err := n.startNATS(ctx, metrics)
	if err != nil {
		return err
	}
	if err := n.startActors(ctx, js, metrics); err != nil {
		return err
	}
	if err := n.openDoors(); err != nil {
		return err
	}
	return n.startAPI(listener, metrics)
}

// later adds what Stop does, before everything that was added earlier.
func (n *node) later(stop func(context.Context) error) { n.closers = append(n.closers, stop) }

func (n *node) fail(err error) {
	select {
	case n.failed <- err:
	default:
	}
}

func (n *node) startNATS(ctx context.Context, metrics *observe.Node) (jetstream.JetStream, error) {
	host, port := "", 0
	if !n.cfg.Local {
		h, p, err := net.SplitHostPort(n.cfg.NATSListen)
		if err != nil {
			return nil, fmt.Errorf("--nats-listen: %w", err)
		}
		if port, err = strconv.Atoi(p); err != nil {
			return nil, fmt.Errorf("--nats-listen: port %q is not a number", p)
		}
		host = h
	}
	server, err := natsjs.StartServer(natsjs.ServerConfig{
		DataDir: n.cfg.DataDir, Partitions: uint32(n.cfg.Partitions), Host: host, Port: port, DontListen: n.cfg.Local,
		Logger: n.cfg.Logger, Fatal: n.fail, AcceptLostMarks: n.cfg.AcceptLostMarks,
	})
	if err != nil {
		return nil, err
	}
	n.server = server
	n.later(server.Shutdown)
	conn, err := server.Connect(ctx, natsjs.DialConfig{Name: n.cfg.NodeID, Changes: metrics.Connectivity})
	if err != nil {
		return nil, err
	}
	n.conn = conn
	n.later(func(context.Context) error { conn.Close(); return nil })
	js, err := jetstream.New(conn)
	if err != nil {
		return nil, err
	}
	done, err := natsjs.Ensure(ctx, js, natsjs.Streams(uint32(n.cfg.Partitions), 1))
	if len(done.Created)+len(done.Updated)+len(done.Removed) > 0 {
		n.cfg.Logger.Debug("streams brought up to date", slog.Any("created", done.Created),
			slog.Any("updated", done.Updated), slog.Any("removed", done.Removed))
	}
	return js, err
}

func (n *node) startActors(ctx context.Context, js jetstream.JetStream, metrics *observe.Node) error {
	system := bridge.NewSystem(n.cfg.NodeID, bridge.NewEpoch(bridge.Coordinator, time.Now()), n.cfg.Logger)
	n.later(func(context.Context) error { system.Shutdown(); return nil })
	snapshots, err := natsjs.OpenSnapshots(ctx, js, 1)
	if err != nil {
		return err
	}
	logs, err := natsjs.OpenLogs(ctx, js)
	if err != nil {
		return err
	}
	pool := supervisor.NewPool()
	n.later(func(context.Context) error { pool.Close(); return nil })
	running, cancel := context.WithCancel(context.Background())
	n.cancel = cancel
	ready, stop := context.WithTimeout(ctx, readyWithin)
	defer stop()
	ready, giveUp := context.WithCancelCause(ready)
	defer giveUp(nil)
	opener := &opener{
		partitions: &natsjs.Partitions{
			JS: js, Snapshots: snapshots, Marks: n.server.Marks(), Owner: n.cfg.NodeID, Hooks: metrics.Journal(),
			Log: n.cfg.Logger, Retention: n.cfg.Retention, CompactAfter: uint64(n.cfg.SnapshotAt), //nolint:gosec // checked
		},
		heads: map[uint32]headed{},
		damaged: func(err error) {
			n.fail(err)
			giveUp(err)
		},
	}
	n.bridge, err = bridge.Start(system, natsjs.NewTransport(n.conn, system.Address(), ""), bridge.Config{
		NodeID: n.cfg.NodeID, Role: bridge.Coordinator, Allow: allow, Hooks: metrics.Bridge(),
	})
	if err != nil {
		return err
	}
	scaling, err := n.scaling()
	if err != nil {
		return err
	}
	n.actors = actors.NewNode(actors.Config{
		Log: n.cfg.Logger, System: system, Opener: opener, Logs: &logStore{ctx: running, logs: logs, count: n.cfg.Partitions},
		Partitions: n.cfg.Partitions, Lease: lease.Lease{Length: n.cfg.Lease, Margin: lease.DefaultMargin},
		QueueLimit: n.cfg.QueueLimit, SubmitRate: n.cfg.SubmitRate, KeepRuns: n.cfg.KeepRuns,
		LogRoom: n.cfg.LogRoom, PlanRoom: n.cfg.PlanRoom,
		NodeID: n.cfg.NodeID, SecretsKey: n.cfg.secretsKey, Projects: n.cfg.Projects, KeyLife: n.cfg.KeyLife,
		Preemption: actors.Preemption{By: n.cfg.Preempt, After: max(n.cfg.PreemptAfter, 1)},
		Version:    readBuildInfo().Version, NATSURL: n.server.URL(), Metrics: metrics.Actors, Hooks: metrics.Supervision(),
		Gauges: metrics.Mailboxes, Dispatcher: pool, Scaling: scaling,
	})
	metrics.Watch(n.actors.Roster())
	metrics.WatchLogs(n.actors.LogUse)
	watchPlans(metrics, n.actors)
	watchTurns(metrics, n.actors.TurnUse)
	metrics.WatchScaling(n.actors.Scaling())
	n.later(n.bridge.Close)
	n.later(n.actors.Stop)
	if err := n.actors.Start(); err != nil {
		return err
	}
	if err := n.actors.AwaitReady(ready); err != nil {
		return notReady(ready, err, opener)
	}
	n.beside.Go(func() { n.watch(running) })
	return nil
}

// notReady says why the actors could not begin, as far as it is known.
func notReady(ready context.Context, err error, o *opener) error {
	if fault := new(journal.Fault); errors.As(context.Cause(ready), &fault) {
		return fault
	}
	if errors.Is(err, actors.ErrWrongKey) {
		return fmt.Errorf("--secrets-key-file: it is not the key that the secrets were sealed with: %w; "+
			"give the right file, or start without one, remove the secrets and set them anew", err)
	}
	return errors.Join(err, o.failure())
}

// allow is what other nodes may say to the actors of this one.
func allow(peer bridge.Peer, target string, system bool, typeName string) bool {
	return peer.Role == bridge.Coordinator || actors.WorkerMay(peer.NodeID, target, system, typeName)
}

// openDoors lets workers in, now that the node knows what they may have.
func (n *node) openDoors() error {
	if err := n.bridge.Listen(); err != nil {
		return err
	}
	n.later(func(context.Context) error { return n.bridge.Deafen() })
	stop, err := natsjs.ServeDiscovery(n.conn, n.bridge.Address())
	if err != nil {
		return err
	}
	n.later(func(context.Context) error { return stop() })
	if n.cfg.Local {
		return nil
	}
	return n.server.OnDisconnect(context.Background(), func(name, _ string) {
		if id, ok := strings.CutPrefix(name, workerClient); ok {
			n.actors.WorkerDisconnected(id)
		}
	})
}

func (n *node) startAPI(listener net.Listener, metrics *observe.Node) error {
	if err := n.cfg.readTokens(); err != nil {
		return err
	}
	intake := api.NewIntake()
	watchIntake(metrics, intake)
	handler := api.NewHandler(backend{n.actors.Backend(), space{n.cfg.DataDir}}, api.Config{
		Tokens: n.cfg.tokens, Metrics: metrics.Handler(), Logger: n.cfg.Logger, Intake: intake,
	})
	serving, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { // ends with serving
		err := api.Serve(serving, listener, handler)
		if err != nil && serving.Err() == nil {
			n.fail(fmt.Errorf("the API stopped: %w", err))
		}
		ended <- err
	}()
	n.later(func(ctx context.Context) error {
		n.actors.CloseGate()
		stop()
		select {
		case err := <-ended:
			return ignoreClosed(err)
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	n.apiURL = "http://" + listener.Addr().String()
	return nil
}

// watch compacts journals, and ends the node when its actors gave up.
func (n *node) watch(ctx context.Context) {
	tick := time.NewTicker(compactEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case err := <-n.actors.Failed():
			n.fail(err)
			return
		case <-tick.C:
			if err := n.actors.Compact(ctx); err != nil && ctx.Err() == nil {
				n.cfg.Logger.Error("no snapshot could be made", slog.String("error", err.Error()))
			}
		}
	}
}

// listenAPI takes the API's port first, so that a port in use is told before
// anything has been started.
func listenAPI(ctx context.Context, cfg nodeConfig) (net.Listener, error) {
	if err := api.CheckListen(cfg.Listen, cfg.TokenFile != ""); err != nil {
		return nil, err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("--listen: %w", err)
	}
	return listener, nil
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// APIURL is where its API answers.
func (n *node) APIURL() string { return n.apiURL }

// Done gives the error that ended it, if it fails.
func (n *node) Done() <-chan error { return n.failed }

// SetProjects changes what projects may have.
func (n *node) SetProjects(ctx context.Context, set project.Set) error {
	return n.actors.SetProjects(ctx, set)
}

// Stop stops what serves others first, and what that relied on afterwards. Jobs
// on workers go on; they are found again at the next start.
func (n *node) Stop(ctx context.Context) error {
	if n.cancel != nil {
		n.cancel()
	}
	n.beside.Wait()
	var errs []error
	for i := len(n.closers) - 1; i >= 0; i-- {
		errs = append(errs, n.closers[i](ctx))
	}
	n.closers = nil
	return errors.Join(errs...)
}
