package scalefile_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"yardmaster/domain/resource"
	"yardmaster/domain/scale"
	"yardmaster/provider/scalefile"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const full = `webhook:
  url: https://machines.example/yardmaster
  key-file: /etc/yardmaster/webhook.key
classes:
  - name: small
    provider: exec
    labels: [Linux, amd64]
    pool: trusted
    slots: 2
    resources: {cpu: 1.5, memory: 4 GiB}
    least: 1
    most: 10
    boot: 5s
    cooldown: {up: 0s, down: 2m}
    idle: 10m
    patience: 90s
    cost: 0.5
    args: [--grace, 30s]
  - name: gpu-large
    provider: webhook
    labels: [linux, gpu]
    slots: 1
    most: 3
  - {name: pods, provider: none, labels: [], slots: 4, most: 50}
`

func TestAFullFileFillsEverything(t *testing.T) {
	t.Parallel()
	f, err := scalefile.Read("scale.yml", []byte(full))
	require.NoError(t, err)
	assert.Equal(t, &scalefile.File{
		URL: "https://machines.example/yardmaster", KeyFile: "/etc/yardmaster/webhook.key",
		Args: map[string][]string{"small": {"--grace", "30s"}},
		Classes: []scale.Class{
			{
				Name: "small", Provider: "exec", Labels: []string{"amd64", "linux"}, Pool: "trusted", Slots: 2,
				Resources: resource.Amount{CPU: 1500, Memory: 4 << 30}, Least: 1, Most: 10, Boot: 5 * time.Second,
				CooldownDown: 2 * time.Minute, Idle: 10 * time.Minute, Patience: 90 * time.Second, Cost: 0.5,
			},
			{
				Name: "gpu-large", Provider: "webhook", Labels: []string{"gpu", "linux"}, Slots: 1, Most: 3,
				Boot: time.Minute, CooldownUp: 10 * time.Second, CooldownDown: time.Minute, Idle: 5 * time.Minute, Cost: 1,
			},
			{
				Name: "pods", Labels: []string{}, Slots: 4, Most: 50, Boot: time.Minute, CooldownUp: 10 * time.Second,
				CooldownDown: time.Minute, Idle: 5 * time.Minute, Cost: 1,
			},
		},
	}, f)
	assert.True(t, f.Uses(scalefile.Exec) && f.Uses(scalefile.Webhook))
	assert.True(t, f.Classes[2].External())
}

func TestEveryFaultIsToldAtOnceWithItsPlace(t *testing.T) {
	t.Parallel()

	const keys = "args, boot, cooldown, cost, idle, labels, least, most, name, patience, pool, provider, resources, slots"
	_, err := scalefile.Read("scale.yml", []byte(`classes:
  - name: Small
    provider: cloud
    labels: [linux, "a b"]
    slots: 0
    least: 5
    most: 3
    boot: soon
    cooldown: {up: 10, sideways: 1s}
    resources: {cpu: -1, memory: 4 GB}
    cost: 0
    slots: 2
    colour: red
    args: [--id=x]
  - name: a
    provider: none
    labels: [linux]
    slots: 1
    most: 1
    args: [--grace, 1s]
  - {name: a, provider: webhook, labels: linux, slots: 1, pool: A b}
`))
	require.Error(t, err)
	want := strings.TrimPrefix(`
scale.yml:1:1: a class has the provider webhook: say under webhook where it is, with url and key-file
scale.yml:2:5: least is 5 and most 3
scale.yml:2:11: a name is 1 to 40 lower-case letters, digits or -, and begins and ends with a letter or digit
scale.yml:3:15: provider must be one of exec, webhook, none
scale.yml:4:21: label "a b" is not 1 to 63 letters, digits or any of ._=/-, the first a letter or digit
scale.yml:5:12: slots must be a whole number from 1 to 10000
scale.yml:8:11: boot must be a time such as 30s or 5m, from 1s to 24h0m0s
scale.yml:9:20: up must be a time such as 30s or 5m, from 0s to 24h0m0s
scale.yml:9:24: cooldown has no key "sideways"; it can have down, up
scale.yml:10:22: cpu must be a number of cores, from above 0 to 4096
scale.yml:10:34: memory must be an amount such as 512 MiB or 4 GiB
scale.yml:11:11: cost must be a number above 0
scale.yml:12:5: slots is there twice
scale.yml:13:5: a class has no key "colour"; it can have `+keys+`
scale.yml:14:5: only workers of provider exec are given args
scale.yml:14:12: --id is set by the provider
scale.yml:20:5: only workers of provider exec are given args
scale.yml:21:5: there is a class a already
scale.yml:21:5: a class needs most
scale.yml:21:42: labels must be a list
scale.yml:21:65: pool "A b" is not 1 to 63 lower-case letters, digits or any of ._-, the first a letter or digit`, "\n")
	assert.ElementsMatch(t, strings.Split(want, "\n"), strings.Split(err.Error(), "\n"))
}

