package mask

// span is a part of a text that is hidden.
type span struct{ from, to int }

// Stream is one text that comes in pieces. It holds back an end that may yet turn out
// to be the beginning of a value.
type Stream struct {
	set     *Set
	version uint64 // of the trie that node belongs to
	node    int32  // the longest one that the text ends with
	held    []byte // what is not decided, which is at least that node's text
	spans   []span // of held, in order
	starred bool   // the first span began earlier, and has its stars
}

// NewStream returns a Stream at the beginning of its text.
func NewStream(s *Set) *Stream { return &Stream{set: s} }

// Append appends to dst what can be shown, now that src has come.
func (s *Stream) Append(dst, src []byte) []byte {
	s.set.mu.Lock()
	defer s.set.mu.Unlock()
	t := s.set.trie
	switch {
	case t == nil:
		return append(dst, src...)
	case t.full:
		s.drop()
		return dst
	}
	t.link()
	text, at := src, 0
	if len(s.held) > 0 {
		at = len(s.held)
		s.held = append(s.held, src...)
		text = s.held
	}
	if s.version != t.version {
		s.version, s.node, at = t.version, 0, 0
		s.forget()
	}
	s.find(t, text, at)
	decided := len(text) - int(t.nodes[s.node].depth)
	dst = s.show(dst, text, decided)
	s.held = append(s.held[:0], text[decided:]...)
	return dst
}

// find marks the values that end in text from at on.
func (s *Stream) find(t *trie, text []byte, at int) {
	for at < len(text) {
		if s.node == 0 {
			if at = t.skip(text, at); at == len(text) {
				return
			}
		}
		s.node = t.step(s.node, text[at])
		at++
		if whole := int(t.nodes[s.node].whole); whole > 0 {
			s.mark(span{at - whole, at})
		}
	}
}

// forget drops the spans that are found again when all that is held is looked at anew.
func (s *Stream) forget() {
	if !s.starred {
		s.spans = s.spans[:0]
		return
	}
	s.spans = s.spans[:1]
}

// mark adds a span, which ends behind all others.
func (s *Stream) mark(added span) {
	for n := len(s.spans); n > 0 && s.spans[n-1].to > added.from; n-- {
		added.from = min(added.from, s.spans[n-1].from)
		added.to = max(added.to, s.spans[n-1].to)
		s.spans = s.spans[:n-1]
	}
	s.spans = append(s.spans, added)
}

// show appends text up to an offset, and keeps the spans that go beyond it.
func (s *Stream) show(dst, text []byte, to int) []byte {
	shown, at := 0, 0
	for ; shown < len(s.spans) && s.spans[shown].from < to; shown++ {
		hidden := s.spans[shown]
		dst = append(dst, text[at:hidden.from]...)
		if !s.starred {
			dst = append(dst, Stars...)
		}
		s.starred = false
		at = min(hidden.to, to)
		if hidden.to > to {
			s.starred = true
			break
		}
	}
	dst = append(dst, text[at:to]...)
	s.spans = append(s.spans[:0], s.spans[shown:]...)
	for i := range s.spans {
		s.spans[i] = span{max(0, s.spans[i].from-to), s.spans[i].to - to}
	}
	return dst
}

// drop lets go of what is held back.
func (s *Stream) drop() { s.held, s.spans = s.held[:0], s.spans[:0] }

// Held returns how many bytes are held back.
func (s *Stream) Held() int { return len(s.held) }

// Flush appends to dst what was held back: the text has ended.
func (s *Stream) Flush(dst []byte) []byte {
	if !s.set.Empty() && s.set.full() {
		s.drop()
	}
	dst = s.show(dst, s.held, len(s.held))
	s.held, s.node, s.starred = s.held[:0], 0, false
	return dst
}
