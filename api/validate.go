package api

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"yardmaster/domain/problem"
	"yardmaster/domain/project"
	"yardmaster/messages"
	"yardmaster/workflow"
)

const (
	runIDLength  = 26
	runIDLetters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
)

// ValidRunID reports whether id has the form of a run ID: a ULID in upper case.
func ValidRunID(id string) bool {
	if len(id) != runIDLength || id[0] > '7' {
		return false
	}
	for i := range len(id) {
		if strings.IndexByte(runIDLetters, id[i]) < 0 {
			return false
		}
	}
	return true
}

func checkRunID(id string) error {
	if !ValidRunID(id) {
		return problem.New(problem.Invalid, "%q is not a run ID: it has 26 digits and capital letters", short(id))
	}
	return nil
}

// submissionKeys returns the key of each submission, and one empty key where
// there is no submission.
func submissionKeys(req *messages.SubmitRunsRequest) ([]string, error) {
	if err := checkName("file name", req.GetFileName()); err != nil {
		return nil, err
	}
	if err := checkProject(req.GetProject()); err != nil {
		return nil, err
	}
	if n := len(req.GetWorkflow()); n > workflow.MaxFileBytes {
		return nil, problem.New(problem.Invalid, "the workflow has %d bytes, more than %d", n, workflow.MaxFileBytes)
	}
	submissions := req.GetSubmissions()
	if len(submissions) > MaxSubmissions {
		return nil, problem.New(problem.Invalid, "%d submissions in one request, more than %d",
			len(submissions), MaxSubmissions)
	}
	keys := make([]string, max(1, len(submissions)))
	for i, s := range submissions {
		if err := checkKey(s.GetIdempotencyKey(), fmt.Sprintf(" of submission %d", i+1)); err != nil {
			return nil, err
		}
		keys[i] = s.GetIdempotencyKey()
	}
	return keys, nil
}

// checkKey checks an idempotency key; of says whose it is.
func checkKey(key, of string) error {
	if len(key) > MaxKeyBytes {
		return problem.New(problem.Invalid, "the idempotency key%s has %d bytes, more than %d", of, len(key), MaxKeyBytes)
	}
	if !printable(key) {
		return problem.New(problem.Invalid, "the idempotency key%s has a character that cannot be printed", of)
	}
	return nil
}

// checkProject checks the name of a project, which may be left out.
func checkProject(name string) error {
	if name == "" {
		return nil
	}
	if err := project.CheckName(name); err != nil {
		return problem.New(problem.Invalid, "%s", err)
	}
	return nil
}

// checkList checks a request and fills in its limit.
func checkList(req *messages.ListRunsRequest) error {
	if req.GetLimit() > MaxListed {
		return problem.New(problem.Invalid, "the limit is %d, more than %d", req.GetLimit(), MaxListed)
	}
	if req.GetLimit() == 0 {
		req.Limit = DefaultListed
	}
	if id := req.GetBeforeRunId(); id != "" {
		if err := checkRunID(id); err != nil {
			return err
		}
	}
	if len(req.GetStates()) > len(messages.JobState_name) {
		return problem.New(problem.Invalid, "%d states, more than there are", len(req.GetStates()))
	}
	for _, state := range req.GetStates() {
		if _, ok := messages.JobState_name[int32(state)]; !ok || state == messages.JobState_JOB_STATE_UNSPECIFIED {
			return problem.New(problem.Invalid, "there is no job state %d", state)
		}
	}
	if err := checkProject(req.GetProject()); err != nil {
		return err
	}
	return checkName("name", req.GetName())
}

func checkCancel(req *messages.CancelRunRequest) error {
	if err := checkRunID(req.GetRunId()); err != nil {
		return err
	}
	if err := checkName("job key", req.GetJobKey()); err != nil {
		return err
	}
	return checkReason(req.GetReason())
}

func checkReason(reason string) error {
	if n := len(reason); n > MaxReasonBytes {
		return problem.New(problem.Invalid, "the reason has %d bytes, more than %d", n, MaxReasonBytes)
	}
	if !printable(reason) {
		return problem.New(problem.Invalid, "the reason has a character that cannot be printed")
	}
	return nil
}

func checkName(what, name string) error {
	if len(name) > maxNameBytes {
		return problem.New(problem.Invalid, "the %s has %d bytes, more than %d", what, len(name), maxNameBytes)
	}
	if !printable(name) {
		return problem.New(problem.Invalid, "the %s has a character that cannot be printed", what)
	}
	return nil
}

// printable reports whether s is UTF-8 without control characters.
func printable(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return utf8.ValidString(s) && strings.IndexFunc(s, hidden) < 0
		}
		if s[i] < ' ' || s[i] == 0x7f {
			return false
		}
	}
	return true
}

func hidden(r rune) bool { return r != ' ' && !unicode.IsGraphic(r) }

// short cuts what a caller sent to what a message can bear.
func short(s string) string {
	const most = 64
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}
