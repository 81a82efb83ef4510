package supervisor_test

import (
	"slices"
	"testing"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"yardmaster/supervisor"
)

// manual is a dispatcher by which the test itself runs the mailbox.
type manual struct{ ready []func() }

func (d *manual) Schedule(run func()) { d.ready = append(d.ready, run) }
func (*manual) Throughput() int       { return 3 }

func (d *manual) runAll() {
	for len(d.ready) > 0 {
		run := d.ready[0]
		d.ready = d.ready[1:]
		run()
	}
}

// recorder is an actor context reduced to what a mailbox needs. A negative user
// message panics, and thereby suspends the mailbox.
type recorder struct {
	box      *supervisor.Mailbox
	user     []int
	system   int
	mixed    bool // a user message was handled while a system message waited
	waiting  int  // system messages posted and not handled
	depthOff bool
	depth    int
}

func (r *recorder) InvokeUserMessage(m any) {
	r.depth--
	r.mixed = r.mixed || r.waiting > 0
	r.depthOff = r.depthOff || r.box.UserMessageCount() != r.depth
	r.user = append(r.user, m.(int))
	if m.(int) < 0 {
		panic("negative")
	}
}

func (r *recorder) InvokeSystemMessage(any) { r.system++; r.waiting-- }

func (r *recorder) EscalateFailure(any, any) { r.box.PostSystemMessage(&actor.SuspendMailbox{}) }

// TestMailboxAgainstAModel posts, runs, suspends and resumes at will, and checks
// order, depth, limit and suspension against a plain list.
func TestMailboxAgainstAModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(0, 5).Draw(t, "limit")
		refused := 0
		class := &supervisor.MailboxClass{
			Limit: limit, Gauge: new(supervisor.Gauge),
			Reject: func(*actor.PID, any) { refused++ },
		}
		box := class.New().(*supervisor.Mailbox)
		rec, disp := &recorder{box: box}, new(manual)
		var waiting, want []int
		wantRefused, system, suspended, started := 0, 0, false, false
		for i := range rapid.IntRange(1, 80).Draw(t, "steps") {
			switch rapid.IntRange(0, 6).Draw(t, "step") {
			case 0:
				box.PostSystemMessage(&actor.Watch{})
				system++
				rec.waiting++
			case 1:
				if started {
					box.PostSystemMessage(&actor.SuspendMailbox{})
					suspended = true
				}
			case 2:
				if started {
					box.PostSystemMessage(&actor.ResumeMailbox{})
					suspended = false
				}
			case 3:
				if !started {
					box.RegisterHandlers(rec, disp)
					box.Start()
					started = true
				}
				disp.runAll()
				for !suspended && len(waiting) > 0 {
					suspended = waiting[0] < 0
					want, waiting = append(want, waiting[0]), waiting[1:]
				}
				require.Equal(t, system, rec.system, "system messages handled")
			default:
				m := i + 1
				if rapid.IntRange(0, 9).Draw(t, "panics") == 0 {
					m = -m
				}
				if started && limit > 0 && len(waiting) >= limit {
					wantRefused++
				} else {
					waiting = append(waiting, m)
					rec.depth++
				}
				box.PostUserMessage(m)
			}
			require.Equal(t, len(waiting), box.UserMessageCount(), "depth")
			require.EqualValues(t, len(waiting), class.Gauge.Depth(), "gauge")
			require.True(t, slices.Equal(want, rec.user), "handled %v, want %v", rec.user, want)
			require.Equal(t, wantRefused, refused, "refused")
		}
		require.False(t, rec.mixed, "a user message went before a system message")
		require.False(t, rec.depthOff, "depth seen while handling")
	})
}
