package scalefile

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"yardmaster/domain/resource"
	"yardmaster/domain/scale"
	"yardmaster/domain/worker"
)

// maxDuration bounds every time in a file.
const maxDuration = 24 * time.Hour

var (
	className = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)
	labelForm = regexp.MustCompile(`^[a-z0-9][a-z0-9._=/-]*$`)
	memory    = regexp.MustCompile(`^([0-9]+(?:\.[0-9]+)?) ?(B|KiB|MiB|GiB|TiB)$`)
)

// ours are flags of a worker that the provider sets.
var ours = []string{"--id", "--work-dir", "--server", "--labels", "--slots", "--pool", "--cpu", "--memory"}

func (r *reader) classes(n *yaml.Node, f *File) {
	if n.Kind != yaml.SequenceNode || len(n.Content) == 0 {
		r.fault(n, "classes must be a list of at least one class")
		return
	}
	if len(n.Content) > scale.MaxClasses {
		r.fault(n, "there are more than %d classes", scale.MaxClasses)
		return
	}
	for _, item := range n.Content {
		c := r.class(item, f)
		if slices.ContainsFunc(f.Classes, func(o scale.Class) bool { return o.Name == c.Name && c.Name != "" }) {
			r.fault(item, "there is a class %s already", c.Name)
		}
		f.Classes = append(f.Classes, c)
	}
}

// class reads one class.
func (r *reader) class(n *yaml.Node, f *File) scale.Class {
	c := scale.Class{
		Boot: scale.DefaultBoot, CooldownUp: scale.DefaultCooldownUp, CooldownDown: scale.DefaultCooldownDown,
		Idle: scale.DefaultIdle, Cost: 1,
	}
	var args []string
	r.fields(n, "a class", map[string]func(*yaml.Node){
		"name":      func(v *yaml.Node) { c.Name = r.className(v) },
		"provider":  func(v *yaml.Node) { c.Provider = r.oneOf(v, "provider", Exec, Webhook, None) },
		"labels":    func(v *yaml.Node) { c.Labels = r.labels(v) },
		"pool":      func(v *yaml.Node) { c.Pool = r.pool(v) },
		"slots":     func(v *yaml.Node) { c.Slots = r.integer(v, "slots", 1, worker.MaxSlots) },
		"resources": func(v *yaml.Node) { c.Resources = r.resources(v) },
		"least":     func(v *yaml.Node) { c.Least = r.integer(v, "least", 0, scale.MaxWorkers) },
		"most":      func(v *yaml.Node) { c.Most = r.integer(v, "most", 1, scale.MaxWorkers) },
		"boot":      func(v *yaml.Node) { c.Boot = r.duration(v, "boot", time.Second) },
		"cooldown":  func(v *yaml.Node) { r.cooldown(v, &c) },
		"idle":      func(v *yaml.Node) { c.Idle = r.duration(v, "idle", time.Second) },
		"patience":  func(v *yaml.Node) { c.Patience = r.duration(v, "patience", time.Second) },
		"cost":      func(v *yaml.Node) { c.Cost = r.cost(v) },
		"args":      func(v *yaml.Node) { args = r.args(v) },
	}, "name", "provider", "labels", "slots", "most")
	if c.Most > 0 && c.Least > c.Most {
		r.fault(n, "least is %d and most %d", c.Least, c.Most)
	}
	if len(args) > 0 && c.Provider != Exec {
		r.fault(r.key(n, "args"), "only workers of provider exec are given args")
	}
	if len(args) > 0 {
		f.Args[c.Name] = args
	}
	if c.Provider == None {
		c.Provider = ""
	}
	return c
}

func (r *reader) webhook(n *yaml.Node, f *File) {
	r.fields(n, "webhook", map[string]func(*yaml.Node){
		"url":      func(v *yaml.Node) { f.URL = r.text(v, "url") },
		"key-file": func(v *yaml.Node) { f.KeyFile = r.text(v, "key-file") },
	}, "url", "key-file")
}

func (r *reader) cooldown(n *yaml.Node, c *scale.Class) {
	r.fields(n, "cooldown", map[string]func(*yaml.Node){
		"up":   func(v *yaml.Node) { c.CooldownUp = r.duration(v, "up", 0) },
		"down": func(v *yaml.Node) { c.CooldownDown = r.duration(v, "down", 0) },
	})
}

