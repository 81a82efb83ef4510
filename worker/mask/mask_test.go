package mask_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"yardmaster/worker/mask"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func set(t require.TestingT, values ...string) *mask.Set {
	s := mask.NewSet()
	for _, v := range values {
		require.NoError(t, s.Add(v))
	}
	return s
}

func TestValuesAreHidden(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		values     []string
		text, want string
	}{
		"none":                  {nil, "text", "text"},
		"one":                   {[]string{"secret"}, "a secret word", "a *** word"},
		"at both ends":          {[]string{"secret"}, "secret is secret", "*** is ***"},
		"beside each other":     {[]string{"ab"}, "ababab.", "*********."},
		"within another":        {[]string{"secret", "cre"}, "secret cre", "*** ***"},
		"overlapping":           {[]string{"abc", "cde"}, "xabcdex", "x***x"},
		"overlapping itself":    {[]string{"aaa"}, "xaaaaax", "x***x"},
		"a beginning":           {[]string{"secret"}, "secre secr", "secre secr"},
		"a failed beginning":    {[]string{"aab", "xa"}, "aaab xaab", "a*** ***"},
		"the longest":           {[]string{"pass", "password"}, "password passwor", "*** ***wor"},
		"one character":         {[]string{"x", "é", " y "}, "x é y", "x é y"},
		"blanks":                {[]string{"  ", "", "\n"}, "a  b", "a  b"},
		"stars":                 {[]string{"***"}, "a *** b", "a *** b"},
		"each line":             {[]string{"first\r\n  second\n}\n"}, "first, second }", "***, *** }"},
		"all lines":             {[]string{"first\nsecond"}, "first\nsecond", "***"},
		"not UTF-8":             {[]string{"\xff\xfe"}, "a\xff\xfe\xff", "a***\xff"},
		"hex":                   {[]string{"se/ret"}, "73652f726574 73652F726574", "*** ***"},
		"a query":               {[]string{"a b&c=d"}, "x=a+b%26c%3Dd a%20b%26c%3dd", "x=*** ***"},
		"a path":                {[]string{"a b&c/d"}, "a%20b&c%2Fd", "***"},
		"encodeURIComponent":    {[]string{"it's (a)"}, "it's%20(a)", "***"},
		"JSON":                  {[]string{"a\"b\\\t<é"}, `{"k":"a\"b\\\t<é"} a\"b\\\t\u003cé`, `{"k":"***"} ***`},
		"base64":                {[]string{"secret!"}, "c2VjcmV0IQ==", "***"},
		"base64 of a short one": {[]string{"hi"}, "aGk= 6869", "*** ***"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := set(t, c.values...)
			assert.Equal(t, c.want, s.Hide(c.text))
			assert.Equal(t, c.want != c.text, s.Hides(c.text))
		})
	}
}

func TestWhatIsTooMuchToHideIsRefused(t *testing.T) {
	t.Parallel()
	s := mask.NewSet()
	require.ErrorIs(t, s.Add(strings.Repeat("x", mask.MaxValue+1)), mask.ErrFull)
	require.ErrorIs(t, s.Add("any"), mask.ErrFull, "it stays so")
	assert.Equal(t, mask.Stars, s.Hide("all is hidden"))
	assert.True(t, s.Hides("x"))
	stream := mask.NewStream(s)
	assert.Empty(t, stream.Flush(stream.Append(nil, []byte("all is hidden"))))

	s = mask.NewSet()
	var err error
	for i := byte(0); err == nil; i++ {
		require.Less(t, i, byte(64))
		err = s.Add(strings.Repeat(string(rune('a'+i)), 32<<10))
	}
	require.ErrorIs(t, err, mask.ErrFull)
}

func TestAValueCountsFromWhenItIsAdded(t *testing.T) {
	t.Parallel()
	s := mask.NewSet()
	stream := mask.NewStream(s)
	out := stream.Append(nil, []byte("one two "))
	require.NoError(t, s.Add("one"))
	out = stream.Append(out, []byte("one two tw"))
	require.NoError(t, s.Add("two"))
	out = stream.Append(out, []byte("o on"))
	require.NoError(t, s.Add("one two"))
	out = stream.Append(out, []byte("e two o"))
	assert.Equal(t, 1, stream.Held())
	assert.Equal(t, "one two *** two two *** o", string(stream.Flush(out)))
	assert.Zero(t, stream.Held())
}

// naive hides values as anybody would who has all of the text.
func naive(text string, values []string) string {
	hidden := make([]bool, len(text))
	begins := make([]bool, len(text))
	type span struct{ from, to int }
	var last span
	for i := range text {
		for _, v := range values {
			if strings.HasPrefix(text[i:], v) {
				if i >= last.to {
					begins[i] = true
				}
				last = span{i, max(last.to, i+len(v))}
				for k := range v {
					hidden[i+k] = true
				}
			}
		}
	}
	var b strings.Builder
	for i := range text {
		if begins[i] {
			b.WriteString(mask.Stars)
		}
		if !hidden[i] {
			b.WriteByte(text[i])
		}
	}
	return b.String()
}

