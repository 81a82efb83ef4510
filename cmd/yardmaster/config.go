package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"yardmaster/api"
	"yardmaster/domain/ledger"
	"yardmaster/domain/plan"
	"yardmaster/domain/project"
	"yardmaster/domain/resource"
	"yardmaster/domain/secret"
	"yardmaster/domain/worker"
	"yardmaster/provider/scalefile"
)

// nodeConfig is what an operator may choose about a coordinator node.
type nodeConfig struct {
	DataDir      string        // of the journal
	NodeID       string        // in the cluster; the host's name
	Listen       string        // HOST:PORT of the API
	NATSListen   string        // HOST:PORT for workers
	TokenFile    string        // tokens of the API; empty means loopback without any
	SecretsFile  string        // the key of the secrets; empty means that none can be set
	ProjectsFile string        // limits of projects; empty means none
	Partitions   int           // of the journal, fixed when the data directory is created
	QueueLimit   int           // queued jobs, beyond which submissions are refused
	KeepRuns     int           // ended runs that are kept
	KeyLife      time.Duration // of idempotency keys; 0 means the default
	LogRoom      int64         // bytes of logs that wait to be stored; 0 means the default
	PlanRoom     int64         // bytes of plans whose runs have not ended; 0 means the default
	Retention    time.Duration // of journal events that no snapshot needs; 0 means for ever
	SnapshotAt   int           // new events of a partition that make a snapshot worthwhile; 0 means the default
	SubmitRate   float64       // runs a second; 0 means unlimited
	Preempt      int           // points of priority, for which a job gives way; 0 means never
	PreemptAfter time.Duration // for a job to wait before another gives way
	Lease        time.Duration // for a silent worker to keep its attempts
	DrainTimeout time.Duration // for a stop in good order
	// AcceptLostMarks starts although the record of how far the journal had come
	// is lost, so that a cut journal would not be noticed.
	AcceptLostMarks bool
	ScaleFile       string // of the classes of workers; empty means that nothing is scaled
	ScaleDryRun     bool   // decides, and does nothing
	scaling         *scalefile.File
	Local           bool        // without TCP for NATS; for yardmaster run
	Projects        project.Set // what ProjectsFile says, once validated
	Logger          *slog.Logger
	tokens          *api.Tokens // of TokenFile; nil until that was read
	secretsKey      *secret.Key // of SecretsFile, likewise
}

// workerConfig is what an operator may choose about a worker.
type workerConfig struct {
	Server         string // URL of the server's NATS
	ID             string
	WorkDir        string          // of the workspaces
	MetricsListen  string          // HOST:PORT of /metrics; empty means none
	Labels         []string        // its operator's; what it finds comes beside them
	Slots          int             // at first, if it is not fixed
	SlotsMin       int             // 0: Slots is fixed, or 1
	SlotsMax       int             // 0: Slots is fixed, or slotsPerCore for each core
	Resources      resource.Amount // that jobs may take; of what is 0, all that is found
	Pool           string          // the trust pool; empty means the default
	NoProbe        bool            // find no labels
	Grace          time.Duration   // between SIGTERM and SIGKILL of a step
	DrainTimeout   time.Duration   // for its attempts to end when it is stopped
	LogCap         int64           // bytes of one attempt's log that are kept
	KeepWorkspaces bool
	Logger         *slog.Logger
	Node           *node // in the same process, for yardmaster run; else nil
}

// Bounds and defaults of configuration.
const (
	defaultAPIListen  = "127.0.0.1:8427"
	defaultNATSListen = "127.0.0.1:4222"
	defaultLogCap     = 64 << 20
	defaultLogRoom    = 64 << 20
	leastLogRoom      = 1 << 20
	mostLogRoom       = 1 << 40
	defaultPlanRoom   = 256 << 20
	leastPlanRoom     = 64 << 20 // the largest plan fits, of very many small steps
	mostPlanRoom      = 1 << 40
	shortestKeyLife   = time.Second
	defaultSnapshotAt = 200_000 // replaying them takes about a second
	leastSnapshotAt   = 1000
	mostSnapshotAt    = 1_000_000_000
	maxPartitions     = 1024
	maxSlots          = 10_000
	maxLabels         = 64 // given; as many again and more may be found
	slotsPerCore      = 16 // at most, unless an operator says otherwise
	maxQueue          = 10_000_000
	maxKept           = 10_000_000
	shortestLease     = 5 * time.Second
	longestLease      = 24 * time.Hour
	mostPreempt       = 2 * plan.MaxPriority // no two jobs differ in more
)

