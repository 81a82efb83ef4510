package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"yardmaster/api/apitest"
	"yardmaster/messages"
)

// crowd is a board with many jobs of all states.
func crowd(n int) *board {
	run := &messages.Run{RunId: apitest.RunID(1), Name: "nightly", State: running, SubmittedAt: at(0)}
	states := []messages.JobState{success, pending, failed, running, cancelled, success}
	for i := range n {
		j := &messages.Job{Index: uint32(i), Key: fmt.Sprintf("job-%d", i), State: states[i%len(states)]}
		switch j.GetState() { //nolint:exhaustive // the others show nothing more
		case running:
			j.StartedAt, j.Steps = at(3_000), []*messages.StepView{{Name: "run the tests of 日本語", Running: true}}
		case failed:
			j.StartedAt, j.EndedAt, j.Reason = at(1_000), at(1_250), "step 2 exited\x1b[2J with 1"
		case success:
			j.StartedAt, j.EndedAt = at(0), at(4_321_000)
		default:
		}
		run.Jobs = append(run.Jobs, j)
	}
	b := new(board)
	b.load(run)
	return b
}

func TestTheLiveViewFitsItsTerminal(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]frame{
		"live_wide":   {width: 100, height: 40},
		"live_narrow": {width: 32, height: 40},
		"live_short":  {width: 80, height: 7},
		"live_tiny":   {width: 5, height: 1},
		"live_ascii":  {width: 60, height: 10, style: style{ascii: true}},
		"live_color":  {width: 60, height: 10, style: style{color: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f.now = at(62_500).AsTime()
			golden(t, name+".txt", strings.Join(crowd(14).render(f), "\n")+"\n")
		})
	}
}

func TestNoLineOfTheLiveViewIsWiderThanTheTerminal(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f := frame{
			width: rapid.IntRange(20, 120).Draw(t, "width"), height: rapid.IntRange(3, 50).Draw(t, "height"),
			now:   at(rapid.IntRange(0, 1e9).Draw(t, "now")).AsTime(),
			style: style{color: rapid.Bool().Draw(t, "color"), ascii: rapid.Bool().Draw(t, "ascii")},
		}
		b := crowd(rapid.IntRange(0, 60).Draw(t, "jobs"))
		b.name = rapid.String().Draw(t, "name")
		for i := range b.jobs {
			b.jobs[i].key = rapid.String().Draw(t, "key")
			b.jobs[i].reason = rapid.String().Draw(t, "reason")
		}
		lines := b.render(f)
		if len(lines) > f.height {
			t.Fatalf("%d lines on %d", len(lines), f.height)
		}
		for _, line := range lines {
			if n := plainColumns(line); n >= f.width || strings.Contains(line, "\n") {
				t.Fatalf("%d columns on %d: %q", n, f.width, line)
			}
		}
	})
}

func TestTheScreenMovesWithinItsOwnLines(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := screen{w: &out}
	s.draw(nil, []string{"one", "\x1b[31mtwo\x1b[0m"}, 80)
	s.draw([]byte("log\n"), []string{"one"}, 80)
	s.draw(nil, []string{strings.Repeat("x", 30)}, 40)
	s.draw(nil, nil, 10) // narrower: the line fills three rows now
	assert.Equal(t, "\r\x1b[Jone\n\x1b[31mtwo\x1b[0m\n"+
		"\x1b[2A\r\x1b[Jlog\none\n"+
		"\x1b[1A\r\x1b[J"+strings.Repeat("x", 30)+"\n"+
		"\x1b[3A\r\x1b[J", out.String())
}

func TestOldNewsDoesNotTurnTheBoardBack(t *testing.T) {
	t.Parallel()
	b := crowd(4)
	ended := b.jobs[0]
	assert.Empty(t, b.apply(&messages.RunChange{JobIndex: 0, State: running, Attempt: 1}))
	assert.Equal(t, ended, b.jobs[0])
	assert.Empty(t, b.apply(&messages.RunChange{JobIndex: 99, State: running}))
	first := b.apply(&messages.RunChange{JobIndex: 1, State: running, Attempt: 1, WorkerId: "w1", At: at(9)})
	require.Len(t, first, 1)
	assert.Equal(t, "RUNNING on w1", first[0].text)
	assert.Empty(t, b.apply(&messages.RunChange{JobIndex: 1, State: running, Attempt: 1, WorkerId: "w1", At: at(9)}))
	again := b.apply(&messages.RunChange{JobIndex: 1, State: running, Attempt: 2, WorkerId: "w2", At: at(20)})
	require.Len(t, again, 1)
	assert.Equal(t, "RUNNING on w2 (attempt 2)", again[0].text)
	step := &messages.StepView{Name: "make", Running: true}
	b.apply(&messages.RunChange{JobIndex: 1, State: running, Attempt: 2, Step: step, StepIndex: 1})
	assert.Equal(t, "make", b.jobs[1].step)
	assert.Equal(t, "make", b.stepName(1)(1))
	assert.Equal(t, "step 1", b.stepName(1)(0))
	step = &messages.StepView{Name: "make", Outcome: messages.Outcome_OUTCOME_FAILED, ExitCode: 3}
	b.apply(&messages.RunChange{JobIndex: 1, State: running, Attempt: 2, Step: step, StepIndex: 1})
	end := b.apply(&messages.RunChange{JobIndex: 1, State: failed, Attempt: 2, At: at(1_009)})
	require.Len(t, end, 1)
	assert.Equal(t, "FAILED in 1.0s: make: exit code 3", end[0].text)
}

