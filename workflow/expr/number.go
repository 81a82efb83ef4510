package expr

import (
	"math"
	"math/big"
	"strconv"
	"strings"
)

// maxDigits is how many digits, in 15 of them for the mantissa, a number is written with.
const maxDigits = 15

// numberText returns f as text: at most 15 digits, with an exponent from 1E+15 on
// and below 0.0001. Zero has no sign.
func numberText(f float64) string {
	switch {
	case f == 0:
		return "0"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	return strconv.FormatFloat(f, 'G', maxDigits, 64)
}

// parseNumber returns what a text is as a number: 0 when it is blank, NaN when it
// is none.
func parseNumber(s string) float64 {
	s = trim(s)
	switch {
	case s == "":
		return 0
	case s == "Infinity", s == "+Infinity":
		return math.Inf(1)
	case s == "-Infinity":
		return math.Inf(-1)
	case strings.HasPrefix(s, "0x"):
		return parseHex(s)
	case strings.HasPrefix(s, "0o"):
		return parseOctal(s[2:])
	case !isDecimal(s):
		return math.NaN()
	}
	f, _ := strconv.ParseFloat(s, 64) // out of range is 0 or infinite, as it should be
	return f
}

// parseHex reads 0x and digits. Go reads them as a mantissa, rounded as it should be.
func parseHex(s string) float64 {
	if len(s) == 2 || strings.Trim(s[2:], "0123456789abcdefABCDEF") != "" {
		return math.NaN()
	}
	f, _ := strconv.ParseFloat(s+"p0", 64)
	return f
}

// maxOctal is more octal digits than any finite number has.
const maxOctal = 350

func parseOctal(digits string) float64 {
	if digits == "" || strings.Trim(digits, "01234567") != "" {
		return math.NaN()
	}
	digits = strings.TrimLeft(digits, "0")
	if len(digits) > maxOctal {
		return math.Inf(1)
	}
	n, _ := new(big.Int).SetString("0"+digits, 8)
	f, _ := new(big.Float).SetInt(n).Float64()
	return f
}

// isDecimal reports whether s is a sign, digits with or without a point, and an
// exponent, of which only the digits must be there.
func isDecimal(s string) bool {
	s = withoutSign(s)
	whole, s := cutDigits(s)
	part := ""
	if strings.HasPrefix(s, ".") {
		part, s = cutDigits(s[1:])
	}
	if whole == "" && part == "" {
		return false
	}
	if s == "" {
		return true
	}
	if s[0] != 'e' && s[0] != 'E' {
		return false
	}
	exponent, s := cutDigits(withoutSign(s[1:]))
	return exponent != "" && s == ""
}

func withoutSign(s string) string {
	if s != "" && (s[0] == '+' || s[0] == '-') {
		return s[1:]
	}
	return s
}

// cutDigits splits s behind the digits that it begins with.
func cutDigits(s string) (digits, rest string) {
	i := 0
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	return s[:i], s[i:]
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
