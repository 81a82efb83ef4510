package messages

import (
	"fmt"

	"yardmaster/domain/fleet"
	"yardmaster/domain/worker"
)

// WorkerChange returns the form in which a change of a worker is stored.
func WorkerChange(id worker.ID, says fleet.Says, c fleet.Change) *WorkerChanged {
	m := changeToProto(id, c)
	m.Labels, m.Slots, m.Resources, m.Pool = says.Labels, uint32(says.Slots), ResourcesToProto(says.Resources), says.Pool
	return m
}

// changeToProto leaves out what the worker says of itself.
func changeToProto(id worker.ID, c fleet.Change) *WorkerChanged {
	return &WorkerChanged{
		WorkerId: string(id), Incarnation: string(c.Incarnation), State: WorkerState(c.State), Reason: c.Reason,
		HeldBack: c.Settings.HeldBack, Added: c.Settings.Added, Removed: c.Settings.Removed, Alert: c.Alert,
	}
}

// FoldWorker adds a stored change to the fleet, or returns ErrMalformed.
func FoldWorker(f *fleet.Fleet, m *WorkerChanged, stamp Stamp) error {
	says, c, err := workerChange(m, stamp)
	if err == nil {
		f.Apply(worker.ID(m.GetWorkerId()), says, c)
	}
	return err
}

func workerChange(m *WorkerChanged, stamp Stamp) (fleet.Says, fleet.Change, error) {
	if m.GetWorkerId() == "" || m.GetState() < 0 || m.GetState() > WorkerState_WORKER_STATE_GONE {
		return fleet.Says{}, fleet.Change{}, fmt.Errorf("%w event: worker %q is in state %d",
			ErrMalformed, m.GetWorkerId(), m.GetState())
	}
	says := fleet.Says{
		Labels: m.GetLabels(), Slots: int(m.GetSlots()), Resources: ResourcesFromProto(m.GetResources()), Pool: m.GetPool(),
	}
	return says, fleet.Change{
		At: stamp.At, Principal: stamp.Principal, Incarnation: worker.Incarnation(m.GetIncarnation()),
		State: worker.State(m.GetState()), Reason: m.GetReason(), Alert: m.GetAlert(),
		Settings: worker.Settings{HeldBack: m.GetHeldBack(), Added: m.GetAdded(), Removed: m.GetRemoved()},
	}, nil
}

// ViewHistory returns what users see of the changes of a worker, oldest first.
func ViewHistory(r fleet.Record) []*WorkerEntry {
	entries := make([]*WorkerEntry, len(r.History))
	for i, c := range r.History {
		entries[i] = &WorkerEntry{UnixNanos: nanos(c.At), Principal: c.Principal, Changed: changeToProto(r.ID, c)}
	}
	return entries
}

// recordToProto returns a record for a snapshot: all of the newest change, and of
// those before it what is kept of them.
func recordToProto(r fleet.Record) *WorkerRecord {
	m := &WorkerRecord{History: ViewHistory(r)}
	last := r.Last()
	m.Last = &WorkerEntry{
		UnixNanos: nanos(last.At), Principal: last.Principal, Changed: WorkerChange(r.ID, r.Says, last),
	}
	m.History = m.History[:len(m.History)-1]
	return m
}

func recordFromProto(m *WorkerRecord) (fleet.Record, error) {
	id := m.GetLast().GetChanged().GetWorkerId()
	r := fleet.Record{ID: worker.ID(id), History: make([]fleet.Change, 0, len(m.GetHistory())+1)}
	for _, e := range append(m.GetHistory(), m.GetLast()) {
		says, c, err := workerChange(e.GetChanged(), Stamp{At: instant(e.GetUnixNanos()), Principal: e.GetPrincipal()})
		if err != nil {
			return fleet.Record{}, fmt.Errorf("%w in a snapshot", err)
		}
		r.Says = says
		r.History = append(r.History, c)
	}
	return r, nil
}