// pieces cuts a text anywhere.
func pieces(t *rapid.T, text string) (all []string) {
	for text != "" {
		n := rapid.IntRange(1, min(len(text), 5)).Draw(t, "piece")
		all, text = append(all, text[:n]), text[n:]
	}
	return all
}

func TestNoValuePassesHoweverItIsCut(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.StringMatching(`[abc]{2,6}`), 1, 6).Draw(t, "values")
		text := rapid.StringMatching(`[abcd]{0,60}`).Draw(t, "text")
		s := set(t, values...)
		stream := mask.NewStream(s)
		var out []byte
		for _, piece := range pieces(t, text) {
			out = stream.Append(out, []byte(piece))
		}
		out = stream.Flush(out)
		require.Equal(t, naive(text, values), string(out))
		require.Equal(t, string(out), s.Hide(text), "pieces make no difference")
		for _, v := range values {
			require.NotContains(t, string(out), v)
		}
	})
}

// TestNoValuePassesWhileOthersAreAdded looks at what comes after a value was added.
func TestNoValuePassesWhileOthersAreAdded(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := mask.NewSet()
		stream := mask.NewStream(s)
		var out []byte
		since := map[string]int{} // where the text stood
		text := rapid.StringMatching(`[abcd]{0,60}`).Draw(t, "text")
		for _, piece := range pieces(t, text) {
			if rapid.Bool().Draw(t, "add") {
				v := rapid.StringMatching(`[abc]{2,6}`).Draw(t, "value")
				require.NoError(t, s.Add(v))
				if _, known := since[v]; !known {
					since[v] = len(out)
				}
			}
			out = stream.Append(out, []byte(piece))
		}
		out = stream.Flush(out)
		for v, from := range since {
			require.NotContains(t, string(out[from:]), v)
		}
	})
}

// The end of a text is held back when the set is found to be full: it may hold a value.
func TestNothingThatWasHeldBackIsShownOnceASetIsFull(t *testing.T) {
	t.Parallel()
	s := set(t, "secrets")
	stream := mask.NewStream(s)
	require.Equal(t, "a ", string(stream.Append(nil, []byte("a secr"))))
	require.ErrorIs(t, s.Add(strings.Repeat("x", mask.MaxValue+1)), mask.ErrFull)
	require.Empty(t, stream.Flush(nil))
}

func TestNoEncodingOfAValuePasses(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		hidden := func(v string) bool { return len(strings.TrimSpace(v)) > 1 }
		value := rapid.StringMatching(`[a-zA-Z0-9 /+"&<=%\\é]{4,40}`).Filter(hidden).Draw(t, "value")
		s := set(t, value)
		around := rapid.StringN(0, 10, 20)
		text := around.Draw(t, "before") + value + around.Draw(t, "after")
		for _, alphabet := range []*base64.Encoding{
			base64.StdEncoding, base64.URLEncoding, base64.RawStdEncoding, base64.RawURLEncoding,
		} {
			require.Contains(t, s.Hide(alphabet.EncodeToString([]byte(text))), mask.Stars)
		}
		script, err := json.Marshal(map[string]string{"key": text})
		require.NoError(t, err)
		for _, written := range []string{
			hex.EncodeToString([]byte(text)), url.QueryEscape(text), url.PathEscape(text), string(script),
		} {
			require.Contains(t, s.Hide(written), mask.Stars)
		}
	})
}

func FuzzStream(f *testing.F) {
	f.Add("ab\x00bc\x00a\nb", []byte("xabcabcx"), uint8(3))
	f.Add(strings.Repeat("x", mask.MaxValue+1), []byte("xabc"), uint8(1))
	f.Add("a*\x00**", []byte("a*b**"), uint8(0))
	f.Fuzz(func(t *testing.T, values string, text []byte, size uint8) {
		// What is shown has stars of its own: those of the text would be mistaken for them.
		values, text = strings.ReplaceAll(values, "*", "+"), bytes.ReplaceAll(text, []byte("*"), []byte("+"))
		s, full := mask.NewSet(), false
		for v := range strings.SplitSeq(values, "\x00") {
			full = s.Add(v) != nil || full
		}
		stream := mask.NewStream(s)
		var out []byte
		for i := 0; i < len(text); i += int(size) + 1 {
			out = stream.Append(out, text[i:min(len(text), i+int(size)+1)])
		}
		out = stream.Flush(out)
		if full {
			if len(out) > 0 || len(text) > 0 && s.Hide(string(text)) != mask.Stars {
				t.Fatalf("%q of %q is shown, although not all can be hidden", out, text)
			}
			return
		}
		if string(out) != s.Hide(string(text)) || s.Hides(string(out)) {
			t.Fatalf("%q of %q with %q", out, text, values)
		}
	})
}
