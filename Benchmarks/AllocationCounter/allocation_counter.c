/* Stands in front of glibc's allocator in the program it is linked into, and counts. */
#include "allocation_counter.h"

#include <errno.h>
#include <stddef.h>

/* In the program itself, so that reading it never allocates. */
static __thread uint64_t count __attribute__((tls_model("initial-exec")));

uint64_t pt_allocations(void) { return count; }

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define PT_SANITIZED 1
#endif
#endif

#if defined(__GLIBC__) && !defined(PT_SANITIZED)

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);

#define EXPORTED __attribute__((visibility("default")))

EXPORTED void *malloc(size_t size) {
    count++;
    return __libc_malloc(size);
}

EXPORTED void *calloc(size_t number, size_t size) {
    count++;
    return __libc_calloc(number, size);
}

EXPORTED void *realloc(void *old, size_t size) {
    count++;
    return __libc_realloc(old, size);
}

EXPORTED void *memalign(size_t alignment, size_t size) {
    count++;
    return __libc_memalign(alignment, size);
}

EXPORTED void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

EXPORTED int posix_memalign(void **result, size_t alignment, size_t size) {
    if (alignment % sizeof(void *) != 0 || (alignment & (alignment - 1)) != 0 || alignment == 0) return EINVAL;
    void *made = memalign(alignment, size);
    if (!made) return ENOMEM;
    *result = made;
    return 0;
}

#endif
