package main

import (
	"context"
	"strings"

	"yardmaster/api"
	"yardmaster/messages"
)

const (
	fewestCharacters = 4  // of a part of a run ID
	mostPages        = 20 // of runs that are searched, 1000 each
	mostNamed        = 5  // runs or workers named in an error
)

// target is what an argument RUN or RUN/JOB names.
type target struct {
	runID  string
	jobKey string // empty means the whole run
}

// resolve finds the run that an argument means.
func resolve(ctx context.Context, client *api.Client, arg string) (target, error) {
	name, job, _ := strings.Cut(arg, "/")
	if name == "@" || name == "latest" {
		runs, err := client.Runs(ctx, &messages.ListRunsRequest{Limit: 1})
		if err != nil {
			return target{}, err
		}
		if len(runs) == 0 {
			return target{}, usageError("there is no run yet")
		}
		return target{runs[0].GetRunId(), job}, nil
	}
	part := strings.ToUpper(name)
	if api.ValidRunID(part) {
		return target{part, job}, nil
	}
	if len(part) < fewestCharacters {
		return target{}, usageError("%q is too short: a run is named by %d or more characters of its ID, or by @",
			name, fewestCharacters)
	}
	id, err := search(ctx, client, name, part)
	return target{id, job}, err
}

// search looks for the one run whose ID begins or ends with part.
func search(ctx context.Context, client *api.Client, name, part string) (string, error) {
	var found []string
	before := ""
	for range mostPages {
		runs, err := client.Runs(ctx, &messages.ListRunsRequest{Limit: api.MaxListed, BeforeRunId: before})
		if err != nil {
			return "", err
		}
		for _, run := range runs {
			before = run.GetRunId()
			if strings.HasPrefix(before, part) || strings.HasSuffix(before, part) {
				found = append(found, before)
			}
		}
		if len(runs) < api.MaxListed {
			break
		}
	}
	if len(found) == 0 {
		return "", usageError("no run has an ID that begins or ends with %q", name)
	}
	return onlyOne(name, found)
}

// onlyOne returns the ID that was found under a name, if it is not one of several.
func onlyOne(name string, found []string) (string, error) {
	if len(found) == 1 {
		return found[0], nil
	}
	more := ""
	if len(found) > mostNamed {
		found, more = found[:mostNamed], ", ..."
	}
	return "", usageError("%q could be any of %s%s", name, strings.Join(found, ", "), more)
}

// findJob returns the job of a run with the key.
func findJob(run *messages.Run, key string) (*messages.Job, error) {
	keys := make([]string, 0, len(run.GetJobs()))
	for _, j := range run.GetJobs() {
		if j.GetKey() == key {
			return j, nil
		}
		keys = append(keys, j.GetKey())
	}
	return nil, usageError("run %s has no job %q; it has %s", run.GetRunId(), key, strings.Join(keys, ", "))
}

// target resolves an argument with a client of its own making; close that.
func (a *app) target(arg string) (*api.Client, target, error) {
	client, err := a.client()
	if err != nil {
		return nil, target{}, err
	}
	t, err := resolve(a.stops.orderly, client, arg)
	if err != nil {
		client.Close()
		return nil, target{}, err
	}
	return client, t, nil
}
