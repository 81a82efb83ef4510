package secret_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"yardmaster/domain/secret"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func key(t require.TestingT, first byte) *secret.Key {
	raw := make([]byte, secret.KeySize)
	raw[0] = first
	k, err := secret.NewKey(raw)
	require.NoError(t, err)
	return k
}

func TestNamesAreThoseOfGitHub(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"TOKEN", "token", "_", "A1_b", "GITHUBX", strings.Repeat("x", secret.MaxName)} {
		require.NoError(t, secret.CheckName(good), good)
	}
	for bad, why := range map[string]string{
		"": "the first no digit", "1A": "the first no digit", "A-B": "letters", "A B": "letters", "Ä": "letters",
		"GITHUB_TOKEN": "reserved", "github_x": "reserved", "Yardmaster": "reserved", "YARDMASTER_X": "reserved",
		strings.Repeat("x", secret.MaxName+1): "1 to 255",
	} {
		err := secret.CheckName(bad)
		require.ErrorIs(t, err, secret.ErrBadName, bad)
		require.ErrorContains(t, err, why)
		require.Less(t, len(err.Error()), 200)
	}
	assert.Equal(t, "TOKEN", secret.Canonical("toKen"))
}

func TestValuesHaveLimits(t *testing.T) {
	t.Parallel()
	require.NoError(t, secret.CheckValue(strings.Repeat("x", secret.MaxValue)))
	require.NoError(t, secret.CheckValue("a\nb\t"))
	for value, why := range map[string]string{
		"x": "cannot be hidden", " \n": "cannot be hidden", "****": "cannot be hidden",
		"": "empty", strings.Repeat("x", secret.MaxValue+1): "49153 bytes",
		"hunter\xff": "no UTF-8", "hun\x00ter": "no UTF-8",
	} {
		err := secret.CheckValue(value)
		require.ErrorIs(t, err, secret.ErrBadValue)
		require.ErrorContains(t, err, why)
		require.NotContains(t, err.Error(), "hun")
	}
}

func TestAProjectHasSoManySecretsAndNoMore(t *testing.T) {
	t.Parallel()
	s := secret.New()
	for i := range secret.MaxPerProject {
		ref := secret.Ref{Project: "a", Name: fmt.Sprintf("S%d", i)}
		require.NoError(t, s.Admit(secret.Record{Ref: ref}))
		s.Put(secret.Record{Ref: ref})
	}
	require.ErrorIs(t, s.Admit(secret.Record{Ref: secret.Ref{Project: "a", Name: "NEW"}}), secret.ErrTooMany)
	require.NoError(t, s.Admit(secret.Record{Ref: secret.Ref{Project: "a", Name: "S7"}}), "it is there already")
	require.NoError(t, s.Admit(secret.Record{Ref: secret.Ref{Project: "b", Name: "NEW"}}))
	require.True(t, s.Remove(secret.Ref{Project: "a", Name: "S7"}))
	require.NoError(t, s.Admit(secret.Record{Ref: secret.Ref{Project: "a", Name: "NEW"}}))
}

func TestAllSecretsTogetherTakeSoMuchAndNoMore(t *testing.T) {
	t.Parallel()
	s, sealed := secret.New(), make([]byte, 1<<20)
	record := func(i int) secret.Record {
		return secret.Record{Ref: secret.Ref{Project: fmt.Sprint("p", i), Name: "A"}, Sealed: sealed}
	}
	many := secret.MaxSealed / len(sealed)
	for i := range many {
		require.NoError(t, s.Admit(record(i)))
		s.Put(record(i))
		s.Put(record(i))
	}
	err := s.Admit(record(many))
	require.ErrorIs(t, err, secret.ErrTooMany)
	require.ErrorContains(t, err, "those of all projects")
	require.NoError(t, s.Admit(record(3)), "it takes the place of the former")
	require.True(t, s.Remove(record(3).Ref))
	require.False(t, s.Remove(record(3).Ref))
	require.NoError(t, s.Admit(record(many)))
}

