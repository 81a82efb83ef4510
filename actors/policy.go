package actors

import (
	"slices"
	"strings"

	"yardmaster/messages"
)

// What workers may say, by the actor it is said to.
var (
	toRegistry = []string{typeName(&messages.Hello{})}
	toSession  = []string{typeName(&messages.Heartbeat{}), typeName(&messages.Goodbye{})}
	toJob      = []string{
		typeName(&messages.AttemptAlive{}), typeName(&messages.StepProgress{}), typeName(&messages.LogChunk{}),
		typeName(&messages.ReportResult{}), typeName(&messages.SpawnRefused{}),
	}
)

// WorkerMay reports whether a worker of that ID may say a message of a type to
// the actor called target. A worker speaks to the registry, to its own session,
// and to jobs, which believe only the worker that holds their open attempt.
func WorkerMay(id, target string, system bool, typeName string) bool {
	if system {
		return false
	}
	switch {
	case target == registryID:
		return slices.Contains(toRegistry, typeName)
	case target == sessionsID+"/"+id:
		return slices.Contains(toSession, typeName)
	case strings.HasPrefix(target, nodeRoot+"/partition-"):
		_, below, _ := strings.Cut(strings.TrimPrefix(target, nodeRoot+"/partition-"), "/")
		return strings.HasPrefix(below, "jobs/") && slices.Contains(toJob, typeName)
	}
	return false
}
