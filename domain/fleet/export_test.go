package fleet

// Places returns how many places the lines of workers that are gone have, valid or
// not.
func (f *Fleet) Places() int { return len(f.gone[0].places) + len(f.gone[1].places) }
