package actors

import (
	"strconv"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"yardmaster/domain/job"
	"yardmaster/domain/partition"
	"yardmaster/domain/worker"
	"yardmaster/supervisor"
)

// Local IDs of the actors that others must be able to name.
const (
	nodeRoot      = "yardmaster"
	coordinatorID = nodeRoot + "/coordinator"
	registryID    = nodeRoot + "/fleet/registry"
	vaultID       = nodeRoot + "/vault"
	sessionsID    = nodeRoot + "/fleet/sessions"
	gatewayID     = nodeRoot + "/gateway"

	workerRoot = "worker"
	agentID    = workerRoot + "/agent"
	attemptsID = workerRoot + "/attempts"
)

func partitionName(p partition.Number) string { return "partition-" + strconv.Itoa(int(p)) }
func ownerID(p partition.Number) string       { return nodeRoot + "/" + partitionName(p) + "/owner" }
func runsID(p partition.Number) string        { return nodeRoot + "/" + partitionName(p) + "/runs" }
func jobsID(p partition.Number) string        { return nodeRoot + "/" + partitionName(p) + "/jobs" }

func attemptID(name string) string { return attemptsID + "/" + name }

// Restart intensities, with their reasons beside them in the drawing.
var (
	nodeIntensity      = supervisor.Intensity{Restarts: 5, Period: time.Minute}
	partitionIntensity = supervisor.Intensity{Restarts: 5, Period: time.Minute}
	manyIntensity      = supervisor.Intensity{Restarts: 200, Period: time.Minute}
	quickBackoff       = supervisor.Backoff{Base: 100 * time.Millisecond, Cap: 5 * time.Second}
	poisonBackoff      = supervisor.Backoff{Base: time.Second, Factor: 5, Cap: 25 * time.Second}
)

// poisonLimit is how many times in a row a job's actor may fail before the job
// is given up.
const poisonLimit = 3

// tree describes the actors of a coordinator node.
func (n *Node) tree() supervisor.Spec {
	s := supervisor.Spec{
		Name: nodeRoot, Strategy: supervisor.OneForOne, Intensity: nodeIntensity, Backoff: quickBackoff,
		Why: "what stands here announces itself anew after a restart; five crashes a minute are no accident",
		Children: []supervisor.Child{
			{
				Name: "coordinator", Does: "which job next, on which worker",
				Start: func() actor.Actor { return newCoordinator(n.coordinatorEnv) },
			},
			{Supervisor: n.fleet()},
			{
				Name: "vault", Does: "which secrets there are; keeps and removes them",
				Start: func() actor.Actor { return newVault(n.secrets) },
			},
			{
				Name: "scaler", Does: "how many workers there should be; has them started and stopped",
				Start: func() actor.Actor { return newScaler(n.scalerEnv) },
			},
		},
	}
	for p := range n.boards {
		spec := n.partition(partition.Number(p))
		s.Children = append(s.Children, supervisor.Child{Supervisor: &spec})
	}
	s.Children = append(s.Children, supervisor.Child{
		Name: "gateway", Does: "what enters from outside; last to start, first to stop",
		Start: func() actor.Actor { return newGateway(n.gatewayEnv) }, Mailbox: n.mailboxes.gateway,
	})
	return s
}

func (n *Node) fleet() *supervisor.Spec {
	return &supervisor.Spec{
		Name: "fleet", Strategy: supervisor.RestForOne, Intensity: nodeIntensity, Backoff: quickBackoff,
		Why: "sessions that fall together are begun anew by the registry, which holds no state of its own",
		Children: []supervisor.Child{
			{Supervisor: &supervisor.Spec{
				Name: "sessions", Strategy: supervisor.OneForOne, Intensity: manyIntensity, Backoff: quickBackoff,
				Why: "many workers may be struck by one cause; each says Hello again",
				Children: []supervisor.Child{{
					Name: "session", Does: "one worker: its lease, its heartbeats",
					Template: &supervisor.Template{
						Start:  func(name string) actor.Actor { return newSession(n.sessionEnv, worker.ID(name)) },
						Within: time.Minute, Quarantine: 10,
						OnQuarantine: func(name string, _ error, _ []byte) {
							n.system.Root.Send(n.local(sessionsID), &supervisor.Spawn{Name: name}) // it may be dead: its lease must end
						},
					},
				}},
			}},
			{
				Name: "registry", Does: "where workers announce themselves",
				Start: func() actor.Actor { return newRegistry(n.log, n.roster, n.boards[fleetPartition], n.local(sessionsID)) },
			},
		},
	}
}

