package mask_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"yardmaster/worker/mask"
)

// buildLog is what a compiler might say, with a value now and then.
func buildLog(values []string) []byte {
	var b bytes.Buffer
	for i := 0; b.Len() < 1<<20; i++ {
		fmt.Fprintf(&b, "2026-01-02T03:04:05Z [%d] compiling src/module%d/file%d.cc -O2 -o out/%x.o\n", i, i%7, i, i*79)
		if i%500 == 0 && len(values) > 0 {
			b.WriteString("token: " + values[i/500%len(values)] + "\n")
		}
	}
	return b.Bytes()
}

func randomValues(n int) []string {
	r := rand.New(rand.NewPCG(1, 2))
	values := make([]string, n)
	for i := range values {
		for range 40 {
			values[i] += string("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"[r.IntN(64)])
		}
	}
	return values
}

func BenchmarkStream(b *testing.B) {
	for _, n := range []int{1, 10, 100, 1000} {
		b.Run(fmt.Sprintf("values=%d", n), func(b *testing.B) {
			values := randomValues(n)
			s := mask.NewSet()
			for _, v := range values {
				require.NoError(b, s.Add(v))
			}
			text := buildLog(values)
			stream, out := mask.NewStream(s), make([]byte, 0, 64<<10)
			stream.Append(out, text[:1])
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				for i := 0; i < len(text); i += 32 << 10 {
					out = stream.Append(out[:0], text[i:min(len(text), i+32<<10)])
				}
			}
		})
	}
}

func BenchmarkAdd(b *testing.B) {
	values := randomValues(100)
	b.ReportAllocs()
	for b.Loop() {
		s := mask.NewSet()
		for _, v := range values {
			require.NoError(b, s.Add(v))
		}
		s.Hide("text")
	}
}
