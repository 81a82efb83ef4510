//go:build race

package api_test

// floodFiles is how many large files come at once. With the race detector each costs
// many times as much of the processor, so fewer do.
const floodFiles = 150
