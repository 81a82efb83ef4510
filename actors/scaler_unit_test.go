package actors_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/require"

	"yardmaster/actors"
	"yardmaster/domain/scale"
	"yardmaster/domain/worker"
	"yardmaster/internal/testkit"
)

// controls is a scaler to which the test plays everybody else.
type controls struct {
	t      *testing.T
	pid    *actor.PID
	system *actor.ActorSystem
	probe  *testkit.Probe
	roster *actors.Roster
	view   *actors.ScalingView
	p      *testkit.Provider
	demand scale.Demand
	held   any // what a session was last asked for, to hold its worker back
}

// inControl runs a test with a scaler of one class.
func inControl(t *testing.T, c scale.Class, test func(t *testing.T, s *controls)) {
	t.Helper()
	inYard(t, func(t *testing.T, y *testkit.Yard) {
		n := y.StartNode()
		probe, err := testkit.NewProbe(n.System, "everybody")
		require.NoError(t, err)
		s := &controls{
			t: t, system: n.System, probe: probe, roster: actors.NewRoster(actors.NewAssignments()), p: testkit.NewProvider(),
		}
		s.demand = scale.Demand{Labels: []string{"linux"}, Typical: time.Hour}
		ctx, cancel := context.WithCancel(t.Context())
		s.pid, s.view = actors.StartScaler(n.System, actors.Scaling{
			Classes: []scale.Class{c}, Providers: map[string]actors.Provider{"machines": s.p},
		}, s.roster, probe.PID, ctx)
		test(t, s)
		cancel()
		n.System.Root.Stop(s.pid)
		elapse(time.Second)
	})
}

// round lets the scaler make one round, and returns what it asks sessions for.
func (s *controls) round() string {
	s.t.Helper()
	elapse(2 * time.Second)
	s.probe.Take()
	s.say(actors.DemandOf(s.demand))
	return s.asked()
}

func (s *controls) asked() string {
	var all []string
	for _, m := range s.probe.Take() {
		text := actors.Asks(m)
		if text == "" {
			continue
		}
		all = append(all, text)
		if strings.HasPrefix(text, "hold ") {
			s.held = m
		}
	}
	return strings.Join(all, ", ")
}

func (s *controls) say(m any) {
	s.system.Root.Send(s.pid, m)
	elapse(time.Millisecond)
}

// answers has the session of a worker that is to be held back, and the coordinator,
// say that this is done, and returns what the scaler asks others for then.
func (s *controls) answers(registered bool, held int) string {
	s.t.Helper()
	changed, holds := actors.WorkerHeld(s.held, registered, held)
	s.say(changed)
	s.say(holds)
	var then []string
	for _, asked := range strings.Split(s.asked(), ", ") {
		if !strings.HasPrefix(asked, "ask about ") {
			then = append(then, asked)
		}
	}
	return strings.Join(then, ", ")
}

// joins puts a worker on the roster that was launched.
func (s *controls) joins(name string, state worker.State) {
	s.roster.Put(actors.Member{
		ID: worker.ID(name), State: state, Labels: []string{"linux"}, Slots: 2, ConnectedAt: time.Now(),
	})
}

// launched has a worker launched, and returns its name.
func (s *controls) launched() string {
	s.t.Helper()
	s.demand.Waiting = 1
	s.round()
	s.demand.Waiting = 0
	require.Len(s.t, s.p.Running(), 1)
	return s.p.Running()[0]
}

// toDrain brings the scaler to where it wants a worker drained, and returns its name.
func (s *controls) toDrain() string {
	s.t.Helper()
	name := s.launched()
	s.joins(name, worker.Available)
	for range 60 {
		if s.round() == "hold "+name {
			return name
		}
	}
	require.FailNow(s.t, "it is never drained")
	return ""
}

func one() scale.Class {
	c := smallClass()
	c.Most = 1
	return c
}

func TestAWorkerIsRemovedOnlyWhenItHoldsNothing(t *testing.T) {
	t.Parallel()
	inControl(t, one(), func(t *testing.T, s *controls) {
		name := s.toDrain()
		require.Equal(t, "hold "+name, s.round(), "without an answer it is asked again")
		changed, _ := actors.WorkerHeld(s.held, true, 1)
		s.say(changed)
		require.Equal(t, "ask about "+name, s.asked())
		require.Empty(t, s.p.Removed())
		require.Equal(t, "release "+name, s.answers(true, 1), "it was given a job in between")
		require.Equal(t, []string{name}, s.p.Running())

		changed, holds := actors.WorkerHeld(s.held, true, 0) // of the wish that has ended
		require.Equal(t, "hold "+name, s.round(), "it is idle again, and still not needed")
		s.say(changed)
		s.say(holds)
		require.Empty(t, s.asked(), "it has been released since those were said")
		require.Empty(t, s.p.Removed())
		s.say(actors.NotHeld(s.held, errors.New("not stored")))
		require.Empty(t, s.asked(), "it may be given a job")

		require.Equal(t, "removed "+name, s.answers(true, 0))
		require.Equal(t, []string{name}, s.p.Removed())
		require.Empty(t, s.round())
		s.say(holds) // late
		require.Len(t, s.p.Removed(), 1)
	})
}

