// manythreads N SECONDS: N threads that wake fifty times a second.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static volatile unsigned long sum;

static void *work(void *unused) {
    struct timespec pause = {0, 20000000};
    for (;;) {
        for (int i = 0; i < 200; i++) sum += i;
        nanosleep(&pause, 0);
    }
    return unused;
}

int main(int count, char **arguments) {
    if (count < 3) return 1;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 16384);
    for (int i = 0; i < atoi(arguments[1]); i++) {
        pthread_t thread;
        if (pthread_create(&thread, &attributes, work, 0)) break;
    }
    printf("ready\n");
    fflush(stdout);
    sleep(atoi(arguments[2]));
    return 0;
}