func (r *reader) resources(n *yaml.Node) (a resource.Amount) {
	r.fields(n, "resources", map[string]func(*yaml.Node){
		"cpu": func(v *yaml.Node) {
			x, err := strconv.ParseFloat(v.Value, 64)
			if v.Kind != yaml.ScalarNode || err != nil || !(x > 0 && x*resource.Core <= resource.MaxCPU) {
				r.fault(v, "cpu must be a number of cores, from above 0 to %d", resource.MaxCPU/resource.Core)
				return
			}
			a.CPU = int64(math.Round(x * resource.Core))
		},
		"memory": func(v *yaml.Node) { a.Memory = r.memory(v) },
	})
	return a
}

func (r *reader) memory(n *yaml.Node) int64 {
	m := memory.FindStringSubmatch(n.Value)
	if n.Kind == yaml.ScalarNode && m != nil {
		x, err := strconv.ParseFloat(m[1], 64)
		unit := slices.Index([]string{"B", "KiB", "MiB", "GiB", "TiB"}, m[2])
		if x *= math.Pow(1024, float64(unit)); err == nil && x >= 1 && x <= resource.MaxMemory {
			return int64(x)
		}
	}
	r.fault(n, "memory must be an amount such as 512 MiB or 4 GiB")
	return 0
}

// text reads a string that is not empty.
func (r *reader) text(n *yaml.Node, what string) string {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" || strings.TrimSpace(n.Value) == "" {
		r.fault(n, "%s must be a text", what)
		return ""
	}
	return n.Value
}

func (r *reader) className(n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode || !className.MatchString(n.Value) || len(n.Value) > scale.MaxName {
		r.fault(n, "a name is 1 to %d lower-case letters, digits or -, and begins and ends with a letter or digit",
			scale.MaxName)
		return ""
	}
	return n.Value
}

func (r *reader) pool(n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode || worker.CheckPool(n.Value) != nil {
		r.fault(n, "pool %s is not 1 to %d lower-case letters, digits or any of ._-, the first a letter or digit",
			quote(n.Value), worker.MaxName)
		return ""
	}
	return n.Value
}

func (r *reader) oneOf(n *yaml.Node, what string, values ...string) string {
	if n.Kind != yaml.ScalarNode || !slices.Contains(values, n.Value) {
		r.fault(n, "%s must be one of %s", what, strings.Join(values, ", "))
		return ""
	}
	return n.Value
}

func (r *reader) labels(n *yaml.Node) []string {
	all := r.texts(n, "labels")
	if len(all) > worker.MaxLabels {
		r.fault(n, "there are more than %d labels", worker.MaxLabels)
		return nil
	}
	for i, label := range all {
		if !labelForm.MatchString(strings.ToLower(label)) || len(label) > worker.MaxName {
			r.fault(n.Content[i], "label %s is not 1 to %d letters, digits or any of ._=/-, the first a letter or digit",
				quote(label), worker.MaxName)
		}
	}
	return worker.CanonicalLabels(all)
}

func (r *reader) args(n *yaml.Node) []string {
	all := r.texts(n, "args")
	for i, arg := range all {
		flag, _, _ := strings.Cut(arg, "=")
		if slices.Contains(ours, flag) {
			r.fault(n.Content[i], "%s is set by the provider", flag)
		}
	}
	return all
}

// texts reads a list of strings.
func (r *reader) texts(n *yaml.Node, what string) []string {
	if n.Kind != yaml.SequenceNode {
		r.fault(n, "%s must be a list", what)
		return nil
	}
	all := make([]string, len(n.Content))
	for i, item := range n.Content {
		all[i] = r.text(item, "each of "+what)
	}
	return all
}

func (r *reader) integer(n *yaml.Node, what string, low, high int) int {
	x, err := strconv.Atoi(n.Value)
	if n.Kind != yaml.ScalarNode || err != nil || x < low || x > high {
		r.fault(n, "%s must be a whole number from %d to %d", what, low, high)
		return low
	}
	return x
}

func (r *reader) duration(n *yaml.Node, what string, low time.Duration) time.Duration {
	d, err := time.ParseDuration(n.Value)
	if n.Kind != yaml.ScalarNode || err != nil || d < low || d > maxDuration {
		r.fault(n, "%s must be a time such as 30s or 5m, from %s to %s", what, low, maxDuration)
		return low
	}
	return d
}

func (r *reader) cost(n *yaml.Node) float64 {
	x, err := strconv.ParseFloat(n.Value, 64)
	if n.Kind != yaml.ScalarNode || err != nil || !(x > 0 && x <= math.MaxInt32) {
		r.fault(n, "cost must be a number above 0")
		return 1
	}
	return x
}