func (c *nodeConfig) bind(flags *pflag.FlagSet, dataDir, nodeID string) {
	flags.StringVar(&c.DataDir, "data-dir", dataDir, "`directory` of the journal")
	flags.StringVar(&c.NodeID, "node-id", nodeID, "`name` of this node")
	flags.StringVar(&c.Listen, "listen", defaultAPIListen, "`host:port` of the API; beyond loopback it needs --token-file")
	flags.StringVar(&c.NATSListen, "nats-listen", defaultNATSListen, "`host:port` where workers connect")
	flags.IntVar(&c.Partitions, "partitions", 4, "parts of the journal, fixed when the data directory is created")
	flags.IntVar(&c.QueueLimit, "queue-limit", 200_000, "queued `jobs`, beyond which submissions are refused")
	flags.StringVar(&c.ProjectsFile, "projects-file", "", "`file` with the limits of projects, read again at SIGHUP")
	flags.StringVar(&c.SecretsFile, "secrets-key-file", "",
		"`file` with the key that seals secrets, outside of --data-dir (see yardmaster secret key)")
	flags.IntVar(&c.KeepRuns, "keep-runs", 10_000, "ended `runs` that are kept")
	flags.DurationVar(&c.KeyLife, "key-life", ledger.KeyLife, "how long an idempotency key is remembered")
	flags.Int64Var(&c.LogRoom, "log-room", defaultLogRoom,
		"`bytes` of logs that may wait to be stored; beyond, steps wait")
	flags.Int64Var(&c.PlanRoom, "plan-room", defaultPlanRoom,
		"`bytes` of plans whose runs have not ended, beyond which submissions are refused")
	flags.DurationVar(&c.Retention, "journal-retention", 30*24*time.Hour,
		"how long the journal keeps history that it does not need; 0 means for ever")
	flags.IntVar(&c.SnapshotAt, "snapshot-after", defaultSnapshotAt,
		"`events` of a partition after which it gets a new snapshot")
	flags.Float64Var(&c.SubmitRate, "submit-rate", 0, "`runs` accepted a second; 0 means unlimited")
	flags.IntVar(&c.Preempt, "preempt", 0,
		"stop idempotent jobs for those that wait and have so many `points` of priority more; 0 means never")
	flags.DurationVar(&c.PreemptAfter, "preempt-after", 30*time.Second,
		"how long a job waits before another is stopped for it")
	flags.DurationVar(&c.Lease, "lease", 20*time.Second, "how long a silent worker keeps its jobs")
	flags.DurationVar(&c.DrainTimeout, "drain-timeout", 30*time.Second, "how long a stop in good order may take")
	flags.BoolVar(&c.AcceptLostMarks, "accept-lost-marks", false,
		"start although the file of journal marks is lost or damaged, after you have checked the disk")
	flags.StringVar(&c.ScaleFile, "scale-file", "", "`file` of the classes of workers whose number follows the load")
	flags.BoolVar(&c.ScaleDryRun, "scale-dry-run", false, "start and stop no workers, but say what would be done, and why")
}

