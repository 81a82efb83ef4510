package messages_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"yardmaster/domain/ledger"
	"yardmaster/domain/secret"
	"yardmaster/messages"
)

func TestASecretWithoutAGoodNameIsMalformed(t *testing.T) {
	t.Parallel()
	for _, ref := range []secret.Ref{
		{Project: "web"},
		{Name: "TOKEN"},
		{Project: "web", Name: "token"},
		{Project: "a/b", Name: "TOKEN"},
		{Project: "web", Name: "1"},
	} {
		_, err := messages.DecodeHistory(messages.EncodeSecret(secret.Record{Ref: ref}), messages.NewPlans())
		require.ErrorIs(t, err, messages.ErrMalformed, "%v", ref)
		_, err = messages.DecodeHistory(messages.EncodeSecretRemoval(ref, messages.Stamp{}), messages.NewPlans())
		require.ErrorIs(t, err, messages.ErrMalformed, "%v", ref)
		l := ledger.New(1, messages.PackRun)
		l.Secrets.Put(secret.Record{Ref: ref})
		err = messages.DecodeLedger(messages.EncodeLedger(l), ledger.New(1, messages.PackRun), messages.NewPlans())
		require.ErrorIs(t, err, messages.ErrMalformed, "%v", ref)
	}
}

func TestUsersSeeWhoSetASecretAndWhen(t *testing.T) {
	t.Parallel()
	ref := secret.Ref{Project: "web", Name: "TOKEN"}
	m := messages.ViewSecret(secret.Record{Ref: ref, Sealed: []byte("sealed"), At: epoch, By: "ann"})
	assert.Equal(t, "TOKEN", m.GetName())
	assert.Equal(t, "ann", m.GetPrincipal())
	assert.True(t, m.GetSetAt().AsTime().Equal(epoch))
	raw, err := proto.Marshal(m)
	require.NoError(t, err)
	assert.NotContains(t, string(raw), "sealed")
}
