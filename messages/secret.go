package messages

import (
	"fmt"

	"google.golang.org/protobuf/types/known/timestamppb"

	"yardmaster/domain/job"
	"yardmaster/domain/project"
	"yardmaster/domain/secret"
)

// EncodeSecret returns the event that keeps a secret. Its time and principal are those
// of the record.
func EncodeSecret(r secret.Record) []byte {
	m := Stamp{At: r.At, Principal: r.By}.event(job.ID{})
	m.What = &HistoryEvent_SecretStored{SecretStored: secretToProto(r)}
	return encode(m)
}

// EncodeSecretRemoval returns the event that removes a secret.
func EncodeSecretRemoval(ref secret.Ref, stamp Stamp) []byte {
	m := stamp.event(job.ID{})
	m.What = &HistoryEvent_SecretRemoved{SecretRemoved: &SecretRemoved{Project: ref.Project, Name: ref.Name}}
	return encode(m)
}

// ViewSecret returns what users see of a secret: never its value.
func ViewSecret(r secret.Record) *Secret {
	return &Secret{Name: r.Name, SetAt: timestamppb.New(r.At), Principal: r.By}
}

func secretToProto(r secret.Record) *SecretStored {
	return &SecretStored{Project: r.Project, Name: r.Name, Sealed: r.Sealed}
}

func (h History) secretStored(m *SecretStored) (History, error) {
	r, err := secretFromProto(m, h.Stamp)
	if err != nil {
		return History{}, err
	}
	h.Secret = &r
	return h, nil
}

func (h History) secretRemoved(m *SecretRemoved) (History, error) {
	ref, err := secretRef(m.GetProject(), m.GetName())
	if err != nil {
		return History{}, err
	}
	h.Removed = &ref
	return h, nil
}

func secretFromProto(m *SecretStored, stamp Stamp) (secret.Record, error) {
	ref, err := secretRef(m.GetProject(), m.GetName())
	return secret.Record{Ref: ref, Sealed: m.GetSealed(), At: stamp.At, By: stamp.Principal}, err
}

func secretRef(of, name string) (secret.Ref, error) {
	if project.CheckName(of) != nil || secret.CheckName(name) != nil || secret.Canonical(name) != name {
		return secret.Ref{}, fmt.Errorf("%w event: a secret without a good name", ErrMalformed)
	}
	return secret.Ref{Project: of, Name: name}, nil
}
