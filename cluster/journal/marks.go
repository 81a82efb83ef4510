package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"sync"
	"time"
)

// Layout of a slot: sequence, generation, hash, CRC-32C; each partition has two,
// written in turn, so that one torn by a power loss leaves the other.
const (
	slotSize     = 64
	offSlotGen   = 8
	offSlotHash  = 16
	offSlotSum   = 48
	syncInterval = time.Second
)

// ErrMarksDamaged means that neither slot of a partition can be read.
var ErrMarksDamaged = errors.New("journal: the file of marks is damaged")

// FileMarks keeps the marks of all partitions in one small file. Set writes
// without waiting for the disk; the file is synced every second and at Close: a
// killed process loses no mark, a power loss about a second of them, which makes
// them older, not wrong.
type FileMarks struct {
	file       *os.File
	partitions uint32
	stop       chan struct{}
	stopped    chan struct{}

	mu    sync.Mutex
	gen   []uint64
	dirty bool
}

// CreateMarks makes a new, synced file of marks, none of which is set.
// It returns an error that wraps os.ErrExist when there is one.
func CreateMarks(path string, partitions uint32) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, int(partitions)*2*slotSize))
	return errors.Join(err, f.Sync(), f.Close())
}

// OpenMarks opens the file that CreateMarks made.
func OpenMarks(path string, partitions uint32) (*FileMarks, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || info.Size() != int64(partitions)*2*slotSize {
		return nil, errors.Join(fmt.Errorf("%w: %s: size", ErrMarksDamaged, path), err, f.Close())
	}
	m := &FileMarks{
		file: f, partitions: partitions, gen: make([]uint64, partitions),
		stop: make(chan struct{}), stopped: make(chan struct{}),
	}
	go m.syncing()
	return m, nil
}

// Load implements Marks. It returns the newer of the two slots.
func (m *FileMarks) Load(partition uint32) (Point, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if partition >= m.partitions {
		return Point{}, fmt.Errorf("journal: no mark for partition %d of %d", partition, m.partitions)
	}
	var best Point
	sound, empty := 0, 0
	for side := range uint64(2) {
		var slot [slotSize]byte
		if _, err := m.file.ReadAt(slot[:], slotAt(partition, side)); err != nil && !errors.Is(err, io.EOF) {
			return Point{}, err
		}
		p, gen, ok := decodeSlot(slot[:])
		switch {
		case slot == [slotSize]byte{}:
			empty++
		case ok:
			sound++
			if gen >= m.gen[partition] {
				m.gen[partition], best = gen, p
			}
		}
	}
	if sound == 0 && empty < 2 {
		return Point{}, fmt.Errorf("%w: partition %d", ErrMarksDamaged, partition)
	}
	return best, nil
}

// Set implements Marks.
func (m *FileMarks) Set(partition uint32, p Point) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if partition >= m.partitions {
		return fmt.Errorf("journal: no mark for partition %d of %d", partition, m.partitions)
	}
	m.gen[partition]++
	slot := encodeSlot(p, m.gen[partition])
	m.dirty = true
	_, err := m.file.WriteAt(slot[:], slotAt(partition, m.gen[partition]%2))
	return err
}

// Close syncs and closes the file.
func (m *FileMarks) Close() error {
	close(m.stop)
	<-m.stopped
	return errors.Join(m.file.Sync(), m.file.Close())
}

func (m *FileMarks) syncing() {
	defer close(m.stopped)
	tick := time.NewTicker(syncInterval)
	defer tick.Stop()
	for {
		select {
		case <-m.stop:
			return
		case <-tick.C:
		}
		m.mu.Lock()
		dirty := m.dirty
		m.dirty = false
		m.mu.Unlock()
		if dirty {
			_ = m.file.Sync() // a mark that was not synced is only older
		}
	}
}

func slotAt(partition uint32, side uint64) int64 {
	return (int64(partition)*2 + int64(side)) * slotSize
}

func encodeSlot(p Point, gen uint64) (slot [slotSize]byte) {
	binary.LittleEndian.PutUint64(slot[:], p.Sequence)
	binary.LittleEndian.PutUint64(slot[offSlotGen:], gen)
	copy(slot[offSlotHash:], p.Hash[:])
	sum := crc32.Checksum(slot[:offSlotSum], crc32.MakeTable(crc32.Castagnoli))
	binary.LittleEndian.PutUint32(slot[offSlotSum:], sum)
	return slot
}

func decodeSlot(slot []byte) (Point, uint64, bool) {
	p := Point{Sequence: binary.LittleEndian.Uint64(slot), Hash: Hash(slot[offSlotHash:offSlotSum])}
	sum := crc32.Checksum(slot[:offSlotSum], crc32.MakeTable(crc32.Castagnoli))
	ok := sum == binary.LittleEndian.Uint32(slot[offSlotSum:])
	return p, binary.LittleEndian.Uint64(slot[offSlotGen:]), ok
}
