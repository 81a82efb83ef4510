package workflow

import (
	"slices"
	"strings"
)

// permissions reads what a token may do. There is none here, so that every file keeps
// what it asks for.
func (d *decoder) permissions(n *node) {
	if n.kind != mapping {
		if s, ok := d.text(n); ok && s != "read-all" && s != "write-all" {
			d.report(n.pos, "permissions: expected read-all, write-all or a mapping", "")
		}
		return
	}
	for _, p := range n.pairs {
		if !slices.Contains(permissions(), p.key.text) {
			d.report(p.key.pos, "unknown permission "+quote(p.key.text), suggestion(p.key.text, permissions()))
		}
		if s, ok := d.text(p.value); ok && s != "read" && s != "write" && s != "none" {
			d.report(p.value.pos, "a permission is read, write or none", "")
		}
	}
}

func permissions() []string {
	return strings.Fields(`actions artifact-metadata attestations checks code-quality contents copilot-requests
		deployments discussions drives id-token issues models packages pages pull-requests repository-projects
		security-events statuses vulnerability-alerts`)
}
