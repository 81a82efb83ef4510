package actors

import "yardmaster/domain/secret"

// Secrets are kept in the partition of the fleet. Each function answers with
// errStopping while the board shows no ledger.

// secret returns what is stored of a secret.
func (b *Board) secret(ref secret.Ref) (secret.Record, bool, error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.ledger == nil {
		return secret.Record{}, false, errStopping
	}
	r, known := b.ledger.Secrets.Get(ref)
	return r, known, nil
}

// secrets returns those of a project that have one of the names, or all of them.
func (b *Board) secrets(project string, names []string, all bool) (records []secret.Record, err error) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.ledger == nil {
		return nil, errStopping
	}
	if all {
		return b.ledger.Secrets.Of(project), nil
	}
	for _, name := range names {
		if r, known := b.ledger.Secrets.Get(secret.Ref{Project: project, Name: name}); known {
			records = append(records, r)
		}
	}
	return records, nil
}

// admitSecret returns why there is no room for a secret.
func (b *Board) admitSecret(r secret.Record) error {
	b.mu.RLock()
	defer b.mu.RUnlock()
	if b.ledger == nil {
		return errStopping
	}
	return b.ledger.Secrets.Admit(r)
}

// putSecret shows a secret that is durable.
func (b *Board) putSecret(r secret.Record) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ledger.Secrets.Put(r)
}

// dropSecret shows that a secret is gone.
func (b *Board) dropSecret(ref secret.Ref) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ledger.Secrets.Remove(ref)
}
