package run

import "crypto/sha256"

// Key names an idempotency key: projects may use the same one for different runs.
type Key struct {
	Project string // never empty
	Name    string
}

// Purpose returns what an idempotency key stands for, so that it is not used twice
// for different things: what was submitted; or, for a run that tries another
// again, that run too, and whether jobs were taken over from it.
func Purpose(digest [sha256.Size]byte, retryOf ID, takesOver bool) [sha256.Size]byte {
	if retryOf == "" {
		return digest
	}
	text := append(digest[:], retryOf...)
	if takesOver {
		text = append(text, "/failed"...)
	}
	return sha256.Sum256(text)
}

// Purpose is the function Purpose, of the submission.
func (s *Submission) Purpose() [sha256.Size]byte {
	return Purpose(s.Digest, s.RetryOf, len(s.Reused) > 0)
}
