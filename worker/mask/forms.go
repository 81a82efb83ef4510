package mask

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"strings"
)

// minForm is the fewest characters of an encoded value that are hidden: fewer would
// be found in any text.
const minForm = 4

// forms returns what a value may be written as.
func forms(value string) []string {
	all := []string{value}
	add := func(form string) {
		if len(form) >= minForm {
			all = append(all, form)
		}
	}
	for _, alphabet := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
		add(alphabet.EncodeToString([]byte(value)))
		for before := range 3 {
			add(within(alphabet, value, before))
		}
	}
	digits := hex.EncodeToString([]byte(value))
	add(digits)
	add(strings.ToUpper(digits))
	for _, escaped := range urls(value) {
		add(escaped)
	}
	for _, html := range []bool{false, true} {
		add(quoted(value, html))
	}
	return all
}

// within returns what is sure to stand in the base64 of any text in which the value
// comes behind so many bytes, counted modulo 3: the digits that hold nothing else.
func within(alphabet *base64.Encoding, value string, before int) string {
	text := append(make([]byte, before, before+len(value)), value...)
	digits := alphabet.EncodeToString(text)
	return digits[(8*before+5)/6 : 8*len(text)/6]
}

// urls returns a value as it stands in queries and paths, and as JavaScript writes it.
func urls(value string) []string {
	query, path := url.QueryEscape(value), url.PathEscape(value)
	percent := strings.ReplaceAll(query, "+", "%20")
	script := strings.NewReplacer("%21", "!", "%27", "'", "%28", "(", "%29", ")", "%2A", "*").Replace(percent)
	all := []string{query, path, percent, script}
	for _, escaped := range all[:len(all):len(all)] {
		all = append(all, lowerDigits(escaped))
	}
	return all
}

// lowerDigits writes %2F as %2f.
func lowerDigits(escaped string) string {
	b := []byte(escaped)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			copy(b[i+1:], bytes.ToLower(b[i+1:i+3]))
		}
	}
	return string(b)
}

// quoted returns a value as it stands in a JSON string.
func quoted(value string, html bool) string {
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(html)
	_ = encoder.Encode(value) // a string cannot fail
	return strings.TrimSuffix(strings.TrimPrefix(strings.TrimSuffix(b.String(), "\n"), `"`), `"`)
}
