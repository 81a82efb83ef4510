package testkit_test

import (
	"testing"

	"yardmaster/domain/blob"
	"yardmaster/internal/testkit"
	"yardmaster/store/storetest"
)

func TestBlobsPassTheSuite(t *testing.T) {
	t.Parallel()
	storetest.Test(t, func(*testing.T) storetest.Fixture {
		b := testkit.NewBlobs()
		return storetest.Fixture{
			Store:  b,
			Damage: func(_ *testing.T, d blob.Digest, offset int) { b.Damage(d, offset) },
			Traces: func(*testing.T) int { return b.Len() },
		}
	})
}
