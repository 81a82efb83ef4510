package command_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"yardmaster/domain/job"
	"yardmaster/worker/command"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestALineIsACommandOrNot(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{ // name, data and two properties
		"::error::it broke":                      "error|it broke||",
		"::ERROR::it broke":                      "error|it broke||",
		" \t::warning::blanks in front":          "warning|blanks in front||",
		"::error file=a.go,line=3::x":            "error|x|a.go|3",
		"::error file=a%3Ab%2Cc%25,line=3::x":    "error|x|a:b,c%|3",
		"::error FILE=a,file=b::the last counts": "error|the last counts|b|",
		"::error  file = a ,, line=4::blanks":    "error|blanks||4",
		"::error file=a=b::x":                    "error|x|a=b|",
		"::error file::no value":                 "error|no value||",
		"::notice::a%0Ab%0Dc%25d%250Ae%3A":       "notice|a\nb\rc%d%0Ae%3A||",
		"::group::a::b":                          "group|a::b||",
		"::endgroup::":                           "endgroup|||",
		"::debug::":                              "debug|||",
		"::echo::on":                             "echo|on||",
		"::add-mask::s3cret":                     "add-mask|s3cret||",
		"::stop-commands::token":                 "stop-commands|token||",
		"::set-env name=A::b":                    "set-env|b||",
		"::add-path::/bin":                       "add-path|/bin||",
		"::set-output name=A::b":                 "set-output|b||",
		"::save-state name=A::b":                 "save-state|b||",
		"::add-matcher::m.json":                  "add-matcher|m.json||",
		"":                                       "none",
		":":                                      "none",
		"::":                                     "none",
		"::::":                                   "none",
		"::error":                                "none",
		"::error:x":                              "none",
		"error::x":                               "none",
		"a ::error::x":                           "none",
		"::unknown::x":                           "none",
		"::error,file=a::x":                      "none",
		":: error::x":                            "none",
		"std::vector<int>::iterator":             "none",
		"::std::vector":                          "none",
		"##[error]x":                             "none",
		"::error title=" + "a%0Db" + ",file=c::x":      "error|x|c|",
		"::error file=%3a::lower digits are no escape": "error|lower digits are no escape|%3a|",
	} {
		c, ok := command.Parse(line)
		got := "none"
		if ok {
			got = strings.Join([]string{c.Name, c.Data, c.Property("file"), c.Property("line")}, "|")
		}
		assert.Equal(t, want, got, line)
	}
}

func TestSomeCommandsAreRefusedWithAHint(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"::set-env name=A::b":    "append to the file $GITHUB_ENV true",
		"::add-path::b":          "append to the file $GITHUB_PATH true",
		"::set-output name=A::b": "append to the file $GITHUB_OUTPUT false",
		"::save-state name=A::b": "append to the file $GITHUB_STATE false",
		"::add-matcher::b":       "is not searched for problems false",
	} {
		c, ok := command.Parse(line)
		require.True(t, ok, line)
		why, refused, fails := c.Refusal()
		assert.True(t, refused, line)
		assert.Contains(t, why+fmt.Sprintf(" %t", fails), want)
	}
	c, _ := command.Parse("::error::x")
	_, refused, fails := c.Refusal()
	assert.False(t, refused || fails)
}

func TestSomeCommandsAreRemarks(t *testing.T) {
	t.Parallel()
	c, _ := command.Parse("::warning file=a.go,line=1,endLine=2,col=3,endColumn=4,title=t::m")
	a, ok := c.Annotation(5)
	require.True(t, ok)
	assert.Equal(t, job.Annotation{
		Level: job.LevelWarning, Step: 5, Message: "m", Title: "t", File: "a.go",
		Line: 1, EndLine: 2, Column: 3, EndColumn: 4,
	}, a)

	c, _ = command.Parse("::error line=x,col=-1,endLine=99999999999::m")
	a, ok = c.Annotation(0)
	require.True(t, ok)
	assert.Equal(t, job.Annotation{Level: job.LevelError, Message: "m"}, a)

	c, _ = command.Parse("::group::m")
	_, ok = c.Annotation(0)
	assert.False(t, ok)
}

// scan returns what a Scanner shows of a text that comes in pieces, and the commands.
func scan(pieces ...string) (shown string, commands []string) {
	s := command.NewScanner(func(c command.Command) {
		commands = append(commands, fmt.Sprintf("%s=%s", c.Name, c.Data))
	})
	var out []byte
	for _, p := range pieces {
		if s.Pass([]byte(p)) {
			out = append(out, p...)
			continue
		}
		out = s.Append(out, []byte(p))
	}
	return string(s.End(out)), commands
}

