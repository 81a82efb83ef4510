// Package spelling finds the name that was meant when a person has mistyped one.
package spelling

const (
	maxCompared = 40 // bytes of a mistyped name that is worth comparing
	maxDistance = 3  // edits from it to the name that was meant
)

// Nearest returns the name that differs least from one that does not exist, the first
// of several, or "" when none is near. Fold makes spellings equal that are to count as
// the same, such as those that differ in case.
func Nearest(name string, names []string, fold func(string) string) string {
	if name == "" || len(name) > maxCompared {
		return ""
	}
	best, least := "", min(maxDistance, max(1, len(name)/2))+1
	for _, candidate := range names {
		if len(candidate) > maxCompared+maxDistance {
			continue
		}
		if n := Distance(fold(name), fold(candidate)); n < least {
			best, least = candidate, n
		}
	}
	return best
}

// Distance is how many bytes must be added, removed or replaced to make b of a
// (Levenshtein, 1966), in time proportional to the product of their lengths.
func Distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0] // of the row above, one to the left
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
