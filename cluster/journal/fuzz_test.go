package journal_test

import (
	"encoding/binary"
	"hash/crc32"
)

// fixSum replaces the checksum by the right one, so that the fuzzer gets past it.
func fixSum(raw []byte) []byte {
	if len(raw) < 4 {
		return raw
	}
	body := append([]byte{}, raw[:len(raw)-4]...)
	return binary.LittleEndian.AppendUint32(body, crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)))
}
