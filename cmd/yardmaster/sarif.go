package main

import (
	"net/url"
	"path"
	"path/filepath"
	"slices"

	"yardmaster/workflow"
)

// Names of SARIF, the format in which code scanners hand on what they find.
const (
	sarifVersion = "2.1.0"
	sarifSchema  = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
	sarifError   = "error"
	// sarifColumns says that columns count characters, as ours do.
	sarifColumns = "unicodeCodePoints"
)

// sarifLog is as much of a SARIF log as a linter fills.
type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool        sarifTool         `json:"tool"`
	Invocations []sarifInvocation `json:"invocations"`
	Artifacts   []sarifArtifact   `json:"artifacts"`
	Results     []sarifResult     `json:"results"`
	ColumnKind  string            `json:"columnKind"`
}

type sarifTool struct {
	Driver sarifDriver `json:"driver"`
}

type sarifDriver struct {
	Name    string      `json:"name"`
	Version string      `json:"version"`
	Rules   []sarifRule `json:"rules"`
}

type sarifRule struct {
	ID               workflow.Rule `json:"id"`
	ShortDescription sarifText     `json:"shortDescription"`
	Help             sarifText     `json:"help"`
	Configuration    sarifLevel    `json:"defaultConfiguration"`
}

type sarifLevel struct {
	Level string `json:"level"`
}

type sarifText struct {
	Text string `json:"text"`
}

type sarifInvocation struct {
	ExecutionSuccessful bool          `json:"executionSuccessful"`
	Notifications       []sarifNotice `json:"toolExecutionNotifications,omitempty"`
}

type sarifNotice struct {
	Level     string          `json:"level"`
	Message   sarifText       `json:"message"`
	Locations []sarifLocation `json:"locations"`
}

type sarifArtifact struct {
	Location sarifURI `json:"location"`
}

type sarifResult struct {
	RuleID    workflow.Rule   `json:"ruleId"`
	RuleIndex int             `json:"ruleIndex"`
	Level     string          `json:"level"`
	Message   sarifText       `json:"message"`
	Locations []sarifLocation `json:"locations"`
}

type sarifLocation struct {
	Physical sarifPlace `json:"physicalLocation"`
}

type sarifPlace struct {
	Artifact sarifURI     `json:"artifactLocation"`
	Region   *sarifRegion `json:"region,omitempty"`
}

type sarifURI struct {
	URI   string `json:"uri"`
	Index int    `json:"index"` // in the artifacts of the run; -1 for none
}

type sarifRegion struct {
	StartLine   int `json:"startLine"`
	StartColumn int `json:"startColumn"`
}

// sarif renders the report for code scanners.
func (r *lintReport) sarif(version string) sarifLog {
	run := sarifRun{
		Tool:      sarifTool{sarifDriver{Name: "yardmaster", Version: version}},
		Artifacts: []sarifArtifact{}, Results: []sarifResult{}, ColumnKind: sarifColumns,
	}
	rules := workflow.Rules()
	for _, rule := range rules {
		what, advice := rule.About()
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{
			ID: rule, ShortDescription: sarifText{what}, Help: sarifText{advice}, Configuration: sarifLevel{sarifError},
		})
	}
	for i, f := range r.files {
		at := sarifURI{fileURI(f.path), i}
		run.Artifacts = append(run.Artifacts, sarifArtifact{at})
		for _, fault := range f.faults {
			run.Results = append(run.Results, sarifResult{
				RuleID: fault.Rule, RuleIndex: slices.Index(rules, fault.Rule), Level: sarifError,
				Message: sarifText{sentence(fault)},
				Locations: []sarifLocation{{
					sarifPlace{at, &sarifRegion{fault.Line, fault.Column}},
				}},
			})
		}
	}
	done := sarifInvocation{ExecutionSuccessful: len(r.cannot) == 0}
	for _, c := range r.cannot {
		done.Notifications = append(done.Notifications, sarifNotice{
			sarifError, sarifText{c.Message}, []sarifLocation{{sarifPlace{Artifact: sarifURI{fileURI(c.Path), -1}}}},
		})
	}
	run.Invocations = []sarifInvocation{done}
	return sarifLog{sarifSchema, sarifVersion, []sarifRun{run}}
}

// sentence returns what a fault says without its place.
func sentence(f workflow.Fault) string {
	if f.Hint == "" {
		return f.Message
	}
	return f.Message + " (" + f.Hint + ")"
}

// fileURI returns a path as a reference: relative as it is, so that who reads it
// can look from the root of a repository, and escaped.
func fileURI(name string) string {
	slashes := filepath.ToSlash(name)
	if path.IsAbs(slashes) {
		return (&url.URL{Scheme: "file", Path: slashes}).String()
	}
	return (&url.URL{Path: slashes}).String()
}
