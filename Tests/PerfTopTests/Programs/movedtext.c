// movedtext HOW SECONDS: moves two of its own functions into anonymous memory at their own addresses, as programs do that
// want large pages for their code, and calls them in turn, 3 ms and 1 ms of processor time each.
//
//   mapped     new memory is mapped over the file's
//   remapped   new memory is filled elsewhere and moved there by mremap
//
// At the end it prints its own measurement: {"moved_first": ns, "moved_second": ns}.
#include "spin.h"
#include <errno.h>
#include <sys/mman.h>

enum { PAGE = 4096 };

// Pages of their own: what moves them must not be among what is moved.
#define MOVED __attribute__((section(".text.moved"), aligned(PAGE)))
MOVED SPINNER(moved_first, 3)
MOVED SPINNER(moved_second, 5)

static void die(const char *what) {
    perror(what);
    exit(1);
}

static void move(char *start, int remaps) {
    const int protection = PROT_READ | PROT_WRITE;
    char *copy = mmap(NULL, PAGE, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (copy == MAP_FAILED) die("mmap");
    memcpy(copy, start, PAGE);
    if (remaps) {
        if (mprotect(copy, PAGE, PROT_READ | PROT_EXEC) != 0) die("mprotect");
        if (mremap(copy, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, start) != start) die("mremap");
    } else {
        if (mmap(start, PAGE, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != start) die("mmap over");
        memcpy(start, copy, PAGE);
        if (mprotect(start, PAGE, PROT_READ | PROT_EXEC) != 0) die("mprotect");
        munmap(copy, PAGE);
    }
    __builtin___clear_cache(start, start + PAGE);
}

int main(int count, char **arguments) {
    int remaps = count > 1 && strcmp(arguments[1], "remapped") == 0;
    void (*work[])(long) = {moved_first, moved_second};
    if ((uintptr_t)main / PAGE == (uintptr_t)moved_first / PAGE || (uintptr_t)main / PAGE == (uintptr_t)moved_second / PAGE
        || (uintptr_t)moved_first % PAGE != 0 || (uintptr_t)moved_second % PAGE != 0) {
        fprintf(stderr, "the linker did not keep the functions apart\n");
        return 1;
    }
    for (int i = 0; i < 2; i++) move((char *)work[i], remaps);
    printf("ready\n");
    fflush(stdout);
    int64_t used[2] = {0, 0};
    int64_t deadline = nanoseconds(CLOCK_PROCESS_CPUTIME_ID) + (int64_t)(seconds_argument(count, arguments, 2, 2) * 1e9);
    for (int turn = 0; nanoseconds(CLOCK_PROCESS_CPUTIME_ID) < deadline; turn ^= 1)
        used[turn] += spin_for(work[turn], turn == 0 ? 3000000 : 1000000);
    printf("{\"moved_first\": %lld, \"moved_second\": %lld}\n", (long long)used[0], (long long)used[1]);
    return 0;
}
