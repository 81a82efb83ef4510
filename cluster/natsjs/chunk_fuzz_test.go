package natsjs_test

import (
	"bytes"
	"testing"

	"yardmaster/cluster/natsjs"
)

func FuzzDecodeChunk(f *testing.F) {
	raw, err := natsjs.EncodeChunk(chunk(3, "text"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := natsjs.DecodeChunk(raw)
		if err != nil {
			return
		}
		if again, err := natsjs.EncodeChunk(c); err != nil || !bytes.Equal(again, raw) {
			t.Fatalf("%x became %x, %v", raw, again, err)
		}
	})
}
