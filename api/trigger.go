package api

import (
	"context"
	"slices"

	"google.golang.org/protobuf/proto"

	"yardmaster/domain/problem"
	"yardmaster/messages"
	"yardmaster/workflow"
)

// MaxTriggerBytes is the most that a Trigger may take, in its binary form.
const MaxTriggerBytes = 2 << 20

// trigger returns what was submitted beside a file, and the digest of both: the same
// file for something else is another submission.
func (s *service) trigger(ctx context.Context, m *messages.Trigger, file [32]byte,
) (workflow.Submission, [32]byte, error) {
	if m == nil {
		return workflow.Submission{}, file, nil
	}
	if n := proto.Size(m); n > MaxTriggerBytes {
		return workflow.Submission{}, file, problem.New(problem.Invalid,
			"the trigger has %d bytes, more than %d", n, MaxTriggerBytes)
	}
	text, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		return workflow.Submission{}, file, problem.New(problem.Invalid, "the trigger cannot be read: %v", err)
	}
	digest, err := s.intake.digest(ctx, slices.Concat(file[:], text))
	return Beside(m), digest, err
}

// Beside returns what a file is read with that is submitted with m, which may be nil.
func Beside(m *messages.Trigger) workflow.Submission {
	return workflow.Submission{
		Event: m.GetEventName(), Payload: m.GetEvent(), GitHub: m.GetGithub(), Inputs: m.GetInputs(), Vars: m.GetVars(),
	}
}
