package main

import (
	"unicode"
	"unicode/utf8"
)

// sanitizer makes the output of a job safe for a terminal: of all control
// sequences only colours (SGR) pass. It takes text in pieces of any size. A
// sequence that never ends is over at the end of its line.
type sanitizer struct {
	colors bool // let SGR pass
	mode   sanitizerMode
	seq    []byte // the control sequence so far
	cut    []byte // bytes of a character whose rest is to come
	cr     bool   // the last character was a CR
}

type sanitizerMode uint8

const (
	inText   sanitizerMode = iota
	inEscape               // behind ESC
	inCSI                  // behind ESC [
	inString               // in OSC, DCS, SOS, PM or APC, up to BEL or ESC \
	inStringEscape
)

const maxSGR = 64 // bytes of one SGR sequence

// appendTo appends the safe part of p to dst. A lone CR becomes a line end.
func (s *sanitizer) appendTo(dst, p []byte) []byte {
	if len(s.cut) > 0 {
		p = append(s.cut, p...)
		s.cut = nil
	}
	for len(p) > 0 {
		if !utf8.FullRune(p) {
			s.cut = append([]byte(nil), p...)
			break
		}
		r, n := utf8.DecodeRune(p)
		p = p[n:]
		dst = s.step(dst, r)
	}
	return dst
}

func (s *sanitizer) step(dst []byte, r rune) []byte {
	if s.cr {
		s.cr = false
		if r != '\n' {
			dst = append(dst, '\n')
		}
	}
	if r == '\n' || r == '\r' {
		s.mode, s.cr = inText, r == '\r'
		if r == '\n' {
			dst = append(dst, '\n')
		}
		return dst
	}
	switch s.mode {
	case inText:
		return s.text(dst, r)
	case inEscape:
		s.escape(r)
	case inCSI:
		return s.csi(dst, r)
	case inString:
		s.inString(r)
	case inStringEscape:
		s.mode = inString
		if r == '\\' {
			s.mode = inText
		}
	}
	return dst
}

func (s *sanitizer) text(dst []byte, r rune) []byte {
	switch {
	case r == 0x1b:
		s.mode = inEscape
	case r == 0x9b:
		s.startCSI()
	case r == 0x90, r == 0x98, r >= 0x9d && r <= 0x9f:
		s.mode = inString
	case r == '\t', unicode.IsGraphic(r) && !steersText(r), r == 0x200d:
		return utf8.AppendRune(dst, r)
	}
	return dst
}

func (s *sanitizer) startCSI() { s.mode, s.seq = inCSI, s.seq[:0] }

func (s *sanitizer) escape(r rune) {
	switch {
	case r == '[':
		s.startCSI()
	case r == ']', r == 'P', r == 'X', r == '^', r == '_':
		s.mode = inString
	case r >= 0x20 && r <= 0x2f: // an intermediate; the final byte follows
	case r == 0x1b:
	default:
		s.mode = inText
	}
}

func (s *sanitizer) csi(dst []byte, r rune) []byte {
	switch {
	case r == 0x1b:
		s.mode = inEscape
	case r >= 0x20 && r <= 0x3f:
		if len(s.seq) <= maxSGR {
			s.seq = append(s.seq, byte(r))
		}
	default:
		s.mode = inText
		if r == 'm' && s.colors && sgrParameters(s.seq) {
			dst = append(append(append(dst, 0x1b, '['), s.seq...), 'm')
		}
	}
	return dst
}

func sgrParameters(seq []byte) bool {
	for _, c := range seq {
		if (c < '0' || c > '9') && c != ';' && c != ':' {
			return false
		}
	}
	return len(seq) <= maxSGR
}

func (s *sanitizer) inString(r rune) {
	switch r {
	case 0x07, 0x9c:
		s.mode = inText
	case 0x1b:
		s.mode = inStringEscape
	}
}
