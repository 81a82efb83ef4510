package natsjs

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"yardmaster/cluster/journal"
)

const (
	startTimeout  = time.Minute
	serverPayload = 8 << 20
	maxStore      = 1 << 60 // bytes: only the disk itself is the limit
	systemUser    = "ym-system"
	plainUser     = "ym"
	disconnects   = "$SYS.ACCOUNT.*.DISCONNECT"
)

// ErrStuck means the server did not come up in time and cannot be stopped.
var ErrStuck = errors.New("natsjs: server: stuck at the start")

// ServerConfig is how the embedded server is started.
type ServerConfig struct {
	DataDir    string       // required; created at the first start
	Partitions uint32       // required; fixed at the first start
	Host       string       // to listen on; 127.0.0.1
	Port       int          // 0 or -1: any free port
	DontListen bool         // connections from this process only
	MaxPayload int32        // most bytes of a message; 8 MiB
	Logger     *slog.Logger // required
	// Fatal is told, once and on any goroutine, that the server cannot go on. It
	// must not block. May be nil.
	Fatal func(err error)
	// StartTimeout bounds the reading of the streams at the start; 1 min.
	StartTimeout time.Duration
	// AcceptLostMarks replaces a missing or damaged file of marks by an empty one.
	AcceptLostMarks bool
}

// Server is a nats-server in this process, with JetStream synced on every
// append, and its data directory.
type Server struct {
	nats   *server.Server
	dir    *dataDir
	secret string

	mu     sync.Mutex
	system *nats.Conn
}

// StartServer starts the embedded server. A data directory in use, of another
// format, or with another number of partitions is refused, as is an address in use.
// After ErrStuck the process should end: what hangs cannot be stopped, and keeps the lock.
func StartServer(cfg ServerConfig) (*Server, error) {
	if cfg.DataDir == "" || cfg.Partitions == 0 || cfg.Logger == nil {
		return nil, errors.New("natsjs: server: data directory, partitions and logger are required")
	}
	if cfg.Host == "" {
		cfg.Host = "127.0.0.1"
	}
	if cfg.Port == 0 {
		cfg.Port = server.RANDOM_PORT
	}
	if cfg.StartTimeout == 0 {
		cfg.StartTimeout = startTimeout
	}
	if cfg.MaxPayload == 0 {
		cfg.MaxPayload = serverPayload
	}
	if err := checkAddress(cfg); err != nil {
		return nil, err
	}
	dir, err := openDir(cfg.DataDir, cfg.Partitions, cfg.AcceptLostMarks)
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir, secret: rand.Text()}
	if err := s.start(cfg); errors.Is(err, ErrStuck) {
		return nil, err
	} else if err != nil {
		return nil, errors.Join(err, dir.close())
	}
	return s, nil
}

