#include "include/pt_demangle.h"
#include <libiberty/demangle.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

// Exported by the Swift runtime; any flags but 0 abort the process.
extern char *swift_demangle(const char *name, size_t length, char *out, size_t *out_size, uint32_t flags);
// The form that the runtime shows in its own backtraces.
extern char *_swift_backtrace_demangle(const char *name, size_t length, char *out, size_t *out_size);

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

long pt_demangle(const char *name, int with_parameters, char *out, size_t capacity) {
    struct output output = {.bytes = out, .length = 0, .capacity = capacity};
    // Legacy Rust names are C++ names with a hash, so Rust goes first.
    if (setjmp(output.full)) return -1;
    if (rust_demangle_callback(name, DMGL_NO_OPTS, append, &output)) return (long)output.length;
    if (name[0] == '_' && name[1] == 'R') return -1;
    int options = with_parameters ? DMGL_PARAMS | DMGL_ANSI : DMGL_ANSI;
    return is_readable(name, options, &output) ? (long)output.length : -1;
}

// Copies a text that a demangler allocated, and frees it.
static long give(char *text, char *out, size_t capacity) {
    if (text == NULL) return -1;
    size_t count = strlen(text);
    if (count <= capacity) memcpy(out, text, count);
    free(text);
    return count <= capacity ? (long)count : -1;
}

long pt_demangle_d(const char *name, char *out, size_t capacity) {
    return give(dlang_demangle(name, DMGL_NO_OPTS), out, capacity);
}

long pt_demangle_swift(const char *name, size_t length, int is_short, char *out, size_t capacity) {
    char *text = is_short ? _swift_backtrace_demangle(name, length, NULL, NULL) : swift_demangle(name, length, NULL, NULL, 0);
    return give(text, out, capacity);
}
