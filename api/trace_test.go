package api

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestATraceparentIsTakenOnlyInItsForm(t *testing.T) {
	t.Parallel()
	good := "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	assert.Equal(t, good, traceParent(good))
	for _, bad := range []string{"", "x", good + "0", "01" + good[2:], "00-" + good[3:35] + "Z" + good[36:]} {
		assert.Empty(t, traceParent(bad), bad)
	}
}
