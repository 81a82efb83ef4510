package api

import "regexp"

// traceForm is the form of a traceparent by W3C Trace Context, version 00.
var traceForm = regexp.MustCompile(`^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$`)

// traceParent returns header if it is a traceparent, else "": a request is not
// refused for what only an observer cares for.
func traceParent(header string) string {
	if len(header) > 0 && traceForm.MatchString(header) {
		return header
	}
	return ""
}
