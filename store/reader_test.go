package store_test

import (
	"context"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"yardmaster/domain/blob"
	"yardmaster/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAnIntakeAddsUpAndEndsAtItsLimit(t *testing.T) {
	t.Parallel()
	i := store.NewIntake(t.Context(), iotest.OneByteReader(strings.NewReader("hello")), 5)
	got, err := io.ReadAll(i)
	require.NoError(t, err)
	require.Equal(t, "hello", string(got))
	require.Equal(t, int64(5), i.Size())
	require.Equal(t, blob.Of([]byte("hello")), i.Digest())

	_, err = io.ReadAll(store.NewIntake(t.Context(), strings.NewReader("hello"), 4))
	require.ErrorIs(t, err, blob.ErrTooLarge)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = io.ReadAll(store.NewIntake(ctx, strings.NewReader("hello"), 5))
	require.ErrorIs(t, err, context.Canceled)
}

// TestAReaderThatEndsWithItsContextIsNotComplete has a reader end as if it were
// complete because its context has.
func TestAReaderThatEndsWithItsContextIsNotComplete(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	_, err := io.ReadAll(store.NewIntake(ctx, io.MultiReader(strings.NewReader("hel"), ending(cancel)), 5))
	require.ErrorIs(t, err, context.Canceled)
}

type ending func()

func (e ending) Read([]byte) (int, error) {
	e()
	return 0, io.EOF
}

func TestWhatIsVerifiedEndsWithTheRightBytesOnly(t *testing.T) {
	t.Parallel()
	d := blob.Of([]byte("hello"))
	open := func(ctx context.Context, text string) io.ReadCloser {
		return store.Verified(ctx, io.NopCloser(iotest.DataErrReader(strings.NewReader(text))), d)
	}
	got, err := io.ReadAll(open(t.Context(), "hello"))
	require.NoError(t, err)
	require.Equal(t, "hello", string(got))
	for _, wrong := range []string{"", "hell", "hello!", "hellp"} {
		r := open(t.Context(), wrong)
		_, err := io.ReadAll(r)
		require.ErrorIs(t, err, blob.ErrDamaged, wrong)
		_, err = r.Read(make([]byte, 1))
		require.ErrorIs(t, err, blob.ErrDamaged, "it stays so")
		require.NoError(t, r.Close())
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = io.ReadAll(open(ctx, "hello"))
	require.ErrorIs(t, err, context.Canceled)
}