// validate returns everything that is wrong with the configuration. It reads the
// token file and the projects file.
func (c *nodeConfig) validate() error {
	return errors.Join(
		check(c.DataDir != "", "--data-dir is empty"),
		checkName("--node-id", c.NodeID),
		api.CheckListen(c.Listen, c.TokenFile != ""),
		checkAddress("--nats-listen", c.NATSListen),
		checkRange("--partitions", c.Partitions, 1, maxPartitions),
		checkRange("--queue-limit", c.QueueLimit, 1, maxQueue),
		checkRange("--keep-runs", c.KeepRuns, 0, maxKept),
		check(c.LogRoom == 0 || c.LogRoom >= leastLogRoom && c.LogRoom <= mostLogRoom,
			"--log-room is %d; it can be from %d to %d", c.LogRoom, leastLogRoom, int64(mostLogRoom)),
		check(c.PlanRoom == 0 || c.PlanRoom >= leastPlanRoom && c.PlanRoom <= mostPlanRoom,
			"--plan-room is %d; it can be from %d to %d", c.PlanRoom, leastPlanRoom, int64(mostPlanRoom)),
		check(c.KeyLife == 0 || c.KeyLife >= shortestKeyLife,
			"--key-life is %s; it can be from %s on", c.KeyLife, shortestKeyLife),
		check(c.SnapshotAt == 0 || c.SnapshotAt >= leastSnapshotAt && c.SnapshotAt <= mostSnapshotAt,
			"--snapshot-after is %d; it can be from %d to %d", c.SnapshotAt, leastSnapshotAt, mostSnapshotAt),
		check(c.Retention >= 0, "--journal-retention is negative"),
		check(c.SubmitRate >= 0, "--submit-rate is negative"),
		checkRange("--preempt", c.Preempt, 0, mostPreempt),
		check(c.PreemptAfter >= 0, "--preempt-after is negative"),
		check(c.Lease >= shortestLease && c.Lease <= longestLease,
			"--lease is %s; it can be from %s to %s", c.Lease, shortestLease, longestLease),
		check(c.DrainTimeout > 0, "--drain-timeout is not positive"),
		c.readTokens(),
		c.readSecretsKey(),
		c.readProjects(),
		c.loadScaling(),
	)
}

// readTokens reads the token file, if there is one, and only once: it may be a
// pipe. So a file that cannot be used is told of before anything starts.
func (c *nodeConfig) readTokens() (err error) {
	if c.TokenFile != "" && c.tokens == nil {
		c.tokens, err = api.LoadTokens(c.TokenFile)
	}
	return err
}

func (c *workerConfig) bind(flags *pflag.FlagSet, workDir, id string) {
	flags.StringVar(&c.Server, "server", "nats://"+defaultNATSListen, "`URL` of the server")
	flags.StringVar(&c.ID, "id", id, "`name` of this worker, its own in the cluster")
	flags.StringVar(&c.WorkDir, "work-dir", workDir, "`directory` of the workspaces")
	flags.StringVar(&c.MetricsListen, "metrics-listen", "", "`host:port` of /metrics; empty means none")
	flags.StringSliceVar(&c.Labels, "labels", nil,
		"capabilities that jobs may demand with runs-on, beside what the worker finds")
	flags.BoolVar(&c.NoProbe, "no-probe", false, "do not look for capabilities: those of --labels are all")
	flags.IntVar(&c.Slots, "slots", runtime.NumCPU(), "`attempts` at once; with --slots-min or --slots-max, at first")
	flags.IntVar(&c.SlotsMin, "slots-min", 0, "have the worker size its slots by itself, from so many `attempts` on")
	flags.IntVar(&c.SlotsMax, "slots-max", 0, "have the worker size its slots by itself, up to so many `attempts`")
	flags.Var(&cpuFlag{&c.Resources.CPU}, "cpu", "`cores` that jobs may take in all, as 4 or 0.5 (default all)")
	flags.Var(&memoryFlag{&c.Resources.Memory}, "memory", "memory that jobs may take in all, as 8GiB (default all)")
	flags.StringVar(&c.Pool, "pool", "", "trust `pool` that the worker belongs to; empty means the default")
	flags.DurationVar(&c.Grace, "grace", 10*time.Second, "time for a cancelled step between SIGTERM and SIGKILL")
	flags.DurationVar(&c.DrainTimeout, "drain-timeout", 10*time.Minute, "time for running jobs to end after a stop")
	flags.Int64Var(&c.LogCap, "log-cap", defaultLogCap, "`bytes` kept of the log of one attempt")
	flags.BoolVar(&c.KeepWorkspaces, "keep-workspaces", false, "leave the workspace of each attempt behind")
}

