// sysload [SECONDS]: one cheap system call after the other; prints how many per second.
#include "spin.h"
#include <sys/syscall.h>

int main(int count, char **arguments) {
    double seconds = seconds_argument(count, arguments, 1, 5);
    int64_t start = nanoseconds(CLOCK_MONOTONIC), now = start;
    unsigned long calls = 0;
    while ((double)(now - start) < seconds * 1e9) {
        for (int i = 0; i < 1000; i++) syscall(SYS_getppid);
        calls += 1000;
        now = nanoseconds(CLOCK_MONOTONIC);
    }
    printf("%.0f\n", (double)calls * 1e9 / (double)(now - start));
    return 0;
}
