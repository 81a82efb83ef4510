package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"

	"yardmaster/messages"
)

func TestANoticeBehindAnOpenLineHasNoEmptyOneBeforeIt(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	text := newLogText("a | ", style{}, false, false, nil)
	for _, part := range []*messages.LogPart{
		{Data: []byte("one\n\ntwo")},
		{Notice: true, Data: []byte("\ncancelled\n")},
		{Data: []byte("three")},
		{Notice: true, Data: []byte("\r\nfirst\nsecond")},
	} {
		text.write(&out, part)
	}
	assert.Equal(t, "a | one\na | \na | two\na | yardmaster: cancelled\na | three\n"+
		"a | yardmaster: first\na | yardmaster: second\n", out.String())
}
