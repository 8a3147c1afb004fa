// Waiting for a thread, but not for ever.
#pragma once
#include <pthread.h>
#include <stdint.h>

/// Waits until a thread has ended, for so many nanoseconds at the most (pthread_clockjoin_np(3)). 1 where it has and is gone;
/// 0: it goes on, by itself from now on.
int pt_join_within(pthread_t thread, uint64_t nanoseconds);
