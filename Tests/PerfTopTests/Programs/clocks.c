// clocks: asks for the time again and again, without a system call.
#include "spin.h"

int main(void) {
    alarm(60);
    printf("ready\n");
    fflush(stdout);
    int64_t last = 0;
    while (last >= 0) last = nanoseconds(CLOCK_MONOTONIC);
    return 0;
}
