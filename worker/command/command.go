// Package command finds in the output of a step the lines with which it says
// something to the worker:
//
//	::error file=main.go,line=3::unused variable
//
// Such a line begins with ::, after blanks if any, and with a known name. What it
// asks for is for others to do: the package is pure.
package command

import (
	"strconv"
	"strings"

	"yardmaster/domain/job"
)

// Names of commands.
const (
	AddMask      = "add-mask"
	StopCommands = "stop-commands"
	Error        = "error"
	Warning      = "warning"
	Notice       = "notice"
	Debug        = "debug"
	Group        = "group"
	EndGroup     = "endgroup"
	Echo         = "echo"
)

// Command is a line that says something to the worker.
type Command struct {
	Name string // in lower case
	Data string
	// Cut says that the line was too long, so that there is no Data.
	Cut        bool
	properties []property
}

type property struct{ name, value string }

// Property returns the value of a property, in whatever case its name is written, or "".
func (c Command) Property(name string) string {
	for i := len(c.properties) - 1; i >= 0; i-- {
		if strings.EqualFold(c.properties[i].name, name) {
			return c.properties[i].value
		}
	}
	return ""
}

const (
	mark   = "::"
	blanks = " \t\v\f"
)

// Parse reads a line, without its end. It reports false if the line is no command.
func Parse(line string) (Command, bool) {
	name, properties, data, ok := split(line)
	if name = strings.ToLower(name); !ok || !known(name) {
		return Command{}, false
	}
	c := Command{Name: name, Data: unescape(data, false)}
	for p := range strings.SplitSeq(properties, ",") {
		if key, value, ok := strings.Cut(strings.TrimSpace(p), "="); ok {
			c.properties = append(c.properties, property{key, unescape(value, true)})
		}
	}
	return c, true
}

// split takes "::name properties::data" apart.
func split(line string) (name, properties, data string, ok bool) {
	rest, ok := strings.CutPrefix(strings.TrimLeft(line, blanks), mark)
	if !ok {
		return "", "", "", false
	}
	head, data, ok := strings.Cut(rest, mark)
	name, properties, _ = strings.Cut(head, " ")
	return name, properties, data, ok
}

func known(name string) bool {
	switch name {
	case AddMask, StopCommands, Error, Warning, Notice, Debug, Group, EndGroup, Echo:
		return true
	}
	_, refused := refusal(name)
	return refused
}

// Refusal returns why a command is not obeyed and what to do, and false if it is.
// Whether the step has to fail of it is the third.
func (c Command) Refusal() (why string, refused, fails bool) {
	why, refused = refusal(c.Name)
	return why, refused, c.Name == "set-env" || c.Name == "add-path"
}

func refusal(name string) (why string, refused bool) {
	file := map[string]string{
		"set-env": "GITHUB_ENV", "add-path": "GITHUB_PATH", "set-output": "GITHUB_OUTPUT", "save-state": "GITHUB_STATE",
	}[name]
	switch {
	case file != "":
		return "the command " + name + " is refused, since any output could hold it: append to the file $" + file, true
	case name == "add-matcher", name == "remove-matcher":
		return "the command " + name + " has no effect: the log is not searched for problems", true
	}
	return "", false
}

// Annotation returns the remark that a command makes, and false if it makes none.
func (c Command) Annotation(step int) (job.Annotation, bool) {
	level := map[string]job.Level{Error: job.LevelError, Warning: job.LevelWarning, Notice: job.LevelNotice}[c.Name]
	if level == job.LevelUnknown {
		return job.Annotation{}, false
	}
	return job.Annotation{
		Level: level, Step: step, Message: c.Data, Title: c.Property("title"), File: c.Property("file"),
		Line: c.number("line"), EndLine: c.number("endLine"), Column: c.number("col"), EndColumn: c.number("endColumn"),
	}, true
}

// number is a property that counts from 1, or 0.
func (c Command) number(name string) int {
	n, err := strconv.ParseInt(c.Property(name), 10, 32)
	if err != nil {
		return 0
	}
	return int(max(0, n))
}

// unescape undoes what a command must do to characters that have a meaning in it.
func unescape(s string, property bool) string {
	if !strings.Contains(s, "%") {
		return s
	}
	pairs := []string{"%25", "%", "%0D", "\r", "%0A", "\n"}
	if property {
		pairs = append(pairs, "%3A", ":", "%2C", ",")
	}
	return strings.NewReplacer(pairs...).Replace(s)
}
