package resource_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"yardmaster/domain/resource"
)

func TestAmountsReadWell(t *testing.T) {
	t.Parallel()

	for want, a := range map[string]resource.Amount{
		"":                 {},
		"2 cpu":            {CPU: 2000},
		"0.25 cpu":         {CPU: 250},
		"512 MiB":          {Memory: 512 << 20},
		"1.5 cpu, 2 GiB":   {CPU: 1500, Memory: 2 << 30},
		"1 cpu, 1.5 GiB":   {CPU: 1000, Memory: 3 << 29},
		"100 B":            {Memory: 100},
		"1024 TiB":         {Memory: resource.MaxMemory},
		"-1 cpu, -1.5 GiB": {CPU: -1000, Memory: -3 << 29},
		"4096 cpu, 1 KiB":  {CPU: resource.MaxCPU, Memory: 1025},
	} {
		assert.Equal(t, want, a.String())
	}
}

func TestWhatFits(t *testing.T) {
	t.Parallel()

	free := resource.Amount{CPU: 1000, Memory: 1 << 30}
	less := resource.Amount{CPU: -1, Memory: -1}
	assert.True(t, resource.Amount{}.Fits(less), "nothing fits where less than nothing is left")
	assert.True(t, free.Fits(free))
	assert.True(t, resource.Amount{CPU: 1}.Fits(resource.Amount{CPU: 1, Memory: -5}))
	assert.False(t, resource.Amount{CPU: 1001}.Fits(free))
	assert.False(t, resource.Amount{CPU: 1, Memory: 1<<30 + 1}.Fits(free))
	assert.True(t, resource.Amount{}.IsZero())
	assert.False(t, free.IsZero())
}

func TestWhatIsTakenAndGivenBackIsAsBefore(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(t *rapid.T) {
		amount := rapid.Custom(func(t *rapid.T) resource.Amount {
			return resource.Amount{
				CPU:    rapid.Int64Range(0, resource.MaxCPU).Draw(t, "cpu"),
				Memory: rapid.Int64Range(0, resource.MaxMemory).Draw(t, "memory"),
			}
		})
		free, job := amount.Draw(t, "free"), amount.Draw(t, "job")
		left := free.Minus(job)
		assert.Equal(t, free, left.Plus(job))
		assert.Equal(t, job.Fits(free), left.CPU >= 0 && left.Memory >= 0)
	})
}
