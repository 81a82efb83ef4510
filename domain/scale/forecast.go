package scale

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// settled is how long a worker must be idle before a job that it could take, and
// that waits, must be held back by something else than the want of workers.
const settled = 15 * time.Second

// supply is a worker as the work that waits sees it.
type supply struct {
	worker *Worker
	of     *tally  // its class, or nil
	kind   int     // index in kinds
	room   float64 // what is left of its time
}

// sortSupplies orders workers as they are asked: those that are there first, then
// those with the fewest labels, so that rare ones are left for who needs them.
func (d *decision) sortSupplies() {
	slices.SortStableFunc(d.supplies, func(a, b supply) int {
		return cmp.Or(
			cmp.Compare(phaseOrder(a.worker.Phase), phaseOrder(b.worker.Phase)),
			cmp.Compare(len(a.worker.Labels), len(b.worker.Labels)),
		)
	})
}

func phaseOrder(p Phase) int {
	if p == Ready {
		return 0
	}
	return 1
}

// kindOf returns the index of the kind of a worker, and makes it if need be: many
// workers are alike, and what fits one of them fits them all.
func (d *decision) kindOf(w *Worker, known map[string]int) int {
	key := fmt.Sprintf("%s\x00%s\x00%d %d %d", strings.Join(w.Labels, "\x00"), w.Pool, w.Slots, w.Resources.CPU,
		w.Resources.Memory)
	k, is := known[key]
	if !is {
		k = len(d.kinds)
		known[key] = k
		d.kinds = append(d.kinds, w)
	}
	return k
}

// waiting is a demand of which jobs wait, and the classes that can serve it.
type waiting struct {
	*Demand
	classes []*tally // the cheapest first
	fit     []int    // how many of the jobs a worker of each kind takes at once
}

// forecast gives the work that waits to existing workers as far as they will have
// done it before new ones have booted, and the rest to new ones.
func (d *decision) forecast() {
	for _, w := range d.waitings() {
		for _, t := range w.classes {
			t.waiting += w.Waiting
		}
		if d.idlesAnyway(w) {
			for _, t := range w.classes {
				t.bound += w.Waiting
			}
			continue
		}
		d.serve(w)
	}
}

// waitings returns what waits, the hardest to please first.
func (d *decision) waitings() []waiting {
	var all []waiting
	for i := range d.Demands {
		demand := &d.Demands[i]
		if demand.Waiting <= 0 {
			continue
		}
		w := waiting{Demand: demand, fit: make([]int, len(d.kinds))}
		for k, like := range d.kinds {
			w.fit[k] = demand.onWorker(like)
		}
		for k := range d.tallies {
			if demand.onClass(d.tallies[k].class) > 0 {
				w.classes = append(w.classes, &d.tallies[k])
			}
		}
		slices.SortStableFunc(w.classes, func(a, b *tally) int {
			return cmp.Compare(demand.costOn(a.class), demand.costOn(b.class))
		})
		all = append(all, w)
	}
	slices.SortStableFunc(all, func(a, b waiting) int {
		return cmp.Or(
			cmp.Compare(len(a.classes), len(b.classes)),
			cmp.Compare(len(b.Labels), len(a.Labels)),
			cmp.Compare(b.OldestWait, a.OldestWait),
			strings.Compare(strings.Join(a.Labels, ","), strings.Join(b.Labels, ",")),
		)
	})
	return all
}

// costOn is what one job costs on a class that can serve it.
func (d *Demand) costOn(c *Class) float64 { return c.Cost / float64(d.onClass(c)) }

// idlesAnyway reports whether a worker that could take the jobs idles although
// they wait.
func (d *decision) idlesAnyway(w waiting) bool {
	return slices.ContainsFunc(d.supplies, func(s supply) bool {
		return w.fit[s.kind] > 0 && s.worker.idle() && d.Now.Sub(s.worker.Since) >= settled
	})
}

// serve finds out who will do what waits of one demand.
func (d *decision) serve(w waiting) {
	if len(w.classes) == 0 {
		d.existing(w, DefaultBoot)
		return
	}
	first := w.classes[0]
	for _, t := range w.classes {
		if t.available(d.Now) > 0 {
			first = t
			break
		}
	}
	boot := first.memory.boot(first.class)
	left := d.existing(w, boot)
	served := left
	for _, t := range w.classes {
		left -= d.fresh(t, w, left)
	}
	if served == 0 {
		d.hurry(first, w, boot)
	}
	for _, t := range w.classes {
		t.blocked += left
	}
}

// available is how many more workers of a class may be asked for.
func (t *tally) available(now time.Time) float64 {
	if !t.memory.mayLaunch(now) {
		return 0
	}
	return max(0, float64(t.room())-t.wanted)
}

// existing lets the workers that are there, or have been asked for, take what they
// will have done before a new one has booted. It returns how many jobs are left.
func (d *decision) existing(w waiting, boot time.Duration) (left int) {
	left = w.Waiting
	for i := range d.supplies {
		s := &d.supplies[i]
		if left == 0 {
			break
		}
		jobs := s.jobs(w, d.Now, boot)
		if jobs == 0 {
			continue
		}
		took := min(left, int(float64(jobs)*s.room+1e-9))
		s.room -= float64(took) / float64(jobs)
		left -= took
	}
	return left
}

// jobs returns how many jobs of a demand a worker will have done, or one for each
// free slot at least, before a new one has booted; one that boots already has the
// time to come up, and then as long as it took.
func (s *supply) jobs(w waiting, now time.Time, boot time.Duration) int {
	at := w.fit[s.kind]
	if at == 0 {
		return 0
	}
	typical := w.takes(boot)
	if s.worker.Phase == Booting {
		passed := now.Sub(s.worker.Since)
		ahead := max(0, s.of.memory.boot(s.of.class)-passed)
		return at * max(1, int((boot+max(boot, typical)-ahead)/typical))
	}
	free := min(at, max(0, s.worker.Slots-s.worker.Held))
	// A slot in use comes free in half a job's time, in the mean.
	return free*max(1, int(boot/typical)) + (at-free)*max(0, int((boot-typical/2)/typical))
}

// takes is how long a job of the demand takes; one that is not known counts as
// long as a boot.
func (d *Demand) takes(boot time.Duration) time.Duration {
	if d.Typical <= 0 {
		return boot
	}
	return d.Typical
}

// fresh gives jobs to new workers of a class, as far as it may have more, and
// returns how many. A new worker is to have work for as long as it takes to boot.
func (d *decision) fresh(t *tally, w waiting, left int) int {
	room := t.available(d.Now)
	if left == 0 || room <= 0 {
		return 0
	}
	boot := t.memory.boot(t.class)
	typical := w.takes(boot)
	each := w.onClass(t.class) * max(1, int(max(boot, typical)/typical))
	took := min(left, int(room*float64(each)+1e-9))
	t.wanted += float64(took) / float64(each)
	t.given += took
	return took
}

// hurry asks for one worker more when a job has waited too long for the forecast
// to be right, unless one is on its way.
func (d *decision) hurry(t *tally, w waiting, boot time.Duration) {
	patience := t.class.Patience
	if patience <= 0 {
		patience = 2 * boot
	}
	if w.OldestWait <= patience || t.available(d.Now) < 1 || t.wanted > 0 {
		return
	}
	coming := func(s supply) bool { return s.worker.Phase == Booting && w.fit[s.kind] > 0 }
	if slices.ContainsFunc(d.supplies, coming) {
		return
	}
	t.wanted, t.urgent = 1, w.OldestWait
}
