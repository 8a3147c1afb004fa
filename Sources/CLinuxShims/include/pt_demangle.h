// Demangling with bounded output, over libiberty (C++, Rust) and the Swift runtime.
// A long jump ends a name that expands too far; it never leaves C. All of them need a deep stack: 8 MiB.
#pragma once
#include <stddef.h>
#include <stdint.h>

// Writes the readable form of a C++ or Rust name to `out`, without a NUL, and returns its length;
// -1: not such a name, malformed, or longer than `capacity`.
long pt_demangle(const char *name, int with_parameters, char *out, size_t capacity);

// The same for a D name, whose text libiberty allocates: the caller bounds what it can expand to.
long pt_demangle_d(const char *name, char *out, size_t capacity);

// The same for a Swift name. The runtime makes the whole text first, whatever its length: the caller bounds that.
// A short form has no parameters.
long pt_demangle_swift(const char *name, size_t length, int is_short, char *out, size_t capacity);