func (n *Node) partition(p partition.Number) supervisor.Spec {
	env := n.partitionEnv(p)
	owner := n.local(ownerID(p))
	return supervisor.Spec{
		Name: partitionName(p), Strategy: supervisor.OneForAll, Intensity: partitionIntensity, Backoff: quickBackoff,
		Why: "jobs and runs stand on the replay of their owner; a journal that fails five times in a minute stays down",
		Children: []supervisor.Child{
			{Supervisor: &supervisor.Spec{
				Name: "jobs", Strategy: supervisor.OneForOne, Intensity: manyIntensity, Backoff: poisonBackoff,
				Why: "a lost journal strikes every job at once; one poisoned job is ended by its own limit",
				Children: []supervisor.Child{{
					Name: "job", Does: "one job that was assigned, or is told something, to its end", Mailbox: n.mailboxes.job,
					Template: &supervisor.Template{
						Start: func(name string) actor.Actor {
							id, _ := job.ParseID(name) // a name that is none finds no job on the board
							return newJob(env.share, id)
						},
						Quarantine: poisonLimit, Within: time.Minute,
						OnQuarantine: func(name string, reason error, _ []byte) {
							if id, err := job.ParseID(name); err == nil {
								n.boards[p].condemn(id) // before another Spawn of it is handled
							}
							n.system.Root.Send(owner, jobPoisoned{name, reason})
						},
					},
				}},
			}},
			{Supervisor: &supervisor.Spec{
				Name: "runs", Strategy: supervisor.OneForOne, Intensity: manyIntensity, Backoff: poisonBackoff,
				Why: "as for jobs",
				Children: []supervisor.Child{{
					Name: "run", Does: "one workflow run: which of its jobs may start", Mailbox: n.mailboxes.run,
					Template: &supervisor.Template{
						Start: func(name string) actor.Actor {
							return newRun(env.share, job.RunID(name), n.local(jobsID(p)))
						},
						Quarantine: poisonLimit, Within: time.Minute,
					},
				}},
			}},
			{
				Name: "owner", Does: "replays the journal, takes submissions, starts runs, queues jobs",
				Start:   func() actor.Actor { return newPartition(p, env, n.local(jobsID(p)), n.local(runsID(p))) },
				Mailbox: n.mailboxes.partition,
			},
		},
	}
}

// tree describes the actors of a worker.
func (n *WorkerNode) tree() supervisor.Spec {
	return supervisor.Spec{
		Name: workerRoot, Strategy: supervisor.OneForAll, Intensity: nodeIntensity, Backoff: quickBackoff,
		Why: "an agent that lost count of its attempts stops them all; their jobs are tried elsewhere",
		Children: []supervisor.Child{
			{Supervisor: &supervisor.Spec{
				Name: "attempts", Strategy: supervisor.OneForOne, Intensity: manyIntensity, Backoff: quickBackoff,
				Why: "one attempt's trouble is its own",
				Children: []supervisor.Child{{
					Name: "attempt", Does: "one attempt at a job: its steps, its log, its result",
					Template: &supervisor.Template{
						Start:      func(string) actor.Actor { return newAttempt(n.env, n.local(agentID)) },
						Quarantine: 1,
					},
				}},
			}},
			{
				Name: "agent", Does: "announces the worker, keeps its lease, takes attempts",
				Start: func() actor.Actor { return newAgent(n.env, n.local(attemptsID)) },
			},
		},
	}
}
