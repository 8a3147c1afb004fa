// crowd THREADS: one thread spins in `busy`, the others sleep. Prints "ready" when all are there; ends after 120 s.
#include "spin.h"
#include <pthread.h>

SPINNER(busy, 0.5)

static void *sleeper(void *unused) {
    for (;;) pause();
    return unused;
}

int main(int count, char **arguments) {
    long threads = count > 1 ? atol(arguments[1]) : 64;
    alarm(120);
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 64 * 1024);
    for (long i = 1; i < threads; i++) {
        pthread_t thread;
        if (pthread_create(&thread, &small, sleeper, NULL) != 0) return 1;
    }
    printf("ready\n");
    fflush(stdout);
    for (;;) busy(SPIN_ROUNDS);
}