func TestWhatIsNoSuchFileIsRefused(t *testing.T) {
	t.Parallel()
	const class = "{name: a, provider: exec, labels: [linux], slots: 1, most: 1}"
	for name, tt := range map[string]struct{ src, says string }{
		"nothing":          {"", "the file is empty"},
		"a comment":        {"# nothing", "the file is empty"},
		"no YAML":          {"classes:\n  - [\n", "it is not YAML: "},
		"a tab":            {"classes:\n\t- a", "f:2:1: it is not YAML: "},
		"a list":           {"- a", "the file must be a mapping"},
		"no classes":       {"webhook: {url: http://x, key-file: y}", "the file needs classes"},
		"classes as text":  {"classes: many", "classes must be a list of at least one class"},
		"an empty list":    {"classes: []", "classes must be a list of at least one class"},
		"a class as text":  {"classes: [a]", "a class must be a mapping"},
		"two documents":    {"classes: [" + class + "]\n---\nclasses: []", "more than one document"},
		"an alias":         {"classes: [&a " + class + ", *a]", "anchors and aliases are not supported"},
		"a tag":            {"classes: !!set {a: null}", "tags are not supported"},
		"too long":         {"# " + strings.Repeat("x", scalefile.MaxBytes), "more than 1048576 bytes"},
		"too many":         {"classes: [" + strings.Repeat(class+", ", 101) + "]", "more than 100 classes"},
		"half a webhook":   {"webhook: {url: http://x}\nclasses: [" + class + "]", "webhook needs key-file"},
		"an empty webhook": {"webhook: {url: , key-file: y}\nclasses: [" + class + "]", "url must be a text"},
		"labels of labels": {
			"classes: [{name: a, provider: exec, labels: [[a]], slots: 1, most: 1}]", "each of labels must be a text",
		},
		"a great key": {strings.Repeat("k", 200) + ": 1\nclasses: [" + class + "]", "kkk…"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := scalefile.Read("f", []byte(tt.src))
			require.ErrorContains(t, err, tt.says)
			var faults scalefile.Faults
			require.ErrorAs(t, err, &faults)
		})
	}
}

func TestTheExampleIsGood(t *testing.T) {
	t.Parallel()
	src, err := os.ReadFile("../../examples/scaling/scale.yml")
	require.NoError(t, err)
	f, err := scalefile.Read("scale.yml", src)
	require.NoError(t, err)
	assert.True(t, f.Uses(scalefile.Exec))
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(full))
	f.Add([]byte("classes: [{name: a, provider: exec, labels: [], slots: 1, most: 1}]"))
	f.Fuzz(func(t *testing.T, src []byte) {
		file, err := scalefile.Read("f", src)
		if (file == nil) == (err == nil) {
			t.Fatal("neither a file nor an error, or both")
		}
		if file != nil {
			for _, c := range file.Classes {
				if c.Name == "" || c.Slots < 1 || c.Most < 1 || c.Least > c.Most || !(c.Cost > 0) {
					t.Fatalf("an impossible class: %+v", c)
				}
			}
		}
	})
}
