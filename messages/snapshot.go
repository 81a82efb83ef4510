package messages

import (
	"cmp"
	"fmt"

	"google.golang.org/protobuf/proto"

	"yardmaster/domain/job"
	"yardmaster/domain/ledger"
	"yardmaster/domain/plan"
	"yardmaster/domain/project"
	"yardmaster/domain/run"
)

// EncodeLedger returns the whole state of a partition, for a snapshot.
func EncodeLedger(l *ledger.Ledger) []byte {
	m, index := &LedgerSnapshot{}, map[*plan.Workflow]uint32{}
	planOf := func(w *plan.Workflow) uint32 {
		i, ok := index[w]
		if !ok {
			i = uint32(len(m.Plans))
			index[w] = i
			m.Plans = append(m.Plans, EncodePlan(w))
		}
		return i
	}
	for e := range l.Live() {
		m.Live = append(m.Live, &LiveRun{Plan: planOf(e.Run.Plan), Run: runToRecord(e)})
	}
	for e := range l.EndedRuns() {
		m.Ended = append(m.Ended, &EndedRun{Plan: planOf(e.Plan), RunId: string(e.ID), Packed: e.Packed})
	}
	for key, use := range l.Keys() {
		m.Keys = append(m.Keys, &KeyUse{
			Key: key.Name, RunId: string(use.Run), Digest: use.Purpose[:], UnixNanos: nanos(use.At),
			Project: projectToProto(key.Project),
		})
	}
	for r := range l.Workers.All() {
		m.Workers = append(m.Workers, recordToProto(r))
	}
	for r := range l.Secrets.All() {
		m.Secrets = append(m.Secrets, &SecretRecord{
			UnixNanos: nanos(r.At), Principal: r.By, Stored: secretToProto(r),
		})
	}
	return must(proto.Marshal(m))
}

// DecodeLedger adds to l, which must be empty, what EncodeLedger wrote, or
// returns ErrMalformed.
func DecodeLedger(data []byte, l *ledger.Ledger, plans *Plans) error {
	var m LedgerSnapshot
	if err := proto.Unmarshal(data, &m); err != nil {
		return fmt.Errorf("%w snapshot: %w", ErrMalformed, err)
	}
	decoded := make([]*plan.Workflow, len(m.GetPlans()))
	for i, p := range m.GetPlans() {
		w, err := plans.Decode(p)
		if err != nil {
			return err
		}
		decoded[i] = w
	}
	planAt := func(i uint32) (*plan.Workflow, error) {
		if int(i) >= len(decoded) {
			return nil, fmt.Errorf("%w snapshot: plan %d of %d", ErrMalformed, i, len(decoded))
		}
		return decoded[i], nil
	}
	for _, k := range m.GetKeys() {
		use := ledger.KeyUse{Run: run.ID(k.GetRunId()), At: instant(k.GetUnixNanos())}
		copy(use.Purpose[:], k.GetDigest())
		l.PutKey(run.Key{Project: cmp.Or(k.GetProject(), project.Default), Name: k.GetKey()}, use)
	}
	for _, e := range m.GetEnded() {
		w, err := planAt(e.GetPlan())
		if err != nil {
			return err
		}
		ended, err := endedRun(e, w)
		if err != nil {
			return err
		}
		l.PutEnded(ended)
	}
	for _, lr := range m.GetLive() {
		w, err := planAt(lr.GetPlan())
		if err != nil {
			return err
		}
		entry, err := runFromRecord(lr.GetRun(), w)
		if err != nil {
			return err
		}
		l.Restore(entry)
	}
	for _, w := range m.GetWorkers() {
		r, err := recordFromProto(w)
		if err != nil {
			return err
		}
		l.Workers.Restore(r)
	}
	for _, m := range m.GetSecrets() {
		r, err := secretFromProto(m.GetStored(), Stamp{At: instant(m.GetUnixNanos()), Principal: m.GetPrincipal()})
		if err != nil {
			return fmt.Errorf("%w in a snapshot", err)
		}
		l.Secrets.Put(r)
	}
	return nil
}

func endedRun(m *EndedRun, w *plan.Workflow) (ledger.Ended, error) {
	var r RunRecord
	if err := proto.Unmarshal(m.GetPacked(), &r); err != nil {
		return ledger.Ended{}, fmt.Errorf("%w snapshot: run %s: %w", ErrMalformed, m.GetRunId(), err)
	}
	if !StateFromProto(r.GetState()).Final() {
		return ledger.Ended{}, fmt.Errorf("%w snapshot: run %s ended in state %d", ErrMalformed, m.GetRunId(), r.GetState())
	}
	return ledger.Ended{
		ID: job.RunID(m.GetRunId()), Plan: w, Project: cmp.Or(r.GetProject(), project.Default),
		State: StateFromProto(r.GetState()), SubmittedAt: instant(r.GetSubmittedUnixNanos()),
		EndedAt: instant(r.GetEndedUnixNanos()), Packed: m.GetPacked(), Logged: logged(&r),
	}, nil
}

func logged(r *RunRecord) bool {
	for _, j := range r.GetJobs() {
		for _, a := range j.GetAttempts() {
			if r := a.GetResult(); r.GetLog().GetChunks() > 0 || r.GetOutcome() == Outcome_OUTCOME_LOST {
				return true
			}
		}
	}
	return false
}
