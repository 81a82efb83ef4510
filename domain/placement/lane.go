package placement

import "yardmaster/domain/queue"

// lane is the jobs of one project with one demand: all of them may be placed, or
// none. Its number is that of its class in the queue.
type lane struct {
	demand, share int32
	jobs          int32 // that wait or hold a slot
	turn, first   int32 // its places in the heaps of its demand, or absent
	at            int32 // index in its share's lanes
	head          place // of the job that is due first, if one waits
}

type laneKey struct{ demand, share int32 }

// lanes are all of them. A lane lasts as long as it has jobs.
type lanes struct {
	all  []lane
	free []int32
	of   map[laneKey]int32
}

func (l *lanes) at(id int32) *lane { return &l.all[id] }

// laneFor returns the lane of a job, and makes it if need be.
func (y *Yard) laneFor(r *Request) (int32, error) {
	d, err := y.demandFor(r)
	if err != nil {
		return 0, err
	}
	key := laneKey{d, y.shareFor(r.Project)}
	if l, found := y.lanes.of[key]; found {
		return l, nil
	}
	l := unused(&y.lanes.all, &y.lanes.free)
	s := y.shares.all[key.share]
	y.lanes.all[l] = lane{demand: key.demand, share: key.share, turn: absent, first: absent, at: int32(len(s.lanes))}
	s.lanes = append(s.lanes, l)
	y.lanes.of[key] = l
	return l, nil
}

// count adds n to the jobs that wait or hold a slot, and drops what has none left.
func (y *Yard) count(l int32, n int) {
	of := y.lanes.at(l)
	s := y.shares.all[of.share]
	of.jobs += int32(n)
	y.demands.all[of.demand].jobs += n
	s.jobs += n
	if of.jobs > 0 {
		return
	}
	delete(y.lanes.of, laneKey{of.demand, of.share})
	moved := s.lanes[len(s.lanes)-1]
	s.lanes[of.at] = moved
	y.lanes.at(moved).at = of.at
	s.lanes = s.lanes[:len(s.lanes)-1]
	y.lanes.free = append(y.lanes.free, l)
	if s.jobs == 0 {
		y.idleShare(of.share)
	}
}

// advance brings the places of a lane up to date, after jobs came or went.
func (y *Yard) advance(l int32) {
	of := y.lanes.at(l)
	e, waits := y.queue.Head(queue.ClassID(l))
	if waits && of.first != absent && of.head == placeOf(e) {
		return
	}
	d := y.demands.all[of.demand]
	before := firstOf(d)
	of.head = placeOf(e)
	d.first.put(l, of.first, of.head, waits)
	y.queueUp(l)
	y.yield(d, before, firstOf(d))
}

// queueUp brings the place of a lane among those in turn up to date.
func (y *Yard) queueUp(l int32) {
	of := y.lanes.at(l)
	s := y.shares.all[of.share]
	y.demands.all[of.demand].turn.put(l, of.turn, turn{s.ratio, of.head}, of.first != absent && s.may)
	y.want(of.demand)
}

// turnOf returns when it is the turn of a lane.
func (y *Yard) turnOf(l int32) turn {
	of := y.lanes.at(l)
	return turn{y.shares.all[of.share].ratio, of.head}
}

// firstOf returns the place of the job of a demand that is due first, or last.
func firstOf(d *demand) place {
	if len(d.first.items) == 0 {
		return last
	}
	return d.first.items[0].key
}
