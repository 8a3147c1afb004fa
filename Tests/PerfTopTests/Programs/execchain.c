// execchain OTHER SECONDS: one process that becomes another program again and again.
//
// Built twice, from this one source: as the first program (-DFIRST) and as the second. Both have the same layout, so
// an address of one is inside the other's function too: only the time of a sample tells which program it was.
// Each spins (the first 12 ms, the second 6 ms of processor time) and execs OTHER, which does the same.
// At the end it prints its own measurement: {"first_program": ns, "second_program": ns}.
#include "spin.h"

#ifdef FIRST
SPINNER(first_program, 0.5)
#define WORK first_program
#define SLOT 0
#define BUDGET 12000000
#else
SPINNER(second_program, 0.25)
#define WORK second_program
#define SLOT 1
#define BUDGET 6000000
#endif

int main(int count, char **arguments) {
    if (count != 3 && count != 6) return 2;
    // As started: OTHER SECONDS. As exec'd: OTHER DEADLINE SELF FIRST_NS SECOND_NS.
    int64_t used[2] = {0, 0}, deadline;
    const char *self = arguments[0];
    if (count == 3) {
        deadline = nanoseconds(CLOCK_MONOTONIC) + (int64_t)(atof(arguments[2]) * 1e9);
    } else {
        deadline = atoll(arguments[2]);
        self = arguments[3];
        used[0] = atoll(arguments[4]);
        used[1] = atoll(arguments[5]);
    }
    used[SLOT] += spin_for(WORK, BUDGET);
    if (is_over(deadline)) {
        printf("{\"first_program\": %lld, \"second_program\": %lld}\n", (long long)used[0], (long long)used[1]);
        return 0;
    }
    char end[32], first[32], second[32];
    snprintf(end, sizeof end, "%lld", (long long)deadline);
    snprintf(first, sizeof first, "%lld", (long long)used[0]);
    snprintf(second, sizeof second, "%lld", (long long)used[1]);
    // The other one goes back to this file.
    execl(arguments[1], arguments[1], self, end, arguments[1], first, second, (char *)0);
    perror(arguments[1]);
    return 1;
}
