package envfile_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"yardmaster/domain/plan"
	"yardmaster/worker/envfile"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestPairsAreReadAsTheirSyntaxSays(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		want []string // name, value, name, value
	}{
		"nothing":                        {"", nil},
		"empty lines":                    {"\n\n\n", nil},
		"one":                            {"A=b\n", []string{"A", "b"}},
		"no end of line":                 {"A=b", []string{"A", "b"}},
		"empty value":                    {"A=\n", []string{"A", ""}},
		"more than one =":                {"A=b=c\n", []string{"A", "b=c"}},
		"blanks stay":                    {" A = b \n", []string{" A ", " b "}},
		"byte order mark":                {"\ufeffA=b\n", []string{"A", "b"}},
		"a mark later is a letter":       {"A=b\n\ufeffB=c\n", []string{"A", "b", "\ufeffB", "c"}},
		"carriage return":                {"A=b\r\nB=c\r\n", []string{"A", "b\r", "B", "c\r"}},
		"= before << is plain":           {"A=b<<c\n", []string{"A", "b<<c"}},
		"heredoc":                        {"A<<EOF\nb\nc\nEOF\n", []string{"A", "b\nc"}},
		"heredoc, = in the delimiter":    {"A<<E=F\nb\nE=F\n", []string{"A", "b"}},
		"heredoc, << in the delimiter":   {"A<<E<<F\nb\nE<<F\n", []string{"A", "b"}},
		"heredoc without lines":          {"A<<EOF\nEOF\n", []string{"A", ""}},
		"heredoc of an empty line":       {"A<<EOF\n\nEOF\n", []string{"A", ""}},
		"heredoc of two empty lines":     {"A<<EOF\n\n\nEOF\n", []string{"A", "\n"}},
		"heredoc, last line without end": {"A<<EOF\nb\nEOF", []string{"A", "b"}},
		"heredoc, carriage returns":      {"A<<EOF\r\nb\r\nEOF\r\n", []string{"A", "b\r"}},
		"heredoc holds pairs":            {"A<<EOF\nB=c\nD<<E\nEOF\nF=g", []string{"A", "B=c\nD<<E", "F", "g"}},
		"the delimiter must be all":      {"A<<EOF\n EOF\nEOF \nEOF\n", []string{"A", " EOF\nEOF "}},
		"the same name twice":            {"A=b\nA=c\n", []string{"A", "b", "A", "c"}},
		"not UTF-8":                      {"A=\xff\n", []string{"A", "\xff"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pairs, err := envfile.Pairs(c.text)
			require.NoError(t, err)
			var got []string
			for _, p := range pairs {
				got = append(got, p.Name, p.Value)
			}
			assert.Equal(t, c.want, got)
		})
	}
}

func TestWhatIsNoPairIsRefusedWithItsLine(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, want string }{
		"no form":             {"A=b\n\ns3cret\n", "line 3: expected NAME=VALUE or NAME<<DELIMITER"},
		"one <":               {"s3cret<EOF\n", "line 1: expected NAME=VALUE or NAME<<DELIMITER"},
		"blanks":              {"  \n", "line 1: expected"},
		"no name":             {"=s3cret\n", "line 1: the name is empty"},
		"no name, heredoc":    {"<<EOF\ns3cret\nEOF\n", "line 1: the name is empty"},
		"no delimiter":        {"A=b\nA<<\ns3cret\n", "line 2: the delimiter behind << is empty"},
		"delimiter missing":   {"A<<EOF\ns3cret\n", "line 1: there is no line that ends the value"},
		"nothing behind it":   {"A<<EOF", "line 1: there is no line that ends the value"},
		"delimiter with more": {"A<<EOF\ns3cret\nEOF2\n", "line 1: there is no line that ends the value"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pairs, err := envfile.Pairs(c.text)
			require.ErrorContains(t, err, c.want)
			assert.NotContains(t, err.Error(), "s3cret")
			assert.Empty(t, pairs)
		})
	}
}

