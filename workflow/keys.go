package workflow

import (
	"fmt"
	"strings"

	"yardmaster/domain/spelling"
)

// unknownKey reports a key that the mapping called what does not have, with the
// most helpful thing that can be said about it.
func (d *decoder) unknownKey(key *node, what string, known []string) {
	name := key.text
	if d.crowded() {
		d.reportAs(RuleUnknownKey, key.pos, "unknown key", "")
		return
	}
	if hint, ok := absent(name); ok && d.github {
		d.reportAs(RuleUnsupported, key.pos, fmt.Sprintf("%s is not supported in this version", quote(name)), hint)
		return
	}
	hint := ""
	if near := nearest(name, known); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	} else if len(known) <= 14 {
		hint = "possible here: " + strings.Join(known, ", ")
	}
	d.reportAs(RuleUnknownKey, key.pos, fmt.Sprintf("unknown key %s in %s", quote(name), what), hint)
}

// absent returns what to do instead of a key that GitHub Actions has and this
// version lacks.
func absent(key string) (hint string, ok bool) {
	switch key {
	case "uses", "with":
		return "write the steps here; reusable workflows cannot be called", true
	case "container":
		return "remove it; name what the job needs of its worker in runs-on", true
	case "services":
		return "remove it; start what the job needs in a step", true
	case "concurrency":
		return "give it to the whole workflow; jobs do not exclude each other", true
	case "environment":
		return "remove it; put variables in env", true
	case "secrets":
		return "remove it; a step has secrets in its env, as TOKEN: ${{ secrets.TOKEN }}", true
	case "cancel-timeout-minutes":
		return "remove it; what is cancelled is given time by the worker", true
	case "background", "wait", "wait-all", "cancel", "parallel":
		return "remove it; steps run one after the other, so let the script start and wait", true
	case "snapshot":
		return "remove it", true
	}
	return "", false
}

// nearest returns the word that name was probably meant to be, or "".
func nearest(name string, words []string) string { return spelling.Nearest(name, words, fold) }

// fold makes spellings equal that people mix up: case, and what joins words.
func fold(s string) string { return strings.ReplaceAll(strings.ToLower(s), "_", "-") }
