package workflow

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// load parses src as one YAML document and returns its content, or reports why
// that cannot be done.
func (d *decoder) load(src []byte) *yaml.Node {
	parser := yaml.NewDecoder(bytes.NewReader(src))
	doc, err := decode(parser)
	switch {
	case errors.Is(err, io.EOF) || err == nil && len(doc.Content) == 0:
		d.report(pos{1, 1}, "the file is empty", d.emptyHint)
		return nil
	case err != nil:
		d.reportSyntax(src, err, 1)
		return nil
	}
	next, err := decode(parser)
	switch {
	case errors.Is(err, io.EOF):
		return doc.Content[0]
	case err != nil:
		d.reportSyntax(src, err, 2)
	default:
		at := pos{next.Line, next.Column}
		d.report(at, "the file holds more than one YAML document", "keep one document in a file, without a --- inside")
	}
	return nil
}

// errParser stands for a panic of the YAML parser that is not one of its errors.
var errParser = errors.New("the parser cannot read it")

// decode reads the next document. The parser panics on some malformed input;
// that too is an error of the file.
func decode(parser *yaml.Decoder) (doc *yaml.Node, err error) {
	defer func() {
		if recover() != nil {
			doc, err = nil, errParser
		}
	}()
	doc = new(yaml.Node)
	err = parser.Decode(doc)
	return doc, err
}

// maxLocated is how large a file may be, in bytes, for an error in it to be looked
// for by parsing again. In a larger one it is told where the parser says.
const maxLocated = 128 << 10

// reportSyntax reports an error of the YAML parser on document number nth.
func (d *decoder) reportSyntax(src []byte, err error, nth int) {
	line, problem := splitError(err)
	switch {
	case len(src) > maxLocated:
		line = max(line, 1)
	case line == 0 || raisedByParser(problem):
		line = locate(src, problem, nth)
	}
	text, _ := sourceLine(src, line)
	col := len(text) - len(strings.TrimLeft(text, " ")) + 1
	hint := syntaxHint(problem)
	if indent := strings.TrimLeft(text, " "); strings.HasPrefix(indent, "\t") {
		hint = "indent with spaces; YAML does not allow tabs there"
	} else if i := badStart(text); i >= 0 && strings.Contains(problem, "cannot start any token") {
		col = utf8.RuneCountInString(text[:i]) + 1
	}
	d.report(pos{line, col}, "not valid YAML: "+problem, hint)
}

// maxProblem bounds what is told of an error, in characters: it may name an anchor.
const maxProblem = 200

// splitError takes "yaml: line 3: problem" apart. Line is 0 when it is not given.
func splitError(err error) (line int, problem string) {
	problem = strings.TrimPrefix(err.Error(), "yaml: ")
	rest, ok := strings.CutPrefix(problem, "line ")
	if ok {
		var number string
		number, problem, _ = strings.Cut(rest, ": ")
		line, _ = strconv.Atoi(number)
	}
	text := []rune(problem)
	return line, visible(text[:min(len(text), maxProblem)])
}

// raisedByParser tells errors of the parser from those of its scanner. The line of
// a parser's error is where the list or mapping began, not where it went wrong.
func raisedByParser(problem string) bool {
	for _, s := range []string{
		"did not find expected key", "did not find expected '-'", "did not find expected ','",
		"did not find expected node content", "did not find expected <", "unknown anchor", "found undefined tag",
		"found duplicate", "found incompatible",
	} {
		if strings.HasPrefix(problem, s) {
			return true
		}
	}
	return false
}

func syntaxHint(problem string) string {
	switch {
	case strings.Contains(problem, "mapping values are not allowed"):
		return "check the indentation, and put a value that contains ': ' in quotes"
	case strings.Contains(problem, "could not find expected ':'"):
		return "a key is missing its colon, or a text its quotes"
	case strings.Contains(problem, "end of stream"):
		return "close the quote that was opened here"
	case strings.Contains(problem, "cannot start any token"):
		return "put the value in quotes"
	case strings.HasPrefix(problem, "unknown anchor"):
		return "define the anchor with & above its first use; a text that begins with * needs quotes"
	case strings.Contains(problem, "escape character"):
		return "use single quotes, or write the backslash twice"
	case strings.Contains(problem, "max depth"):
		return "lists and mappings may be " + strconv.Itoa(MaxDepth) + " deep"
	case strings.Contains(problem, "expected ','"):
		return "a list in [ ] or a mapping in { } is not closed, or lacks a comma"
	case strings.HasPrefix(problem, "did not find expected"):
		return "check the indentation of this line, and the quotes above it"
	}
	return ""
}

// badStart returns where a text begins that YAML reserves, or -1.
func badStart(line string) int {
	at := regexp.MustCompile(`(^|[\s,:\[{-])[@%` + "`" + `]`).FindStringIndex(line)
	if at == nil {
		return -1
	}
	return at[1] - 1
}

// maxBack is how many lines the parser may have read beyond the one it failed in.
const maxBack = 4

// locate returns the line in which document number nth fails. The parser reads
// ahead, so earlier ends of the file are tried until the error goes away.
func locate(src []byte, problem string, nth int) int {
	r := &slowReader{src: src}
	_ = failure(yaml.NewDecoder(r), nth)
	end := len(bytes.TrimRight(src[:r.next], " \t\r\n"))
	for range maxBack {
		cut := bytes.LastIndexAny(src[:end], "\r\n") + 1
		shorter := len(bytes.TrimRight(src[:cut], " \t\r\n"))
		if failure(yaml.NewDecoder(bytes.NewReader(src[:cut])), nth) != problem || unclosed(problem) {
			break
		}
		end = shorter
	}
	return posAt(src, end).line
}

// unclosed reports whether the error is that something has no end: then a shorter
// file has it too.
func unclosed(problem string) bool { return strings.HasPrefix(problem, "did not find expected ','") }

// failure returns the problem of the first nth documents, or "".
func failure(parser *yaml.Decoder, nth int) string {
	for range nth {
		if _, err := decode(parser); err != nil {
			_, problem := splitError(err)
			return problem
		}
	}
	return ""
}

// slowReader gives a byte a call, so that next says how far its reader came.
type slowReader struct {
	src  []byte
	next int
}

// Read implements io.Reader.
func (r *slowReader) Read(p []byte) (int, error) {
	if r.next >= len(r.src) {
		return 0, io.EOF
	}
	if len(p) == 0 {
		return 0, nil
	}
	p[0] = r.src[r.next]
	r.next++
	return 1, nil
}
