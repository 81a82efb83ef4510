package workflow

import (
	"fmt"
	"slices"
	"strings"

	"yardmaster/domain/plan"
	"yardmaster/workflow/expr"
)

// surroundings are what an expression finds around it: the values and the shapes of its
// contexts, as far as they are known. What is costly is made when first asked for.
type surroundings struct {
	file    *shapes
	needs   []need
	cells   [][]cellVar // of the job's matrix
	unknown bool        // the matrix has faults, and could hold anything
	steps   []string    // ids, "" for a step without one
	step    int         // index of the step that is read; len(steps) behind them all

	scopes [places]*expr.Scope
	shapes map[string]*expr.Shape // of contexts that differ from job to job
	at     map[string]int         // of the steps, by id in lower case
}

// cellVar is the value of a key in a cell of a matrix.
type cellVar = plan.MatrixValue

// shapes are those that are the same in the whole file.
type shapes struct {
	declared *inputs
	jobs     map[string]*node       // by id in lower case
	ended    map[string]*expr.Shape // what is known of them in needs

	text, texts, github, inputs, strategy, runner, job, step *expr.Shape // nil until one is wanted
}

// needs returns the shape of the context needs. A job that is not there is reported
// where it is needed.
func (s *shapes) needs(of []need) *expr.Shape {
	properties := make([]expr.Property, len(of))
	for i, n := range of {
		lower := strings.ToLower(n.id)
		shape, made := s.ended[lower]
		if job := s.jobs[lower]; !made && job != nil {
			shape = s.jobShape(job)
			s.ended[lower] = shape
		}
		properties[i] = expr.Property{Name: n.id, Shape: shape}
	}
	return expr.Closed("job", properties...)
}

// jobShape returns what a job is in the context needs.
func (s *shapes) jobShape(job *node) *expr.Shape {
	if job.key("uses") != nil {
		return nil // which is refused where it stands
	}
	var names []string
	if outputs := job.value("outputs"); outputs != nil {
		for _, p := range outputs.pairs {
			names = append(names, p.key.text)
		}
	}
	return expr.Closed("", expr.Property{Name: "result", Shape: s.text},
		expr.Property{Name: "outputs", Shape: expr.Closed("output", named(s.text, names...)...)})
}

// fill makes the shapes that depend on nothing else.
func (s *shapes) fill() {
	text := expr.Text()
	s.text, s.texts, s.ended = text, expr.Open(text), map[string]*expr.Shape{}
	s.github, s.inputs = githubShape(text), s.declared.shape()
	s.strategy = expr.Closed("", append(named(expr.Numeric(), "job-index", "job-total", "max-parallel"),
		expr.Property{Name: "fail-fast", Shape: expr.Flag()})...)
	s.runner = expr.Closed("", named(text,
		"name", "os", "arch", "temp", "tool_cache", "debug", "environment", "workspace")...)
	s.job = expr.Closed("", append(named(text, "status", "check_run_id", "workflow_ref", "workflow_sha",
		"workflow_repository", "workflow_file_path"), named(nil, "container", "services")...)...)
	s.step = expr.Closed("", append(named(text, "outcome", "conclusion"),
		expr.Property{Name: "outputs", Shape: s.texts})...)
}

func named(shape *expr.Shape, names ...string) []expr.Property {
	properties := make([]expr.Property, len(names))
	for i, name := range names {
		properties[i] = expr.Property{Name: name, Shape: shape}
	}
	return properties
}

// githubProperties are what the context github may have, beside event.
func githubProperties() []string {
	return append(late(), "actor", "actor_id", "api_url", "base_ref", "event_name", "graphql_url", "head_ref", "ref",
		"ref_name", "ref_protected", "ref_type", "repository", "repository_id", "repository_owner", "repository_owner_id",
		"repositoryUrl", "retention_days", "secret_source", "server_url", "sha", "triggering_actor", "workflow",
		"workflow_ref", "workflow_sha")
}

func githubShape(text *expr.Shape) *expr.Shape {
	properties := named(text, githubProperties()...)
	for i := range properties {
		if properties[i].Name == "ref_protected" {
			properties[i].Shape = expr.Flag()
		}
	}
	return expr.Closed("", append(properties, expr.Property{Name: "event"})...)
}

