package api

import (
	"context"
	"strings"

	"connectrpc.com/connect"

	"yardmaster/domain/problem"
	"yardmaster/domain/secret"
	"yardmaster/messages"
)

func (s *service) SetSecret(
	ctx context.Context, req *connect.Request[messages.SetSecretRequest],
) (*connect.Response[messages.SetSecretResponse], error) {
	if err := checkSecret(req.Msg.GetProject(), req.Msg.GetName()); err != nil {
		return nil, err
	}
	if err := secret.CheckValue(req.Msg.GetValue()); err != nil {
		return nil, asProblem(err)
	}
	set, err := s.backend.SetSecret(ctx, req.Msg, principal(ctx))
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&messages.SetSecretResponse{Secret: set}), nil
}

func (s *service) ListSecrets(
	ctx context.Context, req *connect.Request[messages.ListSecretsRequest],
) (*connect.Response[messages.ListSecretsResponse], error) {
	if err := checkProject(req.Msg.GetProject()); err != nil {
		return nil, err
	}
	all, err := s.backend.Secrets(ctx, req.Msg.GetProject())
	if err != nil {
		return nil, err
	}
	return connect.NewResponse(&messages.ListSecretsResponse{Secrets: all}), nil
}

func (s *service) RemoveSecret(
	ctx context.Context, req *connect.Request[messages.RemoveSecretRequest],
) (*connect.Response[messages.RemoveSecretResponse], error) {
	if err := checkSecret(req.Msg.GetProject(), req.Msg.GetName()); err != nil {
		return nil, err
	}
	if err := s.backend.RemoveSecret(ctx, req.Msg, principal(ctx)); err != nil {
		return nil, err
	}
	return connect.NewResponse(&messages.RemoveSecretResponse{}), nil
}

func checkSecret(project, name string) error {
	if err := checkProject(project); err != nil {
		return err
	}
	if err := secret.CheckName(name); err != nil {
		return asProblem(err)
	}
	return nil
}

// asProblem tells users what is wrong with a secret.
func asProblem(err error) error {
	return problem.New(problem.Invalid, "%s", strings.TrimPrefix(err.Error(), "secret: "))
}
