package natsjs

// The codec of log chunks, for its fuzz test.
var (
	DecodeChunk = decodeChunk
	EncodeChunk = encodeChunk
)