// TestAShelfIsAMap compares a shelf with a plain map.
func TestAShelfIsAMap(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s, model := secret.New(), map[secret.Ref]secret.Record{}
		for i := range rapid.IntRange(0, 40).Draw(t, "changes") {
			ref := secret.Ref{
				Project: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "project"),
				Name:    rapid.SampledFrom([]string{"X", "Y", "Z"}).Draw(t, "name"),
			}
			if rapid.Bool().Draw(t, "remove") {
				_, known := model[ref]
				require.Equal(t, known, s.Remove(ref))
				delete(model, ref)
				continue
			}
			r := secret.Record{Ref: ref, Sealed: []byte{byte(i)}, At: time.Unix(int64(i), 0), By: "ann"}
			s.Put(r)
			model[ref] = r
		}
		again := secret.New()
		for r := range s.All() {
			require.Equal(t, model[r.Ref], r)
			again.Put(r)
		}
		all := slices.Collect(again.All())
		require.Len(t, all, len(model))
		require.True(t, slices.IsSortedFunc(all, func(a, b secret.Record) int {
			return strings.Compare(a.Project+"/"+a.Name, b.Project+"/"+b.Name)
		}))
		for ref, want := range model {
			got, known := again.Get(ref)
			require.True(t, known)
			require.Equal(t, want, got)
		}
	})
}

// TestOnlyWhatWasSealedOpens changes what is kept in any way that there is.
func TestOnlyWhatWasSealedOpens(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		k, ref := key(t, 1), secret.Ref{Project: "a", Name: "TOKEN"}
		value := rapid.StringN(1, -1, 200).Draw(t, "value")
		var nonce [secret.NonceSize]byte
		copy(nonce[:], rapid.SliceOfN(rapid.Byte(), len(nonce), len(nonce)).Draw(t, "nonce"))
		sealed := k.Seal(ref, value, nonce)
		got, err := k.Open(ref, sealed)
		require.NoError(t, err)
		require.Equal(t, value, got)
		if len(value) > 3 {
			require.NotContains(t, string(sealed), value)
		}
		for _, other := range []secret.Ref{{Project: "b", Name: "TOKEN"}, {Project: "a", Name: "OTHER"}} {
			_, err = k.Open(other, sealed)
			require.ErrorIs(t, err, secret.ErrDamaged)
		}
		_, err = key(t, 2).Open(ref, sealed)
		require.ErrorIs(t, err, secret.ErrOtherKey)
		changed := bytes.Clone(sealed)
		changed[rapid.IntRange(0, len(sealed)-1).Draw(t, "at")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		_, err = k.Open(ref, changed)
		require.Error(t, err)
		_, err = k.Open(ref, sealed[:rapid.IntRange(0, len(sealed)-1).Draw(t, "cut")])
		require.ErrorIs(t, err, secret.ErrDamaged)
	})
}

func TestKeysAreReadInHexAndBase64(t *testing.T) {
	t.Parallel()
	var raw [secret.KeySize]byte
	for i := range raw {
		raw[i] = byte(200 + i)
	}
	first, err := secret.ParseKey(secret.FormatKey(raw))
	require.NoError(t, err)
	ref := secret.Ref{Project: "a", Name: "X"}
	sealed := first.Seal(ref, "value", [secret.NonceSize]byte{})
	for _, text := range []string{
		hex.EncodeToString(raw[:]), " " + strings.ToUpper(hex.EncodeToString(raw[:])) + "\n",
		base64.StdEncoding.EncodeToString(raw[:]) + "\r\n", base64.RawURLEncoding.EncodeToString(raw[:]),
	} {
		k, err := secret.ParseKey(text)
		require.NoError(t, err, text)
		got, err := k.Open(ref, sealed)
		require.NoError(t, err)
		require.Equal(t, "value", got)
		for _, printed := range []string{fmt.Sprint(k), fmt.Sprintf("%v %+v %#v %s", k, k, k, k)} {
			require.NotContains(t, printed, "200")
			require.Contains(t, printed, "key ***")
		}
	}
	for _, bad := range []string{"", "abc", strings.Repeat("a", 62), strings.Repeat("a", 66), strings.Repeat("!", 44)} {
		_, err := secret.ParseKey(bad)
		require.ErrorIs(t, err, secret.ErrBadKey)
	}
	_, err = secret.NewKey(nil)
	require.ErrorIs(t, err, secret.ErrBadKey)
}

func TestAKeySaysWhichSecretItCannotOpen(t *testing.T) {
	t.Parallel()
	s, ref := secret.New(), secret.Ref{Project: "web", Name: "TOKEN"}
	require.NoError(t, key(t, 1).Opens(s))
	s.Put(secret.Record{Ref: ref, Sealed: key(t, 1).Seal(ref, "value", [secret.NonceSize]byte{})})
	require.NoError(t, key(t, 1).Opens(s))
	err := key(t, 2).Opens(s)
	require.ErrorIs(t, err, secret.ErrOtherKey)
	require.ErrorContains(t, err, "the secret TOKEN of the project web cannot be opened: secret: sealed with another key")
	assert.Equal(t, "web/TOKEN", ref.String())
}
