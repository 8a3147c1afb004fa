// Shared by the test programs: how they measure their own processor time, and how they end.
//
// Every program stops by itself: a test that is killed leaves nothing behind that burns a processor.
#pragma once
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static inline int64_t nanoseconds(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

// Defines a function of its own name that computes for a while; `step` makes its code differ from its siblings'.
#define SPINNER(name, step)                          \
    __attribute__((noinline)) void name(long n) {     \
        volatile double sum = 0;                      \
        for (long i = 0; i < n; i++) sum += i * step; \
    }

// About 0.1 ms on a present machine: the clock is read rarely enough not to be seen in a profile.
enum { SPIN_ROUNDS = 60000 };

// Calls `work` until this process has used `budget` ns of processor time; returns what it really used.
static inline int64_t spin_for(void (*work)(long), int64_t budget) {
    int64_t start = nanoseconds(CLOCK_PROCESS_CPUTIME_ID), used = 0;
    while (used < budget) {
        work(SPIN_ROUNDS);
        used = nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - start;
    }
    return used;
}

// Whether a program that measures itself is to end: at its deadline (CLOCK_MONOTONIC), or once there is the file that
// the variable SPIN_UNTIL names. A file holds across exec, where a signal's handler does not.
static inline int is_over(int64_t deadline) {
    const char *file = getenv("SPIN_UNTIL");
    return nanoseconds(CLOCK_MONOTONIC) >= deadline || (file != NULL && access(file, F_OK) == 0);
}

static inline double seconds_argument(int count, char **arguments, int index, double otherwise) {
    return count > index ? atof(arguments[index]) : otherwise;
}
