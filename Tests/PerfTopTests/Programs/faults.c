// Touches fresh pages for a time and says how many it touched, and how many faults the kernel counted for it.
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>

enum { pages = 64, page = 4096 };
static unsigned long touched;

__attribute__((noinline)) void touch(volatile char *memory) {
    for (int i = 0; i < pages; i++) memory[i * page] = 1;
    touched += pages;
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main(int count, char **words) {
    double end = now() + (count > 1 ? atof(words[1]) : 1);
    while (now() < end) {
        char *memory = mmap(NULL, pages * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) return 1;
        // No page of it may be a huge one, which would be one fault for many.
        madvise(memory, pages * page, MADV_NOHUGEPAGE);
        touch(memory);
        munmap(memory, pages * page);
    }
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("{\"touched\": %lu, \"faults\": %ld}\n", touched, usage.ru_minflt + usage.ru_majflt);
    return 0;
}
