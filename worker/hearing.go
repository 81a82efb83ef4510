//go:build unix

package worker

import (
	"strings"
	"sync"

	"yardmaster/domain/job"
	"yardmaster/worker/command"
	"yardmaster/worker/mask"
)

// hearing listens to the output of an attempt: it obeys the commands in it, and hides
// what must not be shown. But for what has a lock, it belongs to the pump.
type hearing struct {
	pump    *pump
	masks   *mask.Set
	scanner *command.Scanner
	stream  *mask.Stream
	read    []byte // kept for their memory
	shown   []byte
	hidden  []byte

	mu      *sync.Mutex
	remarks []job.Annotation // as they were made, with what is to be hidden
	refused string           // why the step has to fail that said so; "" if it need not
}

func newHearing(p *pump, masks *mask.Set) hearing {
	h := hearing{pump: p, masks: masks, stream: mask.NewStream(masks), mu: &sync.Mutex{}}
	h.scanner = command.NewScanner(p.obey)
	return h
}

// hear takes the next piece of output. It reports false if the piece may be shown as
// it is, or else returns what may be shown now, until the next call.
func (h *hearing) hear(piece []byte) (shown []byte, changed bool) {
	if !h.scanner.Pass(piece) {
		h.read = append(h.read[:0], piece...) // what is shown may take its place
		h.shown = h.scanner.Append(h.shown[:0], h.read)
		piece, changed = h.shown, true
	}
	if h.masks.Empty() {
		return piece, changed
	}
	h.hidden = h.stream.Append(h.hidden[:0], piece)
	return h.hidden, true
}

// end returns what was held back in case a command would come of it, and at the last
// also what was in case it had to be hidden.
func (h *hearing) end(last bool) []byte {
	h.shown = h.scanner.End(h.shown[:0])
	h.hidden = h.stream.Append(h.hidden[:0], h.shown)
	if last {
		h.hidden = h.stream.Flush(h.hidden)
	}
	return h.hidden
}

// obey does what a command asks for.
func (p *pump) obey(c command.Command) {
	h := &p.hearing
	why, refused, fails := c.Refusal()
	remark, ok := c.Annotation(p.step)
	switch {
	case ok:
		h.remark(remark)
	case c.Name == command.AddMask && c.Data == "" && !c.Cut:
		h.warn(p.step, "the command add-mask has no value to hide")
	case c.Name == command.AddMask:
		if c.Cut || h.masks.Add(c.Data) != nil {
			p.cutLog("… log cut: a step wants more hidden than can be …")
		}
	case c.Name == command.StopCommands:
		h.warn(p.step, "the command stop-commands needs a word of its own, which ends it")
	case fails:
		h.remark(job.Annotation{Level: job.LevelError, Step: p.step, Message: why})
		h.mu.Lock()
		h.refused = why
		h.mu.Unlock()
	case refused && strings.HasSuffix(c.Name, "-matcher"):
		h.warn(p.step, why)
	case refused:
		h.remark(job.Annotation{Level: job.LevelError, Step: p.step, Message: why})
	}
}

func (h *hearing) warn(step int, message string) {
	h.remark(job.Annotation{Level: job.LevelWarning, Step: step, Message: message})
}

// remark keeps the first ones.
func (h *hearing) remark(a job.Annotation) {
	for _, text := range []*string{&a.Message, &a.Title, &a.File} {
		*text = strings.ToValidUTF8(*text, "\ufffd")
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.remarks) < job.MaxAnnotations {
		h.remarks = append(h.remarks, a)
	}
}

// annotations returns the remarks that were made, without what is to be hidden.
func (h *hearing) annotations() []job.Annotation {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range h.remarks {
		a := &h.remarks[i]
		a.Message, a.Title, a.File = h.masks.Hide(a.Message), h.masks.Hide(a.Title), h.masks.Hide(a.File)
		*a = a.Within()
	}
	return h.remarks
}

// refusal returns why the step that has ended has to fail, or "".
func (h *hearing) refusal() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	why := h.refused
	h.refused = ""
	return why
}
