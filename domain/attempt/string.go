package attempt

import "fmt"

// String returns the attempt's name, so that printing a task never shows what its
// variables hold.
func (t Task) String() string { return t.Name() }

// String names the kind in lower case.
func (k ChunkKind) String() string {
	switch k {
	case Output:
		return "output"
	case Notice:
		return "notice"
	}
	return fmt.Sprintf("ChunkKind(%d)", uint8(k))
}

// String describes the chunk without what is in it.
func (c Chunk) String() string {
	return fmt.Sprintf("chunk %d: %d bytes of %s by step %d", c.Seq, len(c.Data), c.Kind, c.Step)
}

// String says which step begins or has ended.
func (s Step) String() string {
	if s.Running {
		return fmt.Sprintf("step %d begins", s.Index)
	}
	return fmt.Sprintf("step %d has ended", s.Index)
}