func TestWhatWasWrittenIsRead(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		line := rapid.StringMatching(`[a-z<=\r #"é]{0,6}`)
		var text strings.Builder
		var want []plan.Var
		for range rapid.IntRange(0, 5).Draw(t, "pairs") {
			name := rapid.StringMatching(`[A-Z][A-Za-z_ ]{0,4}`).Draw(t, "name")
			if rapid.Bool().Draw(t, "plain") {
				v := plan.Var{Name: name, Value: line.Draw(t, "value")}
				want = append(want, v)
				text.WriteString(v.Name + "=" + v.Value + "\n")
				continue
			}
			v := plan.Var{Name: name, Value: strings.Join(rapid.SliceOfN(line, 1, 4).Draw(t, "lines"), "\n")}
			want = append(want, v)
			text.WriteString(v.Name + "<<END\n" + v.Value + "\nEND\n")
		}
		got, err := envfile.Pairs(text.String())
		require.NoError(t, err)
		require.Equal(t, want, got)
	})
}

func FuzzPairs(f *testing.F) {
	f.Add("A=b\nB<<EOF\nc\nEOF\n")
	f.Add("\ufeffA<<\n=")
	f.Fuzz(func(t *testing.T, text string) {
		pairs, err := envfile.Pairs(text)
		size := 0
		for _, p := range pairs {
			size += len(p.Name) + len(p.Value)
			if p.Name == "" || strings.ContainsAny(p.Name, "=\n") {
				t.Fatalf("name %q", p.Name)
			}
		}
		if size > len(text) || err != nil && pairs != nil {
			t.Fatal("more was read than was written")
		}
	})
}

func TestSomeVariablesAreNotAStepsToSet(t *testing.T) {
	t.Parallel()
	for v, want := range map[plan.Var]string{
		{Name: "A"}:                      "",
		{Name: "path with blank"}:        "",
		{Name: "GITHUB"}:                 "",
		{Name: "NODE_OPTIONS"}:           "must not be set",
		{Name: "Node_Options"}:           "must not be set",
		{Name: "GITHUB_SHA"}:             `the name "GITHUB_SHA" is reserved`,
		{Name: "RUNNER_OS"}:              "reserved",
		{Name: "YARDMASTER"}:             "reserved",
		{Name: "yardmaster_token"}:       "reserved",
		{Name: "A\x00"}:                  "cannot name",
		{Name: "A", Value: "s3cret\x00"}: "holds a zero byte",
	} {
		err := envfile.CheckVariable(v)
		if want == "" {
			require.NoError(t, err, v.Name)
			continue
		}
		require.ErrorContains(t, err, want)
		assert.NotContains(t, err.Error(), "s3cret")
	}
}

func TestDirectoriesAreReadALine(t *testing.T) {
	t.Parallel()
	assert.Equal(t, []string{"/a b", " /c", "d"}, envfile.Paths("\ufeff/a b\n\n /c\r\nd"))
	assert.Empty(t, envfile.Paths("\r\n\n"))
}

func TestTheLastDirectoryComesFirst(t *testing.T) {
	t.Parallel()
	before := envfile.Prepend(nil, []string{"/a", "/b"})
	assert.Equal(t, []string{"/b", "/a"}, before)
	assert.Equal(t, []string{"/c", "/a", "/b"}, envfile.Prepend(before, []string{"/a", "/c"}))

	rapid.Check(t, func(t *rapid.T) {
		dirs := rapid.SliceOf(rapid.StringMatching(`[a-d]`))
		before, added := envfile.Prepend(nil, dirs.Draw(t, "before")), dirs.Draw(t, "added")
		all := envfile.Prepend(before, added)
		if len(added) > 0 {
			require.Equal(t, added[len(added)-1], all[0])
		}
		for _, dir := range append(slices.Clone(before), added...) {
			require.Contains(t, all, dir)
		}
		slices.Sort(all)
		require.Len(t, slices.Compact(all), len(all))
	})
}
