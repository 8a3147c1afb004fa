// Computes for a time without touching a page that it has not touched before, and says at its end (`is_over`) how many
// faults the kernel has counted for it since it said "ready".
#include <sys/resource.h>
#include "spin.h"

SPINNER(compute, 0.5)

static long faults(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_minflt + usage.ru_majflt;
}

int main(int count, char **arguments) {
    int64_t deadline = nanoseconds(CLOCK_MONOTONIC) + (int64_t)(seconds_argument(count, arguments, 1, 60) * 1e9);
    // What printing and looking for the end need is there from now on.
    printf("warm\n");
    fflush(stdout);
    is_over(deadline);
    compute(SPIN_ROUNDS);
    long before = faults();
    before = faults();
    printf("ready\n");
    fflush(stdout);
    while (!is_over(deadline)) compute(SPIN_ROUNDS);
    printf("{\"faults\": %ld}\n", faults() - before);
    return 0;
}