func TestOnlyColoursPassTheSanitizer(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain\ttext\n":                                             "plain\ttext\n",
		"\x1b[31mred\x1b[0m \x1b[1;38:5:9mx":                        "\x1b[31mred\x1b[0m \x1b[1;38:5:9mx",
		"a\x1b[2J\x1b[10;1H\x1b[?25lb":                              "ab",
		"\x1b]0;title\x07x\x1b]8;;http://e\x1b\\link\x1b]8;;\x1b\\": "xlink",
		"\x1bP+q544e\x1b\\x\x1b_app\x1b\\y":                         "xy",
		"\x1b(0x\x1bcy\x1b7z":                                       "xyz",
		"\u009b31mx\u009d0;t\u009cy":                                "\x1b[31mxy",
		"10%\r20%\r\n":                                              "10%\n20%\n",
		"bell\a back\b nul\x00 del\x7f":                             "bell back nul del",
		"\u202eevil\u2066":                                          "evil",
		"bad\xff\x9b2J utf8 日本":                                     "bad\ufffd\ufffd2J utf8 日本",
		"\x1b]never ended\nnext":                                    "\nnext",
		"\x1b[31":                                                   "",
		"\x1b[>4;2m\x1b[31 mx":                                      "x",
		"\x1b[" + strings.Repeat("1;", 99) + "mx":                   "x",
	} {
		s := sanitizer{colors: true}
		assert.Equal(t, want, string(s.appendTo(nil, []byte(in))), "%q", in)
		plain := sanitizer{}
		assert.NotContains(t, string(plain.appendTo(nil, []byte(in))), "\x1b", "%q", in)
	}
}

// FuzzSanitizer shows that text in pieces comes out as text in one, and that no
// control character but tab, line end and colours is left in it.
func FuzzSanitizer(f *testing.F) {
	f.Add([]byte("a\x1b[31mb\x1b]0;t\x07\r\nc\xe6\x97"), 3)
	f.Add([]byte("\x1bP\x1b\x1b\\x\u009b1m"), 1)
	f.Fuzz(func(t *testing.T, in []byte, cut int) {
		whole, pieces := sanitizer{colors: true}, sanitizer{colors: true}
		want := whole.appendTo(nil, in)
		at := 0
		if len(in) > 0 {
			at = int(uint(cut) % uint(len(in)))
		}
		got := pieces.appendTo(pieces.appendTo(nil, in[:at]), in[at:])
		if !bytes.Equal(want, got) {
			t.Fatalf("%q, in pieces %q", want, got)
		}
		plain := sanitizer{}
		for _, r := range string(plain.appendTo(nil, in)) {
			if r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0 {
				t.Fatalf("%q left of %q", r, in)
			}
		}
	})
}

func TestDurationsAreShort(t *testing.T) {
	t.Parallel()
	for want, d := range map[string]time.Duration{
		"0ms": -time.Second, "85ms": 85 * time.Millisecond, "3.2s": 3290 * time.Millisecond, "4m05s": 245 * time.Second,
		"2h03m": 2*time.Hour + 3*time.Minute, "3d04h": 76 * time.Hour,
	} {
		assert.Equal(t, want, duration(d))
	}
}

func TestALocaleDecidesOnGlyphs(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		env  map[string]string
		utf8 bool
	}{
		{nil, true},
		{map[string]string{"LANG": "en_US.UTF-8"}, true},
		{map[string]string{"LANG": "C"}, false},
		{map[string]string{"LC_ALL": "C.utf8", "LANG": "C"}, true},
		{map[string]string{"LC_CTYPE": "POSIX"}, false},
	} {
		assert.Equal(t, tt.utf8, utf8Locale(func(k string) string { return tt.env[k] }), tt.env)
	}
}