func TestCommandsAreFoundInOutput(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, shown, commands string }{
		"none":             {"a::b\n c\r\nd", "a::b\n c\r\nd", ""},
		"one":              {"a\n::error::b\nc\n", "a\n::error::b\nc\n", "error=b"},
		"first":            {"::error::b\nc", "::error::b\nc", "error=b"},
		"without an end":   {"a\n::error::b", "a\n::error::b", "error=b"},
		"behind a return":  {"50 %\r::error::b\rc", "50 %\r::error::b\rc", "error=b"},
		"within a line":    {"a ::error::b\n", "a ::error::b\n", ""},
		"blank lines":      {"\n\n  \n\t", "\n\n  \n\t", ""},
		"colons":           {":\n::\n:::\n: ::error::\n", ":\n::\n:::\n: ::error::\n", ""},
		"a mask":           {"a\n::add-mask::s\nb\n", "a\nb\n", "add-mask=s"},
		"a mask, CRLF":     {"a\r\n::add-mask::s\r\nb\r\n", "a\r\nb\r\n", "add-mask=s"},
		"masks, CR":        {"::add-mask::s\r::add-mask::t\r\n\nb", "\nb", "add-mask=s add-mask=t"},
		"a mask at an end": {"a\n  ::add-mask::s", "a\n", "add-mask=s"},
		"stopped": {
			"::stop-commands::T1\n::add-mask::s\n::error::b\n::T2::\n::t1::\n::error::c\n",
			"::stop-commands::T1\n::add-mask::s\n::error::b\n::T2::\n::t1::\n::error::c\n", "error=c",
		},
		"a token that will not do": {
			"::stop-commands::\n::stop-commands::Error\n::error::b\n",
			"::stop-commands::\n::stop-commands::Error\n::error::b\n", "stop-commands= stop-commands=Error error=b",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for size := 1; size <= len(c.text); size++ {
				var pieces []string
				for rest := c.text; rest != ""; {
					n := min(size, len(rest))
					pieces, rest = append(pieces, rest[:n]), rest[n:]
				}
				shown, commands := scan(pieces...)
				assert.Equal(t, c.shown, shown, size)
				assert.Equal(t, c.commands, strings.Join(commands, " "), size)
			}
		})
	}
}

func TestAStepBeginsWithALineOfItsOwn(t *testing.T) {
	t.Parallel()
	var commands []string
	s := command.NewScanner(func(c command.Command) { commands = append(commands, c.Data) })
	out := s.Append(nil, []byte("::stop-commands::T\nno end"))
	out = s.End(out)
	out = s.Append(out, []byte("::error::a"))
	out = s.End(out)
	assert.Equal(t, "::stop-commands::T\nno end::error::a", string(out))
	assert.Equal(t, []string{"a"}, commands)
}

func TestALongLineIsNoCommand(t *testing.T) {
	t.Parallel()
	long := "::error::" + strings.Repeat("x", command.MaxLine) + "\n::error::b\n"
	shown, commands := scan(long[:1000], long[1000:200_000], long[200_000:])
	assert.Equal(t, long, shown)
	assert.Equal(t, []string{"error=b"}, commands)

	shown, commands = scan(strings.Repeat(" ", 300) + "::error::b\n")
	assert.Len(t, shown, 311)
	assert.Empty(t, commands)

	long = " ::Add-Mask::" + strings.Repeat("s", command.MaxLine) + "\r\na\n"
	shown, commands = scan(long[:5], long[5:200_000], long[200_000:])
	assert.Equal(t, "a\n", shown, "what was to be hidden is")
	assert.Equal(t, []string{"add-mask="}, commands)
}

func TestOutputIsTheSameHoweverItIsCut(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOf(rapid.SampledFrom([]string{
			"::error::", "::add-mask::", "::stop-commands::tok", "::tok::", "a", " ", ":", "::", "\n", "\r", "\r\n", "\t",
		})).Draw(t, "parts")
		text := strings.Join(parts, "")
		var pieces []string
		for rest := text; rest != ""; {
			n := rapid.IntRange(1, min(len(rest), 9)).Draw(t, "piece")
			pieces, rest = append(pieces, rest[:n]), rest[n:]
		}
		whole, all := scan(text)
		shown, commands := scan(pieces...)
		require.Equal(t, whole, shown)
		require.Equal(t, all, commands)
		if !strings.Contains(text, "add-mask") {
			require.Equal(t, text, shown)
		}
	})
}

func FuzzScanner(f *testing.F) {
	f.Add("a\n::add-mask::s\r\nb ::error file=a::c", uint8(3))
	f.Fuzz(func(t *testing.T, text string, size uint8) {
		whole, all := scan(text)
		var pieces []string
		for rest := text; rest != ""; {
			n := min(int(size)+1, len(rest))
			pieces, rest = append(pieces, rest[:n]), rest[n:]
		}
		shown, commands := scan(pieces...)
		if shown != whole || strings.Join(all, "\n") != strings.Join(commands, "\n") || len(shown) > len(text) {
			t.Fatalf("%q and %q of %q", shown, whole, text)
		}
	})
}

func BenchmarkPass(b *testing.B) {
	text := []byte(strings.Repeat("2026-01-02T03:04:05Z compiling std::vector<int>::iterator in src/a.cc\n", 900))
	s := command.NewScanner(func(command.Command) {})
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if !s.Pass(text) {
			b.Fatal("there is no command in it")
		}
	}
}
