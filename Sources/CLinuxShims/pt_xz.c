#include "include/pt_xz.h"
#include <lzma.h>

long pt_unxz(const uint8_t *in, size_t size, uint8_t *out, size_t capacity, uint64_t memory_limit) {
    lzma_stream stream = LZMA_STREAM_INIT;
    if (lzma_stream_decoder(&stream, memory_limit, 0) != LZMA_OK) return -3;
    stream.next_in = in;
    stream.avail_in = size;
    stream.next_out = out;
    stream.avail_out = capacity;
    lzma_ret end = lzma_code(&stream, LZMA_FINISH);
    size_t room = stream.avail_out;
    lzma_end(&stream);
    switch (end) {
    case LZMA_STREAM_END: return (long)(capacity - room);
    // It wants to go on and cannot: for want of room, or of input.
    case LZMA_OK:
    case LZMA_BUF_ERROR: return room == 0 ? -2 : -1;
    case LZMA_MEMLIMIT_ERROR:
    case LZMA_MEM_ERROR: return -3;
    default: return -1;
    }
}

uint32_t pt_crc32(uint32_t crc, const uint8_t *bytes, size_t size) { return lzma_crc32(bytes, size, crc); }
