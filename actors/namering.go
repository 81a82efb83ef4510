package actors

// rememberedNames is how many attempts a worker remembers, so that a late request
// for one that it had does not run it again.
const rememberedNames = 16384

// nameRing remembers the last names it was given.
type nameRing struct {
	at    map[string]struct{}
	order []string
	next  int
}

func (r *nameRing) has(name string) bool {
	_, ok := r.at[name]
	return ok
}

func (r *nameRing) add(name string) {
	if r.at == nil {
		r.at = map[string]struct{}{}
	}
	if len(r.order) < rememberedNames {
		r.order = append(r.order, name)
	} else {
		delete(r.at, r.order[r.next])
		r.order[r.next] = name
		r.next = (r.next + 1) % rememberedNames
	}
	r.at[name] = struct{}{}
}
