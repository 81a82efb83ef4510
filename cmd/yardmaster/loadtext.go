package main

import (
	"fmt"

	"yardmaster/messages"
)

// slotsText renders a worker's slots: 3/8, or 3/8 of 1-32 when it sizes them by
// itself.
func slotsText(w *messages.Worker) string {
	text := fmt.Sprintf("%d/%d", w.GetUsed(), w.GetSlots())
	if w.GetSlotsMin() < w.GetSlotsMax() {
		text += fmt.Sprintf(" of %d-%d", w.GetSlotsMin(), w.GetSlotsMax())
	}
	return text
}

// loadText renders how busy a worker's machine is; a dash when it did not say.
func loadText(l *messages.MachineLoad) string {
	if l == nil {
		return "-"
	}
	text := fmt.Sprintf("cpu %d%%", (l.GetCpuPermille()+5)/10)
	if free := l.GetMemoryFreeBytes(); free > 0 {
		text += fmt.Sprintf(", %.1f GiB free", float64(free)/(1<<30))
	}
	return text
}
