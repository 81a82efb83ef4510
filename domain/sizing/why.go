package sizing

// Why is the reason for a size.
type Why uint8

// The reasons for a size.
const (
	Steady         Why = iota // nothing asks for another
	IdleProcessors            // every slot is in use, the processors are not
	UpperBound                // it would be more, if it were allowed
	MemoryLow                 // it would be more, if memory held it
	MemoryShort               // memory is short, or tasks wait for it
	Crowded                   // far more tasks than cores
	Spare                     // less than half was enough for a while
)

// String returns the reason in words, for a log.
func (w Why) String() string {
	switch w {
	case Steady:
		return "steady"
	case IdleProcessors:
		return "work waits and processors are idle"
	case UpperBound:
		return "work waits and processors are idle, up to the limit"
	case MemoryLow:
		return "work waits, as far as memory allows"
	case MemoryShort:
		return "memory is short"
	case Crowded:
		return "tasks crowd the processors"
	case Spare:
		return "less was enough"
	}
	return "unknown"
}
