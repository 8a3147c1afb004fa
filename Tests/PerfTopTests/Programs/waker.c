// waker [SECONDS]: sleeps until SIGUSR1, or for SECONDS, then spins in `awake` for at most 60 s.
//
// Prints "asleep" when it is ready and "awake NS" (CLOCK_MONOTONIC) at the moment it wakes.
#include "spin.h"

SPINNER(awake, 0.5)

int main(int count, char **arguments) {
    sigset_t wanted;
    sigemptyset(&wanted);
    sigaddset(&wanted, SIGUSR1);
    sigprocmask(SIG_BLOCK, &wanted, NULL);
    double seconds = seconds_argument(count, arguments, 1, 600);
    struct timespec limit = {.tv_sec = (time_t)seconds, .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)};
    printf("asleep\n");
    fflush(stdout);
    sigtimedwait(&wanted, NULL, &limit);
    printf("awake %lld\n", (long long)nanoseconds(CLOCK_MONOTONIC));
    fflush(stdout);
    alarm(60);
    for (;;) awake(SPIN_ROUNDS);
}