// scope returns what there is at a place.
func (s *surroundings) scope(p place) *expr.Scope {
	if s.file.text == nil {
		s.file.fill()
	}
	if s.shapes == nil {
		s.shapes, s.at = map[string]*expr.Shape{}, make(map[string]int, len(s.steps))
		for i, id := range slices.Backward(s.steps) {
			s.at[strings.ToLower(id)] = i // of equal ids, which are refused, the first
		}
	}
	if s.scopes[p] == nil {
		scope := &expr.Scope{Functions: p.functions(), NoArguments: true}
		for _, name := range p.contexts() {
			scope.Contexts = append(scope.Contexts, expr.Property{Name: name, Shape: s.shape(name)})
		}
		s.scopes[p] = scope
	}
	return s.scopes[p]
}

// shape returns that of a context.
func (s *surroundings) shape(context string) *expr.Shape {
	switch context {
	case "github":
		return s.file.github
	case "inputs":
		return s.file.inputs
	case "strategy":
		return s.file.strategy
	case "job":
		return s.file.job
	case "runner":
		return s.file.runner
	case "needs", "matrix", "steps":
		shape, made := s.shapes[context]
		if !made {
			shape = s.ofJob(context)
			s.shapes[context] = shape
		}
		return shape
	}
	return s.file.texts // vars, secrets, env
}

// ofJob returns the shape of a context that differs from job to job.
func (s *surroundings) ofJob(context string) *expr.Shape {
	switch context {
	case "needs":
		return s.file.needs(s.needs)
	case "matrix":
		return s.matrix()
	}
	return expr.Closed("step", named(s.file.step, slices.DeleteFunc(slices.Clone(s.steps), isEmpty)...)...)
}

func isEmpty(s string) bool { return s == "" }

// later says that a step with an id has no outputs yet.
func (s *surroundings) later(id string) (message, hint string) {
	i, ok := s.at[strings.ToLower(id)]
	switch {
	case !ok || i < s.step:
		return "", ""
	case i == s.step:
		return fmt.Sprintf("step %s refers to itself", quote(id)), "what a step gives is there for those behind it"
	}
	return fmt.Sprintf("step %s comes only later", quote(id)), "what a step gives is there for those behind it"
}

// matrix returns the shape of the matrix, of which each cell may have other keys.
func (s *surroundings) matrix() *expr.Shape {
	if s.unknown {
		return nil
	}
	var keys []*matrixKey
	at := map[string]*matrixKey{}
	for _, cell := range s.cells {
		for i := range cell {
			v := &cell[i]
			if i < len(keys) && keys[i].name == v.Name { // as in most cells
				keys[i].add(v)
				continue
			}
			lower := strings.ToLower(v.Name)
			if at[lower] == nil {
				at[lower] = &matrixKey{name: v.Name, seen: map[string]bool{}}
				keys = append(keys, at[lower])
			}
			at[lower].add(v)
		}
	}
	properties := make([]expr.Property, len(keys))
	for i, k := range keys {
		properties[i] = expr.Property{Name: k.name, Shape: k.shape()}
	}
	return expr.Closed("key", properties...)
}

// matrixKey is what is known of the values of a key.
type matrixKey struct {
	name   string
	seen   map[string]bool // texts of JSON
	sort   byte            // how their JSON begins; 0 before the first
	mixed  bool            // they are of several sorts
	fields []expr.Property // of objects
}

const (
	sortText   = '"'
	sortNumber = '0'
	sortFlag   = 't'
)

// add takes a value into account. A null could be anything.
func (k *matrixKey) add(v *cellVar) {
	sort := byte(sortText)
	switch {
	case v.JSON == "null" || k.seen[v.JSON]:
		return
	case v.JSON == "":
	case v.JSON == "true" || v.JSON == "false":
		sort = sortFlag
	case v.JSON[0] == '{' || v.JSON[0] == '[':
		sort = v.JSON[0]
	default:
		sort = sortNumber
	}
	k.seen[v.JSON] = true
	k.mixed = k.mixed || k.sort != 0 && k.sort != sort
	k.sort = sort
	if sort == '{' && !k.mixed {
		object, _ := expr.ParseJSON(v.JSON, 0) // which was written here
		for name := range object.All() {
			k.fields = append(k.fields, expr.Property{Name: name})
		}
	}
}

func (k *matrixKey) shape() *expr.Shape {
	if k.mixed {
		return nil
	}
	switch k.sort {
	case sortText:
		return expr.Text()
	case sortNumber:
		return expr.Numeric()
	case sortFlag:
		return expr.Flag()
	case '{':
		return expr.Closed("key", k.fields...)
	case '[':
		return expr.ListOf(nil)
	}
	return nil
}
