package actors

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"yardmaster/domain/problem"
	"yardmaster/domain/secret"
	"yardmaster/messages"
)

// Vault decides about secrets, one change at a time: only so many may be kept. It
// never has a value: what it is given is sealed.
//
// Mailbox protocol
//
//	message       from     does                  answer
//	keepSecret    backend  stores and shows it   secretDone
//	removeSecret  backend  stores and shows it   secretDone
type Vault struct{ env *secrets }

type (
	// keepSecret sets a secret, sealed.
	keepSecret struct{ record secret.Record }
	// removeSecret removes a secret for good.
	removeSecret struct {
		ref       secret.Ref
		principal string
	}
	// secretDone says that the change is stored, or why it is not.
	secretDone struct{ err error }
)

func newVault(env *secrets) *Vault { return &Vault{env} }

// Receive implements actor.Actor.
func (v *Vault) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case keepSecret:
		ctx.Respond(secretDone{v.keep(ctx, m.record)})
	case removeSecret:
		ctx.Respond(secretDone{v.remove(ctx, m)})
	case actor.SystemMessage, actor.AutoReceiveMessage:
	default:
		v.env.log.Warn("unexpected message", slog.String("type", fmt.Sprintf("%T", m)))
	}
}

func (v *Vault) keep(ctx actor.Context, r secret.Record) error {
	if err := v.env.board.admitSecret(r); err != nil {
		if errors.Is(err, secret.ErrTooMany) {
			return problem.New(problem.Refused, "%s", strings.TrimPrefix(err.Error(), "secret: "))
		}
		return err
	}
	if !v.store(ctx, messages.EncodeSecret(r)) {
		return errStopping
	}
	v.env.board.putSecret(r)
	v.env.log.Info("secret set", audit(r.Ref, r.By)...)
	return nil
}

func (v *Vault) remove(ctx actor.Context, m removeSecret) error {
	_, known, err := v.env.board.secret(m.ref)
	switch {
	case err != nil:
		return err
	case !known:
		return problem.New(problem.NotFound, "the project %s has no secret %s", m.ref.Project, m.ref.Name)
	}
	stamp := messages.Stamp{At: time.Now(), Principal: m.principal}
	if !v.store(ctx, messages.EncodeSecretRemoval(m.ref, stamp)) {
		return errStopping
	}
	v.env.board.dropSecret(m.ref)
	v.env.log.Info("secret removed", audit(m.ref, m.principal)...)
	return nil
}

func (v *Vault) store(ctx actor.Context, event []byte) bool {
	env := v.env.share.Load()
	return env != nil && env.store(ctx, event)
}

// audit says which secret was changed, and by whom.
func audit(ref secret.Ref, principal string) []any {
	return []any{
		slog.String("project", ref.Project), slog.String("secret", ref.Name), slog.String("principal", principal),
	}
}
