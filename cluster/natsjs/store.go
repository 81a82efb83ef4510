package natsjs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"yardmaster/cluster/journal"
)

const (
	codeInsufficient = 10023 // JetStream has no room
	codeStoreFailed  = 10077 // a message could not be stored
	readAhead        = 256
	readAheadBytes   = 16 << 20
	readPatience     = 5 * time.Second
)

// JournalStore keeps the journal of one partition in its stream. It implements
// journal.Store.
type JournalStore struct {
	js      jetstream.JetStream
	stream  jetstream.Stream
	subject string
}

// OpenJournalStore returns the store of a partition, whose stream must exist.
func OpenJournalStore(ctx context.Context, js jetstream.JetStream, partition uint32) (*JournalStore, error) {
	stream, err := js.Stream(ctx, journalStream(partition))
	if err != nil {
		return nil, fmt.Errorf("natsjs: journal of partition %d: %w", partition, err)
	}
	return &JournalStore{js: js, stream: stream, subject: journalSubject(partition)}, nil
}

// Append implements journal.Store.
func (s *JournalStore) Append(ctx context.Context, raw []byte, last uint64) (uint64, error) {
	msg := nats.Msg{Subject: s.subject, Data: raw}
	ack, err := s.js.PublishMsg(ctx, &msg, jetstream.WithExpectLastSequence(last))
	if err != nil {
		return 0, answer(err)
	}
	return ack.Sequence, nil
}

// answer sorts the errors of a publish into those of journal.Store.
func answer(err error) error {
	var kind error
	var api *jetstream.APIError
	switch {
	case errors.As(err, &api) && api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence:
		kind = journal.ErrWrongLast
	case errors.As(err, &api) && (api.ErrorCode == codeStoreFailed || api.ErrorCode == codeInsufficient):
		kind = journal.ErrStorage
	case errors.As(err, &api), errors.Is(err, jetstream.ErrNoStreamResponse):
		kind = journal.ErrRefused
	default:
		return err
	}
	return fmt.Errorf("%w: %w", kind, err)
}

// Bounds implements journal.Store. The stream's leader answers.
func (s *JournalStore) Bounds(ctx context.Context) (first, last uint64, err error) {
	info, err := s.stream.Info(ctx)
	if err != nil {
		return 0, 0, err
	}
	if info.State.Msgs == 0 {
		return info.State.LastSeq + 1, info.State.LastSeq, nil
	}
	return info.State.FirstSeq, info.State.LastSeq, nil
}

// Get implements journal.Store.
func (s *JournalStore) Get(ctx context.Context, position uint64) ([]byte, error) {
	msg, err := s.stream.GetMsg(ctx, position)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, journal.ErrMissing
	}
	if err != nil {
		return nil, err
	}
	return msg.Data, nil
}

// Read implements journal.Store.
func (s *JournalStore) Read(
	ctx context.Context, from, to uint64, fn func(position uint64, raw []byte) error,
) error {
	if from > to {
		return nil
	}
	if _, last, err := s.Bounds(ctx); err != nil || to > last {
		return errors.Join(err, journal.ErrMissing)
	}
	consumer, err := s.stream.OrderedConsumer(ctx, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: from,
	})
	if err != nil {
		return err
	}
	defer remove(ctx, s.stream, consumer)
	messages, err := consumer.Messages(jetstream.PullMaxMessagesWithBytesLimit(readAhead, readAheadBytes))
	if err != nil {
		return err
	}
	defer messages.Stop()
	for next := from; next <= to; {
		msg, err := s.next(ctx, messages, next)
		if err != nil {
			return err
		}
		if msg == nil {
			continue
		}
		meta, err := msg.Metadata()
		if err != nil {
			return err
		}
		if meta.Sequence.Stream != next {
			return journal.ErrMissing
		}
		if err := fn(next, msg.Data()); err != nil {
			return err
		}
		next++
	}
	return nil
}

// next waits for a message. When none comes it asks whether there is one, and
// returns nil if so: then the consumer is slow.
func (s *JournalStore) next(
	ctx context.Context, messages jetstream.MessagesContext, position uint64,
) (jetstream.Msg, error) {
	patience, cancel := context.WithTimeout(ctx, readPatience)
	defer cancel()
	msg, err := messages.Next(jetstream.NextContext(patience))
	if err == nil || patience.Err() == nil || ctx.Err() != nil {
		return msg, err
	}
	_, err = s.Get(ctx, position)
	return nil, err
}

// Purge implements journal.Store.
func (s *JournalStore) Purge(ctx context.Context, position uint64) error {
	return s.stream.Purge(ctx, jetstream.WithPurgeSequence(position))
}
