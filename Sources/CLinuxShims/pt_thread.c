#define _GNU_SOURCE
#include "include/pt_thread.h"
#include <time.h>

int pt_join_within(pthread_t thread, uint64_t nanoseconds) {
    struct timespec end;
    clock_gettime(CLOCK_MONOTONIC, &end);
    uint64_t rest = (uint64_t)end.tv_nsec + nanoseconds % 1000000000;
    end.tv_sec += (time_t)(nanoseconds / 1000000000 + rest / 1000000000);
    end.tv_nsec = (long)(rest % 1000000000);
    if (pthread_clockjoin_np(thread, NULL, CLOCK_MONOTONIC, &end) == 0) return 1;
    pthread_detach(thread);
    return 0;
}
