#include "include/pt_demangle.h"
#include <libiberty/demangle.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

// Exported by the Swift runtime; any flags but 0 abort the process.
extern char *swift_demangle(const char *name, size_t length, char *out, size_t *out_size, uint32_t flags);

struct output {
    char *bytes;
    size_t length, capacity;
    jmp_buf full;
};

// The callback API of libiberty allocates nothing, so a jump out of it leaks nothing.
static void append(const char *text, size_t length, void *context) {
    struct output *output = context;
    if (length > output->capacity - output->length) longjmp(output->full, 1);
    memcpy(output->bytes + output->length, text, length);
    output->length += length;
}

static int is_readable(const char *name, int options, struct output *output) {
    output->length = 0;
    if (setjmp(output->full)) return 0;
    return cplus_demangle_v3_callback(name, options, append, output);
}

long pt_demangle(const char *name, char *out, size_t capacity) {
    struct output output = {.bytes = out, .length = 0, .capacity = capacity};
    if (setjmp(output.full)) return -1;
    // Legacy Rust names are C++ names with a hash, so Rust goes first.
    if (rust_demangle_callback(name, DMGL_NO_OPTS, append, &output)) return (long)output.length;
    if (name[0] == '_' && name[1] == 'R') return -1;
    if (is_readable(name, DMGL_PARAMS | DMGL_ANSI, &output)) return (long)output.length;
    // Parameters may be malformed, beyond libiberty or too long; the function's name is still worth having.
    if (is_readable(name, DMGL_ANSI, &output)) return (long)output.length;
    return -1;
}

long pt_demangle_swift(const char *name, size_t length, char *out, size_t capacity) {
    char *text = swift_demangle(name, length, NULL, NULL, 0);
    if (text == NULL) return -1;
    size_t count = strlen(text);
    if (count <= capacity) memcpy(out, text, count);
    free(text);
    return count <= capacity ? (long)count : -1;
}
