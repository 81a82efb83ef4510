//go:build !race

package api_test

// floodFiles is how many large files come at once.
const floodFiles = 1000
