package problem_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"yardmaster/domain/problem"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAProblemSaysWhatIsWrong(t *testing.T) {
	t.Parallel()

	p := problem.New(problem.NotFound, "run %s is not here", "01J")
	require.EqualError(t, p, "run 01J is not here")
	assert.Equal(t, &problem.Problem{Kind: problem.NotFound, Message: "run 01J is not here"}, p)
}

func TestAProblemMaySayWhenToComeBack(t *testing.T) {
	t.Parallel()

	p := problem.RetryIn(problem.Exhausted, 3*time.Second, "%d runs are live", 7)
	assert.Equal(t, &problem.Problem{
		Kind: problem.Exhausted, Message: "7 runs are live", RetryAfter: 3 * time.Second,
	}, p)
}

func TestAProblemIsFoundBehindOtherWords(t *testing.T) {
	t.Parallel()

	var p *problem.Problem
	require.ErrorAs(t, fmt.Errorf("submit: %w", problem.New(problem.Conflict, "key used")), &p)
	assert.Equal(t, problem.Conflict, p.Kind)
	assert.NotErrorAs(t, errors.New("other"), &p)
}

func TestAnythingUnsaidIsOurFault(t *testing.T) {
	t.Parallel()

	assert.Equal(t, problem.Internal, (&problem.Problem{}).Kind)
}
