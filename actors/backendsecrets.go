package actors

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"time"

	"yardmaster/domain/problem"
	"yardmaster/domain/project"
	"yardmaster/domain/secret"
	"yardmaster/messages"
)

// SetSecret returns when a secret is durable. Its value is sealed before any actor
// hears of it.
func (b Backend) SetSecret(ctx context.Context, m *messages.SetSecretRequest, principal string,
) (*messages.Secret, error) {
	if err := b.readable(); err != nil {
		return nil, err
	}
	key := b.node.secrets.key
	if key == nil {
		return nil, problem.New(problem.Refused,
			"the server has no key to seal secrets with: start it with --secrets-key-file (see `yardmaster secret key`)")
	}
	r := secret.Record{Ref: refOf(m.GetProject(), m.GetName()), At: time.Now(), By: principal}
	var nonce [secret.NonceSize]byte
	_, _ = rand.Read(nonce[:]) // it never fails
	r.Sealed = key.Seal(r.Ref, m.GetValue(), nonce)
	if err := b.askVault(ctx, keepSecret{r}); err != nil {
		return nil, err
	}
	return messages.ViewSecret(r), nil
}

// Secrets returns which secrets a project has, by name.
func (b Backend) Secrets(_ context.Context, of string) ([]*messages.Secret, error) {
	if err := b.readable(); err != nil {
		return nil, err
	}
	records, err := b.fleet().secrets(cmp.Or(of, project.Default), nil, true)
	all := make([]*messages.Secret, len(records))
	for i, r := range records {
		all[i] = messages.ViewSecret(r)
	}
	return all, err
}

// RemoveSecret returns when it is durable that a secret is gone.
func (b Backend) RemoveSecret(ctx context.Context, m *messages.RemoveSecretRequest, principal string) error {
	if err := b.readable(); err != nil {
		return err
	}
	return b.askVault(ctx, removeSecret{refOf(m.GetProject(), m.GetName()), principal})
}

func refOf(of, name string) secret.Ref {
	return secret.Ref{Project: cmp.Or(of, project.Default), Name: secret.Canonical(name)}
}

func (b Backend) askVault(ctx context.Context, request any) error {
	answer, err := ask[secretDone](ctx, b.node, b.node.local(vaultID), request)
	return errors.Join(err, answer.err)
}
