package job_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"yardmaster/domain/job"
	"yardmaster/domain/plan"
)

func TestWhatAnAttemptSaysIsCutToWhatCanBeStored(t *testing.T) {
	t.Parallel()

	long := strings.Repeat("é", job.MaxSummary)
	given := job.Result{
		Steps:   []job.StepResult{{Summary: "first"}, {Summary: long}, {Summary: "no room"}},
		Outputs: []plan.Var{{Name: "n", Value: strings.Repeat("x", job.MaxOutputs)}},
	}
	for range job.MaxAnnotations + 1 {
		given.Annotations = append(given.Annotations, job.Annotation{Message: long, Title: long, File: long, Line: 3})
	}
	r := given.Within(3)
	assert.Equal(t, "first", r.Steps[0].Summary)
	assert.True(t, strings.HasSuffix(r.Steps[1].Summary, "é…") && utf8.ValidString(r.Steps[1].Summary))
	assert.Empty(t, r.Steps[2].Summary)
	assert.Empty(t, r.Outputs)
	assert.Equal(t, "its outputs were too large to keep", r.Reason)
	require.Len(t, r.Annotations, job.MaxAnnotations)
	assert.Equal(t, 3, r.Annotations[0].Line)
	assert.Equal(t, long, given.Annotations[0].Message, "what was given stays as it was")
	assert.Equal(t, long, given.Steps[1].Summary, "what was given stays as it was")
	assert.Equal(t, r, r.Within(3))
}

func TestNoReportIsLargerThanWhatIsKept(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		text := func(most int) string {
			return strings.Repeat(rapid.SampledFrom([]string{"a", "é", "語", "😀"}).Draw(t, "letter"),
				rapid.IntRange(0, most).Draw(t, "times"))
		}
		var r job.Result
		for range rapid.IntRange(0, 4).Draw(t, "steps") {
			r.Steps = append(r.Steps, job.StepResult{Summary: text(job.MaxSummary), Reason: text(job.MaxStepReason)})
		}
		for range rapid.IntRange(0, 3).Draw(t, "annotations") {
			r.Annotations = append(r.Annotations, job.Annotation{
				Message: text(job.MaxAnnotation), Title: text(job.MaxAnnotationRef), File: text(job.MaxAnnotationRef),
			})
		}
		kept, summaries := r.Within(4), 0
		for _, s := range kept.Steps {
			summaries += len(s.Summary)
			require.True(t, utf8.ValidString(s.Summary) && utf8.ValidString(s.Reason))
		}
		require.LessOrEqual(t, summaries, job.MaxSummary)
		for _, a := range kept.Annotations {
			require.LessOrEqual(t, len(a.Message), job.MaxAnnotation)
			require.LessOrEqual(t, max(len(a.Title), len(a.File)), job.MaxAnnotationRef)
			require.True(t, utf8.ValidString(a.Message+a.Title) && utf8.ValidString(a.File))
		}
	})
}
