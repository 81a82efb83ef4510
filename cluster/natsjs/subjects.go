package natsjs

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"yardmaster/domain/blob"
	"yardmaster/domain/job"
)

// Every name that Yardmaster gives to something in NATS begins with prefix or
// Prefix. They are an interface: testdata/subjects.txt lists them.
const (
	prefix = "ym"
	upper  = "YM"

	logStream      = upper + "_LOGS"
	logSubjects    = prefix + ".log.>"
	snapshotBucket = upper + "_SNAPSHOTS"
	journalStreams = upper + "_JOURNAL_"

	blobStream      = upper + "_BLOBS"
	blobSubjects    = prefix + ".blob.>"
	blobHeads       = prefix + ".blob.head.*"
	blobFirstChunks = prefix + ".blob.chunk.*.0"
)

// journalStream returns the name of the stream that holds a partition's journal.
func journalStream(partition uint32) string {
	return journalStreams + strconv.FormatUint(uint64(partition), 10)
}

// journalSubject returns the one subject of that stream.
func journalSubject(partition uint32) string {
	return prefix + ".journal." + strconv.FormatUint(uint64(partition), 10)
}

// logSubject returns the subject of an attempt's log chunks.
func logSubject(partition uint32, id job.ID, token job.Token) string {
	return fmt.Sprintf("%s.log.%d.%s.%d.%d", prefix, partition, id.Run, id.Index, token)
}

// logFilter matches the subject of an attempt's log in whatever partition.
func logFilter(id job.ID, token job.Token) string {
	return fmt.Sprintf("%s.log.*.%s.%d.%d", prefix, id.Run, id.Index, token)
}

// runLogFilter matches the subjects of all logs of a run.
func runLogFilter(run job.RunID) string {
	return fmt.Sprintf("%s.log.*.%s.>", prefix, run)
}

// snapshotName returns the name of a snapshot object; names sort by sequence.
func snapshotName(partition uint32, sequence uint64) string {
	return fmt.Sprintf("p%d.%020d", partition, sequence)
}

// snapshotSequence reads what snapshotName wrote for partition.
func snapshotSequence(partition uint32, name string) (uint64, bool) {
	rest, ok := strings.CutPrefix(name, fmt.Sprintf("p%d.", partition))
	seq, err := strconv.ParseUint(rest, 10, 64)
	return seq, ok && err == nil
}

// blobHeadSubject returns the subject of a blob's head.
func blobHeadSubject(d blob.Digest) string { return prefix + ".blob.head." + d.String() }

// headDigest reads what blobHeadSubject wrote.
func headDigest(subject string) (blob.Digest, error) {
	return blob.Parse(strings.TrimPrefix(subject, prefix+".blob.head."))
}

// blobChunkSubject returns the subject of a chunk of an upload, counted from 0.
func blobChunkSubject(upload string, chunk int) string {
	return fmt.Sprintf("%s.blob.chunk.%s.%d", prefix, upload, chunk)
}

// chunkUpload reads the upload from the subject of its first chunk.
func chunkUpload(subject string) (string, error) {
	id := strings.TrimSuffix(strings.TrimPrefix(subject, prefix+".blob.chunk."), ".0")
	return id, checkToken(id)
}

// blobUploadFilter matches the subjects of all chunks of an upload.
func blobUploadFilter(upload string) string { return prefix + ".blob.chunk." + upload + ".*" }

// checkToken refuses what cannot stand as one part of a subject.
func checkToken(s string) error {
	odd := func(r rune) bool {
		return r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}
	if s == "" || len(s) > 64 || slices.ContainsFunc([]rune(s), odd) {
		return fmt.Errorf("natsjs: %q cannot be part of a subject", s)
	}
	return nil
}

// Names lists every stream, bucket and subject of this package, as a text for people.
func Names(partitions uint32) string {
	var b strings.Builder
	for p := range partitions {
		fmt.Fprintf(&b, "stream %s: %s\n", journalStream(p), journalSubject(p))
	}
	fmt.Fprintf(&b, "stream %s: %s\n", logStream, logSubjects)
	id := job.ID{Run: "RUN", Index: 3}
	fmt.Fprintf(&b, "  log of an attempt: %s\n", logSubject(2, id, 1))
	fmt.Fprintf(&b, "  to read it: %s\n", logFilter(id, 1))
	fmt.Fprintf(&b, "  to purge a run's: %s\n", runLogFilter(id.Run))
	fmt.Fprintf(&b, "stream %s: %s\n", blobStream, blobSubjects)
	fmt.Fprintf(&b, "  head of a blob: %s\n", blobHeadSubject(blob.Of(nil)))
	fmt.Fprintf(&b, "  chunk of an upload: %s\n", blobChunkSubject("UPLOAD", 3))
	fmt.Fprintf(&b, "  to purge an upload's: %s\n", blobUploadFilter("UPLOAD"))
	fmt.Fprintf(&b, "object store %s\n", snapshotBucket)
	fmt.Fprintf(&b, "  snapshot: %s\n", snapshotName(2, 1234))
	return b.String()
}