// validate returns everything that is wrong with the configuration, and brings
// the labels into their form: lower case.
func (c *workerConfig) validate() error {
	faults := []error{
		checkServerURL(c.Server),
		checkName("--id", c.ID),
		check(c.WorkDir != "", "--work-dir is empty"),
		checkRange("--slots", c.Slots, 1, maxSlots),
		checkRange("--slots-min", c.SlotsMin, 0, maxSlots),
		checkRange("--slots-max", c.SlotsMax, 0, maxSlots),
		check(c.SlotsMax == 0 || c.SlotsMin <= c.SlotsMax, "--slots-min is %d and --slots-max %d", c.SlotsMin, c.SlotsMax),
		check(c.Grace > 0, "--grace is not positive"),
		check(c.DrainTimeout > 0, "--drain-timeout is not positive"),
		check(c.LogCap > 0, "--log-cap is not positive"),
		check(len(c.Labels) <= maxLabels, "--labels has %d labels, more than %d", len(c.Labels), maxLabels),
		checkPool(c.Pool),
	}
	if c.MetricsListen != "" {
		faults = append(faults, checkAddress("--metrics-listen", c.MetricsListen))
	}
	for i, label := range c.Labels {
		c.Labels[i] = strings.ToLower(strings.TrimSpace(label))
		faults = append(faults, checkLabel(c.Labels[i]))
	}
	c.boundSlots()
	return errors.Join(faults...)
}

// boundSlots fills in what of the bounds of a size was not said.
func (c *workerConfig) boundSlots() {
	if c.SlotsMin == 0 && c.SlotsMax == 0 {
		return
	}
	c.SlotsMin = max(c.SlotsMin, 1)
	if c.SlotsMax == 0 {
		c.SlotsMax = max(c.SlotsMin, min(slotsPerCore*runtime.NumCPU(), maxSlots))
	}
	c.Slots = min(max(c.Slots, c.SlotsMin), c.SlotsMax)
}

func check(ok bool, format string, args ...any) error {
	if ok {
		return nil
	}
	return fmt.Errorf(format, args...)
}

func checkRange(flag string, value, least, most int) error {
	return check(value >= least && value <= most, "%s is %d; it can be from %d to %d", flag, value, least, most)
}

// nameForm is the form of the names that become parts of NATS subjects.
var nameForm = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_-]{0,62}$`)

func checkName(flag, name string) error {
	return check(nameForm.MatchString(name), "%s: %q is not 1 to 63 letters, digits, _, -", flag, name)
}

func checkLabel(label string) error {
	return check(worker.CheckLabel(label) == nil,
		"--labels: %q is not 1 to 63 letters, digits or any of ._=/-, the first a letter or digit", label)
}

func checkPool(name string) error {
	return check(worker.CheckPool(name) == nil,
		"--pool: %q is not 1 to 63 lower-case letters, digits or any of ._-, the first a letter or digit", name)
}

func checkAddress(flag, addr string) error {
	_, port, err := net.SplitHostPort(addr)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	return check(err == nil, "%s: %q is not HOST:PORT", flag, addr)
}

func checkServerURL(s string) error {
	u, err := url.Parse(s)
	return check(err == nil && u.Host != "" && (u.Scheme == "nats" || u.Scheme == "tls"),
		"--server is not the URL of a server (nats://HOST:PORT)") // it may hold a password: do not show it
}

// configError presents all faults of a configuration at once.
func configError(err error) error {
	if err == nil {
		return nil
	}
	return usageError("%s", strings.ReplaceAll(err.Error(), "\n", "\nyardmaster: "))
}

// defaultName makes a name of the host's.
func defaultName() string {
	host, _ := os.Hostname()
	host, _, _ = strings.Cut(host, ".")
	name := strings.Map(func(r rune) rune {
		if nameForm.MatchString(string(r)) || r == '-' {
			return r
		}
		return '-'
	}, host)
	name = strings.TrimLeft(name, "-")
	if len(name) > 63 {
		name = name[:63]
	}
	if name == "" {
		return "yardmaster"
	}
	return name
}

// defaultDir returns where kind of data lies: under the user's state directory,
// or the system's for root.
func defaultDir(getenv func(string) string, kind string) string {
	if os.Geteuid() == 0 {
		return filepath.Join("/var/lib/yardmaster", kind)
	}
	if dir := getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "yardmaster", kind)
	}
	if home, err := os.UserHomeDir(); err == nil {
		return filepath.Join(home, ".local", "state", "yardmaster", kind)
	}
	return filepath.Join(os.TempDir(), "yardmaster", kind)
}
