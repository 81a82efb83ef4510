package blob_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"yardmaster/domain/blob"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestADigestIsItsText(t *testing.T) {
	t.Parallel()
	require.Equal(t, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", blob.Of(nil).String())
	rapid.Check(t, func(t *rapid.T) {
		one := blob.Of(rapid.SliceOf(rapid.Byte()).Draw(t, "one"))
		two := blob.Of(rapid.SliceOf(rapid.Byte()).Draw(t, "two"))
		again, err := blob.Parse(one.String())
		require.NoError(t, err)
		require.Equal(t, one, again)
		require.Equal(t, strings.Compare(one.String(), two.String()), one.Compare(two))

		text, err := json.Marshal(map[string]blob.Digest{"d": one})
		require.NoError(t, err)
		var back map[string]blob.Digest
		require.NoError(t, json.Unmarshal(text, &back))
		require.Equal(t, one, back["d"])
	})
}

func TestADigestHasOneSpelling(t *testing.T) {
	t.Parallel()
	good := blob.Of(nil).String()
	for name, text := range map[string]string{
		"nothing":    "",
		"short":      good[1:],
		"long":       good + "0",
		"upper case": strings.ToUpper(good),
		"no digit":   "g" + good[1:],
	} {
		_, err := blob.Parse(text)
		require.Error(t, err, name)
		require.Error(t, new(blob.Digest).UnmarshalText([]byte(text)), name)
	}
}
