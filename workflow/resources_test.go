package workflow_test

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"yardmaster/domain/resource"
	"yardmaster/workflow"
)

func TestResourcesAreReadInEveryUnit(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]resource.Amount{
		"{}":                            {},
		"{cpu: 0}":                      {},
		"{cpu: 0.001}":                  {CPU: 1},
		"{cpu: 1.5}":                    {CPU: 1500},
		"{cpu: 4096}":                   {CPU: resource.MaxCPU},
		"{memory: 0B}":                  {},
		"{memory: 1B}":                  {Memory: 1},
		"{memory: 2KB}":                 {Memory: 2000},
		"{memory: 3MB}":                 {Memory: 3e6},
		"{memory: 4GB}":                 {Memory: 4e9},
		"{memory: 5TB}":                 {Memory: 5e12},
		"{memory: 6KiB}":                {Memory: 6 << 10},
		"{memory: 7MiB}":                {Memory: 7 << 20},
		"{memory: '8 GiB'}":             {Memory: 8 << 30},
		"{memory: 1024TiB}":             {Memory: resource.MaxMemory},
		"{memory: 1.5GiB}":              {Memory: 3 << 29},
		"{memory: .5KiB, cpu: 2}":       {CPU: 2000, Memory: 512},
		"{memory: 0.3333 KB, cpu: 3e0}": {CPU: 3000, Memory: 333},
	} {
		w := parse(t, job("yardmaster: {resources: "+text+"}"))
		require.Equal(t, want, w.Jobs[0].Resources, text)
	}
}

func TestResourcesAreChecked(t *testing.T) {
	t.Parallel()
	of := func(text string) string { return job("yardmaster: {resources: " + text + "}") }
	refuseAll(t, []refusal{
		{"number", of("2"), "ci.yml:4:29: resources: expected a mapping, found a number (write for example"},
		{"unknown key", of("{ram: 1GiB}"), `ci.yml:4:30: unknown key "ram" in resources (possible here: cpu, memory)`},
		{"cpu text", of("{cpu: two}"), "ci.yml:4:35: cpu: expected a number, found a string"},
		{"cpu list", of("{cpu: [2]}"), "cpu: expected a number, found a list"},
		{"cpu nothing", of("{cpu: }"), "cpu: expected a number, found nothing"},
		{"cpu negative", of("{cpu: -1}"), "ci.yml:4:35: cpu must be from 0 to 4096 cores"},
		{"cpu endless", of("{cpu: .inf}"), "cpu must be a plain decimal number"},
		{"cpu too much", of("{cpu: 4096.001}"), "cpu must be from 0 to 4096 cores"},
		{"cpu too fine", of("{cpu: 0.0005}"), "cpu is counted in thousandths of a core"},
		{"cpu expression", of("{cpu: '${{ x }}'}"), "ci.yml:4:40: unknown context"},
		{"memory bare", of("{memory: 4096}"), `ci.yml:4:38: memory: "4096" has no unit (write for example "512MiB"`},
		{"memory bare fraction", of("{memory: 1.5}"), `memory: "1.5" has no unit`},
		{"memory bare text", of(`{memory: "4096"}`), `memory: "4096" has no unit`},
		{"memory exponent", of("{memory: 1e9}"), `memory: "1e9" has no unit`},
		{"memory nothing", of("{memory: }"), "memory: expected a number with a unit, found nothing"},
		{"memory list", of("{memory: [1GiB]}"), "memory: expected a number with a unit, found a list"},
		{"memory truth", of("{memory: true}"), "memory: expected a number with a unit, found true or false"},
		{"memory unit", of("{memory: 4Gi}"), `memory: "4Gi" is not a number with a unit (write for example`},
		{"memory case", of("{memory: 4gib}"), `memory: "4gib" is not a number with a unit`},
		{"memory words", of("{memory: lots}"), `memory: "lots" is not a number with a unit`},
		{"memory dots", of("{memory: 1.2.3GiB}"), `memory: "1.2.3GiB" is not a number with a unit`},
		{"memory negative", of("{memory: -1GiB}"), `memory: "-1GiB" is not a number with a unit`},
		{"memory empty", of(`{memory: ""}`), `memory: "" is not a number with a unit`},
		{"memory too much", of("{memory: 1025TiB}"), "ci.yml:4:38: memory is more than 1024 TiB"},
		{"memory too little", of("{memory: 0.1B}"), `memory: "0.1B" is less than one byte (0B is none)`},
		{"memory expression", of("{memory: '${{ x }}'}"), "ci.yml:4:43: unknown context"},
		{"for all jobs", "yardmaster: {resources: {cpu: x}}\n" + job(), "ci.yml:1:31: cpu: expected a number"},
	})
}

// TestAnyAmountOfMemoryIsReadExactly holds for all whole numbers of a unit.
func TestAnyAmountOfMemoryIsReadExactly(t *testing.T) {
	t.Parallel()
	units := map[string]int64{"B": 1, "KB": 1e3, "MiB": 1 << 20, "GB": 1e9, "GiB": 1 << 30, "TiB": 1 << 40}
	rapid.Check(t, func(t *rapid.T) {
		unit := rapid.SampledFrom([]string{"B", "KB", "MiB", "GB", "GiB", "TiB"}).Draw(t, "unit")
		n := rapid.Int64Range(0, resource.MaxMemory/units[unit]).Draw(t, "n")
		milli := rapid.Int64Range(0, resource.MaxCPU).Draw(t, "cpu")
		text := "{memory: " + strconv.FormatInt(n, 10) + unit +
			", cpu: " + strconv.FormatFloat(float64(milli)/resource.Core, 'f', -1, 64) + "}"
		w, err := workflow.Parse("ci.yml", []byte(job("yardmaster: {resources: "+text+"}")), workflow.Submission{})
		require.NoError(t, err, text)
		require.Equal(t, resource.Amount{CPU: milli, Memory: n * units[unit]}, w.Jobs[0].Resources, text)
	})
}
