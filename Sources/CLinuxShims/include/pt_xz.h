// Decompression of .xz streams and the checksum of debug links, over liblzma.
#pragma once
#include <stddef.h>
#include <stdint.h>

// A decoder of one .xz stream, which is fed and emptied in pieces.
typedef struct pt_xz pt_xz;

// What decoding a piece came to.
typedef struct {
    // 1: the stream is complete, 0: it goes on, -1: malformed, -3: the decoder would need more memory than it may.
    int status;
    // Bytes taken of the input, and made.
    size_t used, made;
} pt_xz_step;

// Begins a stream whose decoder needs no more than `memory_limit` bytes; NULL where there is no memory.
pt_xz *pt_xz_open(uint64_t memory_limit);
// Carries it on with more bytes, until they are used up or `out` is full.
pt_xz_step pt_xz_next(pt_xz *decoder, const uint8_t *in, size_t size, uint8_t *out, size_t capacity);
void pt_xz_close(pt_xz *decoder);

// Carries a CRC-32 (ISO 3309, the one of zip and of .gnu_debuglink) on over more bytes; begin with 0.
uint32_t pt_crc32(uint32_t crc, const uint8_t *bytes, size_t size);
