package placement

import "slices"

// A label is scarce when fewer than half of the workers of its pool have it. A job
// goes to a worker whose scarce labels it does not demand only when no other has
// room, and so such workers stay free for the jobs that need them.

// pool is the workers of a trust pool, as far as labels are concerned.
type pool struct {
	workers int
	with    map[string]int  // workers that have a label
	common  map[string]bool // labels that are not scarce, as of the last count
	changes int             // since then
}

func (f *fleet) poolFor(name string) *pool {
	p := f.pools[name]
	if p == nil {
		p = &pool{with: map[string]int{}, common: map[string]bool{}}
		f.pools[name] = p
	}
	return p
}

// add counts n workers with these labels.
func (p *pool) add(labels []string, n int) {
	p.workers += n
	p.changes++
	for _, label := range labels {
		if p.with[label] += n; p.with[label] == 0 {
			delete(p.with, label)
		}
	}
}

// level returns at which level the workers of a kind are asked for a demand that
// they meet: by how many scarce labels would be of no use.
func (k *kind) level(d *demand) int {
	idle := 0
	for _, label := range k.scarce {
		if idle < levels-1 && !slices.Contains(d.labels, label) {
			idle++
		}
	}
	return idle
}

// scarceOf returns which of some labels are scarce.
func (p *pool) scarceOf(labels []string) (scarce []string) {
	for _, label := range labels {
		if !p.common[label] {
			scarce = append(scarce, label)
		}
	}
	return scarce
}

// weighLabels counts anew which labels of a pool are scarce, if it has changed by
// an eighth since that was counted: else every worker that comes and goes could
// move all others.
func (y *Yard) weighLabels(name string) {
	p := y.fleet.pools[name]
	if 8*p.changes < p.workers {
		return
	}
	p.changes = 0
	if p.workers == 0 {
		delete(y.fleet.pools, name)
		return
	}
	common := make(map[string]bool, len(p.common))
	for label, n := range p.with {
		if 2*n >= p.workers {
			common[label] = true
		}
	}
	p.common = common
	y.levelAll(name, p)
}

// levelAll brings the levels of all kinds of a pool up to date.
func (y *Yard) levelAll(name string, p *pool) {
	f := &y.fleet
	changed := make([]bool, len(f.kinds))
	for k := range f.kinds {
		of := &f.kinds[k]
		if of.members == 0 || of.pool != name {
			continue
		}
		scarce := p.scarceOf(of.labels)
		if slices.Equal(scarce, of.scarce) {
			continue
		}
		of.scarce = scarce
		for id, m := range of.meets {
			if !m.met() {
				continue
			}
			if now := meets(of.level(y.demands.all[id])); now != m {
				of.meets[id], changed[k] = now, true
			}
		}
	}
	for m := range f.members {
		if of := &f.members[m]; of.id != "" && changed[of.kind] {
			y.touch(int32(m))
		}
	}
}
