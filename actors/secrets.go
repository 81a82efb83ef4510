package actors

import (
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"

	"yardmaster/domain/plan"
	"yardmaster/domain/secret"
	"yardmaster/workflow/contexts"
)

// ErrWrongKey means that the key of a node is not the one that secrets were sealed with.
var ErrWrongKey = errors.New("actors: wrong key for the secrets")

// secrets is what the actors of a node share about secrets. Only what it returns of
// them for the attempt of a job is not sealed.
type secrets struct {
	log   *slog.Logger
	key   *secret.Key // nil: there is none
	board *Board      // that shows them
	// share is where the journal of their partition is found.
	share *atomic.Pointer[jobEnv]
}

// check returns ErrWrongKey when what was replayed cannot be opened. Without a key
// nothing is.
func (s *secrets) check(all *secret.Shelf) error {
	if s.key == nil {
		for range all.All() {
			s.log.Warn("there are secrets, and no key to open them: jobs see none")
			break
		}
		return nil
	}
	if err := s.key.Opens(all); err != nil {
		return fmt.Errorf("%w: %w", ErrWrongKey, err)
	}
	return nil
}

// of returns the secrets that a job of a project refers to, as far as there are any. It
// answers with errStopping when it is not known yet which there are.
func (s *secrets) of(project string, spec *plan.Job) ([]plan.Var, error) {
	if s.key == nil {
		return nil, nil
	}
	names, all := contexts.SecretsOf(spec)
	if len(names) == 0 && !all {
		return nil, nil
	}
	records, err := s.board.secrets(project, names, all)
	if err != nil {
		return nil, err
	}
	vars, size := make([]plan.Var, 0, len(records)), 0
	for _, r := range records {
		value, err := s.key.Open(r.Ref, r.Sealed)
		if err != nil {
			return nil, fmt.Errorf("the secret %s cannot be opened: %w", r.Name, err)
		}
		vars = append(vars, plan.Var{Name: r.Name, Value: value})
		size += len(value)
	}
	if size > secret.MaxPerJob {
		return nil, fmt.Errorf("the %d secrets it refers to take %d bytes, more than %d", len(vars), size, secret.MaxPerJob)
	}
	return vars, nil
}
