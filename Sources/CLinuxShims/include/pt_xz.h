// Decompression of .xz streams and the checksum of debug links, over liblzma.
#pragma once
#include <stddef.h>
#include <stdint.h>

// Decompresses the .xz stream at `in` and returns how many bytes of `out` it filled; -1: malformed or cut off,
// -2: it makes more than `capacity` bytes, -3: the decoder would need more than `memory_limit` bytes.
long pt_unxz(const uint8_t *in, size_t size, uint8_t *out, size_t capacity, uint64_t memory_limit);

// Carries a CRC-32 (ISO 3309, the one of zip and of .gnu_debuglink) on over more bytes; begin with 0.
uint32_t pt_crc32(uint32_t crc, const uint8_t *bytes, size_t size);