func (s *Server) start(cfg ServerConfig) error {
	system := server.NewAccount(server.DEFAULT_SYSTEM_ACCOUNT)
	ns, err := server.NewServer(&server.Options{
		ServerName: "yardmaster", Host: cfg.Host, Port: cfg.Port, DontListen: cfg.DontListen,
		JetStream: true, StoreDir: filepath.Join(cfg.DataDir, jetstreamDir), SyncAlways: true,
		// By itself it takes three quarters of what is free at the start as its limit, what
		// it has stored before not counted: then a disk half full would be too full to write.
		JetStreamMaxStore: maxStore,
		NoSigs:            true, MaxPayload: cfg.MaxPayload, MaxPending: server.MAX_PENDING_SIZE,
		DisableJetStreamBanner: true,
		// Frames for a worker that reads too slowly are dropped once three quarters of
		// MaxPending wait for it; by itself the server would hold back whoever sends them,
		// and all workers are served by one connection. What waits longer than the server's
		// deadline for writing, 10 s, ends the worker's connection.
		NoFastProducerStall: true,
		Accounts:            []*server.Account{system}, SystemAccount: system.Name, NoAuthUser: plainUser,
		Users: []*server.User{
			{Username: systemUser, Password: s.secret, Account: system}, {Username: plainUser, Password: rand.Text()},
		},
	})
	if err != nil {
		return fmt.Errorf("natsjs: server: %w", err)
	}
	log := &logger{log: cfg.Logger, fatal: cfg.Fatal}
	ns.SetLoggerV2(log, false, false, false)
	// A flipped bit in a stored sequence number can keep the server counting for hours.
	started := make(chan struct{})
	go func() { defer close(started); ns.Start() }()
	late := time.NewTimer(cfg.StartTimeout)
	defer late.Stop()
	select {
	case <-started:
	case <-late.C:
		return fmt.Errorf("%w: it still reads %s after %s; a stream there may be damaged", ErrStuck,
			filepath.Join(cfg.DataDir, jetstreamDir), cfg.StartTimeout)
	}
	if err = log.failure(); err == nil && !ns.ReadyForConnections(cfg.StartTimeout) {
		err = fmt.Errorf("natsjs: server: not ready after %s", cfg.StartTimeout)
	}
	if err != nil {
		ns.Shutdown()
		ns.WaitForShutdown()
		return err
	}
	s.nats = ns
	return nil
}

// URL returns where clients connect; empty when the server does not listen.
func (s *Server) URL() string {
	if s.nats.Addr() == nil {
		return ""
	}
	return s.nats.ClientURL()
}

// Marks returns the marks kept in the data directory. They are closed with the server.
func (s *Server) Marks() *journal.FileMarks { return s.dir.marks }

// Connect returns a connection inside the process. It is the caller's to close.
func (s *Server) Connect(ctx context.Context, cfg DialConfig) (*nats.Conn, error) {
	return dial(ctx, "", cfg, nats.InProcessServer(s.nats))
}

// OnDisconnect calls fn, on one goroutine, for each client connection that ends,
// with the name the client gave itself. It must not block. One call of OnDisconnect is
// enough; a second is an error.
func (s *Server) OnDisconnect(ctx context.Context, fn func(clientName, reason string)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.system != nil {
		return errors.New("natsjs: disconnections are being watched already")
	}
	ctx, cancel := context.WithTimeout(ctx, defaultDial)
	defer cancel()
	nc, err := dial(ctx, "", DialConfig{Name: "yardmaster-system"},
		nats.InProcessServer(s.nats), nats.UserInfo(systemUser, s.secret))
	if err != nil {
		return err
	}
	_, err = nc.Subscribe(disconnects, func(m *nats.Msg) {
		var e server.DisconnectEventMsg
		if json.Unmarshal(m.Data, &e) == nil {
			fn(e.Client.Name, e.Reason)
		}
	})
	if err == nil {
		err = nc.FlushWithContext(ctx)
	}
	if err != nil {
		nc.Close()
		return fmt.Errorf("natsjs: watch disconnections: %w", err)
	}
	s.system = nc
	return nil
}

// Shutdown stops the server and releases the data directory. When ctx ends first
// it returns its error, and the stop goes on.
func (s *Server) Shutdown(ctx context.Context) error {
	done := make(chan error, 1)
	go func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.system != nil {
			s.system.Close()
		}
		s.nats.Shutdown()
		s.nats.WaitForShutdown()
		done <- s.dir.close()
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("natsjs: shut the server down: %w", ctx.Err())
	}
}

// checkAddress says early, and with the flag's name, that a port is taken.
func checkAddress(cfg ServerConfig) error {
	if cfg.DontListen || cfg.Port < 0 {
		return nil
	}
	address := net.JoinHostPort(cfg.Host, strconv.Itoa(cfg.Port))
	l, err := net.Listen("tcp", address) //nolint:noctx // it does not wait
	if err != nil {
		return fmt.Errorf("natsjs: cannot listen on %s, choose another with --nats-listen: %w", address, err)
	}
	return l.Close()
}
