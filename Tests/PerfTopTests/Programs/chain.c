// chain COUNT: each thread starts the next one after 0.3 ms and ends; the last one spins in last_of_chain for ever.
//
// Whoever attaches meanwhile has to follow threads that did not exist when it listed them. Says "spinning" at the end.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

__attribute__((noinline)) static void last_of_chain(void) {
    for (volatile long turns = 0;;) turns++;
}

static void *link_of(void *rest) {
    long left = (long)rest;
    if (left == 0) {
        puts("spinning");
        fflush(stdout);
        last_of_chain();
    }
    usleep(300);
    pthread_t next;
    if (pthread_create(&next, NULL, link_of, (void *)(left - 1)) != 0) exit(1);
    pthread_detach(next);
    return NULL;
}

int main(int count, char **arguments) {
    if (count != 2) return 2;
    puts("started");
    fflush(stdout);
    link_of((void *)atol(arguments[1]));
    for (;;) pause();
}
