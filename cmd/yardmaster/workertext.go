package main

import (
	"fmt"
	"strings"
	"time"

	"yardmaster/domain/resource"
	"yardmaster/messages"
)

// labelColumns is how wide the labels of a worker are in a list.
const labelColumns = 60

func workerState(s messages.WorkerState) string {
	return strings.TrimPrefix(s.String(), "WORKER_STATE_")
}

func (a *app) workers() error {
	client, err := a.client()
	if err != nil {
		return err
	}
	defer client.Close()
	workers, err := client.Workers(a.stops.orderly)
	if err != nil {
		return err
	}
	if a.output == outputJSON {
		return printJSON(a.out, &messages.ListWorkersResponse{Workers: workers})
	}
	rows := [][]string{{"WORKER", "POOL", "STATE", "SLOTS", "CPU", "MEMORY", "LOAD", "HEARD", "VERSION", "LABELS"}}
	for _, w := range workers {
		rows = append(rows, []string{
			w.GetWorkerId(), poolName(w), workerState(w.GetState()), slotsText(w), cpuOf(w), memoryOf(w),
			loadText(w.GetLoad()), heardOf(w),
			cleanLine(w.GetVersion()), fit(cleanLine(shortLabels(w.GetLabels())), labelColumns, a.style().ellipsis()),
		})
	}
	fmt.Fprint(a.out, table(rows))
	return nil
}

func poolName(w *messages.Worker) string {
	if w.GetPool() == "" {
		return "default"
	}
	return cleanLine(w.GetPool())
}

func cpuOf(w *messages.Worker) string {
	all := w.GetResources().GetCpuMilli()
	if all == 0 {
		return "-"
	}
	return cores(int64(w.GetHeldResources().GetCpuMilli())) + "/" + cores(int64(all))
}

func memoryOf(w *messages.Worker) string {
	all := w.GetResources().GetMemoryBytes()
	if all == 0 {
		return "-"
	}
	held := "0"
	if taken := w.GetHeldResources().GetMemoryBytes(); taken > 0 {
		held = bytesText(taken)
	}
	return held + "/" + bytesText(all)
}

// bytesText renders an amount without a blank in it: 7.5GiB.
func bytesText(n uint64) string {
	return strings.ReplaceAll(resource.Amount{Memory: int64(n)}.String(), " ", "")
}

func heardOf(w *messages.Worker) string {
	if w.GetSinceHeartbeat() == nil {
		return "-"
	}
	return duration(w.GetSinceHeartbeat().AsDuration()) + " ago"
}

// shortLabels joins labels with commas, less those that a longer one says as well:
// go, go=1 and go=1.26 where there is go=1.26.8.
func shortLabels(labels []string) string {
	var kept []string
	for _, l := range labels {
		said := false
		for _, other := range labels {
			said = said || strings.HasPrefix(other, l+"=") || strings.Contains(l, "=") && strings.HasPrefix(other, l+".")
		}
		if !said {
			kept = append(kept, l)
		}
	}
	return strings.Join(kept, ",")
}

func (a *app) showWorker(name string) error {
	client, err := a.client()
	if err != nil {
		return err
	}
	defer client.Close()
	id, err := findWorker(a.stops.orderly, client, name)
	if err != nil {
		return err
	}
	answer, err := client.Worker(a.stops.orderly, id)
	if err != nil {
		return err
	}
	if a.output == outputJSON {
		return printJSON(a.out, answer)
	}
	fmt.Fprint(a.out, workerText(answer, time.Now()))
	return nil
}

// workerText describes a worker for people.
func workerText(answer *messages.GetWorkerResponse, now time.Time) string {
	var b strings.Builder
	w := answer.GetWorker()
	fmt.Fprintf(&b, "%s  %s", w.GetWorkerId(), workerState(w.GetState()))
	if w.GetReason() != "" {
		fmt.Fprintf(&b, "  (%s)", cleanLine(w.GetReason()))
	}
	b.WriteString("\n\n")
	rows := [][]string{
		{"pool", poolName(w)}, {"slots", slotsText(w)}, {"cpu", cpuOf(w)}, {"memory", memoryOf(w)}, {"heard of", heardOf(w)},
	}
	if connected := moment(w.GetConnectedAt()); !connected.IsZero() {
		rows = append(rows, []string{"connected", clock(connected) + ", for " + elapsed(connected, time.Time{}, now)})
	}
	more := func(what, text string) {
		if text != "" {
			rows = append(rows, []string{what, cleanLine(text)})
		}
	}
	more("version", w.GetVersion())
	more("labels", strings.Join(w.GetLabels(), ", "))
	more("found", strings.Join(w.GetFound(), ", "))
	more("added", strings.Join(w.GetAdded(), ", "))
	more("removed", strings.Join(w.GetRemoved(), ", "))
	if w.GetHeldBack() {
		more("held back", "by an operator")
	}
	more("runs", strings.Join(w.GetJobs(), ", "))
	b.WriteString(table(rows))
	b.WriteString("\n" + historyText(answer.GetHistory()))
	return b.String()
}

func historyText(history []*messages.WorkerEntry) string {
	rows := [][]string{{"TIME", "STATE", "BY", "WHY"}}
	for _, e := range history {
		why := cleanLine(e.GetChanged().GetReason())
		if e.GetChanged().GetAlert() {
			why += " (alert)"
		}
		rows = append(rows, []string{
			clock(time.Unix(0, e.GetUnixNanos())), workerState(e.GetChanged().GetState()), cleanLine(e.GetPrincipal()), why,
		})
	}
	return table(rows)
}
