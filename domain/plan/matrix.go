package plan

import "strings"

// MatrixVariable returns the name of the variable that holds the value of a matrix
// key: several keys may have the same.
func MatrixVariable(key string) string {
	return "YARDMASTER_MATRIX_" + strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		default:
			return '_'
		}
	}, key)
}