func TestALaunchThatRegistersWhileItIsGivenUpStays(t *testing.T) {
	t.Parallel()
	inControl(t, one(), func(t *testing.T, s *controls) {
		name := s.launched()
		for s.round() != "hold "+name {
			require.Less(t, time.Since(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)), time.Minute)
		}
		s.joins(name, worker.Draining)
		require.Equal(t, "release "+name, s.answers(true, 0))
		s.joins(name, worker.Available)
		require.Empty(t, s.round())
		require.Empty(t, s.p.Removed())
		v, _ := s.view.Of("small")
		require.Equal(t, 1, v.Connected)
	})
}

func TestAScalerThatCrashedGoesOnWithARemoval(t *testing.T) {
	t.Parallel()
	inControl(t, one(), func(t *testing.T, s *controls) {
		name := "small-00vhnczcyg98k3"
		require.NoError(t, s.p.Launch(t.Context(), one(), name))
		s.roster.Put(actors.Member{
			ID: worker.ID(name), State: worker.Draining, Labels: []string{"linux"}, Slots: 2, HeldBackBy: "autoscaler",
		})
		require.Equal(t, "hold "+name, s.round())
		s.answers(true, 0)
		require.Equal(t, []string{name}, s.p.Removed())
	})
}

func TestAWorkerThatAnOperatorDrainsIsLeftToHim(t *testing.T) {
	t.Parallel()
	inControl(t, one(), func(t *testing.T, s *controls) {
		name := "small-00vhnczcyg98k3"
		require.NoError(t, s.p.Launch(t.Context(), one(), name))
		s.joins(name, worker.Draining)
		for range 60 {
			require.Empty(t, s.round())
		}
		v, _ := s.view.Of("small")
		require.Equal(t, 1, v.Leaving)
	})
}

func TestAMachineWhoseWorkerFellSilentIsRemovedInTheEnd(t *testing.T) {
	t.Parallel()
	inControl(t, one(), func(t *testing.T, s *controls) {
		name := s.launched()
		s.joins(name, worker.Running)
		require.Empty(t, s.round())
		s.joins(name, worker.Unhealthy)
		require.Empty(t, s.round())
		s.joins(name, worker.Gone)
		begun := time.Now()
		for s.round() != "hold "+name {
			require.Less(t, time.Since(begun), time.Minute)
		}
		require.Greater(t, time.Since(begun), 30*time.Second, "it may come back")
		require.Equal(t, "release "+name, s.answers(false, 1), "jobs say that it has an attempt")
		require.Empty(t, s.round())
		for s.round() != "hold "+name {
			require.Less(t, time.Since(begun), 2*time.Minute)
		}
		s.answers(false, 0)
		require.Equal(t, []string{name}, s.p.Removed())
	})
}

func TestAMachineThatEndsBeforeItsWorkerRegistersIsAFailure(t *testing.T) {
	t.Parallel()
	inControl(t, one(), func(t *testing.T, s *controls) {
		name := s.launched()
		s.p.Lose(name)
		s.demand.Waiting = 1
		for range 6 {
			s.round()
		}
		v, _ := s.view.Of("small")
		require.Contains(t, strings.Join(v.Why, "\n"), "1 failure: "+name+" ended before it registered")
		for range 6 {
			s.round()
		}
		require.Len(t, s.p.Launched(), 2)
		require.NotEqual(t, s.p.Launched()[0], s.p.Launched()[1])
	})
}

func TestAWorkerWhoseMachineIsLostMakesRoomAtOnce(t *testing.T) {
	t.Parallel()
	inControl(t, one(), func(t *testing.T, s *controls) {
		name := s.launched()
		s.joins(name, worker.Running)
		s.round()
		s.p.Lose(name)
		s.joins(name, worker.Unhealthy)
		s.demand.Waiting = 1
		for range 6 {
			s.round()
		}
		require.Len(t, s.p.Running(), 1, "the roster still has the lost one")
	})
}

func TestALaunchThatFailedButWorkedIsTakenIn(t *testing.T) {
	t.Parallel()
	inControl(t, one(), func(t *testing.T, s *controls) {
		elapse(8 * time.Second) // until just before the provider is asked again
		s.p.Change(func(p *testkit.Provider) {
			p.OnLaunch = func(ctx context.Context, name string) error {
				s.p.Change(func(p *testkit.Provider) { p.OnLaunch = nil })
				require.NoError(t, s.p.Launch(ctx, one(), name))
				return testkit.ErrBroken
			}
		})
		s.demand.Waiting = 1
		for range 12 {
			s.round()
		}
		require.Len(t, s.p.Launched(), 1)
		v, _ := s.view.Of("small")
		require.Equal(t, 1, v.Booting)
	})
}

func TestAProviderThatNeverAnswersARemovalIsAskedAgain(t *testing.T) {
	t.Parallel()
	inControl(t, one(), func(t *testing.T, s *controls) {
		name := s.toDrain()
		hang := make(chan struct{})
		var calls atomic.Int32
		s.p.Change(func(p *testkit.Provider) {
			p.OnRemove = func(context.Context, string) error {
				if calls.Add(1) == 1 {
					<-hang
				}
				return nil
			}
		})
		for range 80 {
			if s.round() == "hold "+name {
				s.answers(true, 0)
			}
		}
		require.Equal(t, int32(2), calls.Load())
		require.Equal(t, []string{name}, s.p.Removed())
		close(hang)
		elapse(time.Second)
	})
}

func TestAnUnknownMessageHarmsNoScaler(t *testing.T) {
	t.Parallel()
	inControl(t, one(), func(t *testing.T, s *controls) {
		s.say("hello")
		require.Empty(t, s.round())
	})
}
