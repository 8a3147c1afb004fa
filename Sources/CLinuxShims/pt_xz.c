#include "include/pt_xz.h"
#include <lzma.h>
#include <stdlib.h>

struct pt_xz {
    lzma_stream stream;
};

pt_xz *pt_xz_open(uint64_t memory_limit) {
    pt_xz *decoder = malloc(sizeof *decoder);
    if (!decoder) return NULL;
    decoder->stream = (lzma_stream)LZMA_STREAM_INIT;
    if (lzma_stream_decoder(&decoder->stream, memory_limit, 0) == LZMA_OK) return decoder;
    free(decoder);
    return NULL;
}

pt_xz_step pt_xz_next(pt_xz *decoder, const uint8_t *in, size_t size, uint8_t *out, size_t capacity) {
    lzma_stream *stream = &decoder->stream;
    stream->next_in = in;
    stream->avail_in = size;
    stream->next_out = out;
    stream->avail_out = capacity;
    lzma_ret end = lzma_code(stream, LZMA_RUN);
    pt_xz_step step = {0, size - stream->avail_in, capacity - stream->avail_out};
    switch (end) {
    case LZMA_OK:
    // Nothing was left to do with what was given.
    case LZMA_BUF_ERROR: break;
    case LZMA_STREAM_END: step.status = 1; break;
    case LZMA_MEMLIMIT_ERROR:
    case LZMA_MEM_ERROR: step.status = -3; break;
    default: step.status = -1;
    }
    return step;
}

void pt_xz_close(pt_xz *decoder) {
    lzma_end(&decoder->stream);
    free(decoder);
}

uint32_t pt_crc32(uint32_t crc, const uint8_t *bytes, size_t size) { return lzma_crc32(bytes, size, crc); }
