package actors

import (
	"yardmaster/domain/ledger"
	"yardmaster/domain/problem"
)

// maxTakeOvers bounds how many runs are looked through for where a job was run.
const maxTakeOvers = 10_000

// ranIn returns the run in which the job at index of e was run: e itself, unless
// the job was taken over, maybe by one run after the other. It fails when that run
// is not kept any more.
func (b Backend) ranIn(e ledger.Entry, index uint32) (ledger.Entry, error) {
	for range maxTakeOvers {
		if !e.Jobs[index].TakenOver() {
			return e, nil
		}
		from := e.Run.RetryOf
		before, ok, err := b.board(string(from)).find(from)
		if err != nil {
			return e, err
		}
		if !ok || int(index) >= len(before.Jobs) {
			return e, problem.New(problem.NotFound,
				"job %s was taken over from run %s, which is not kept any more, nor is its log",
				e.Jobs[index].Spec.Key, from)
		}
		e = before
	}
	return e, problem.New(problem.NotFound, "job %s was taken over too often", e.Jobs[index].Spec.Key)
}
