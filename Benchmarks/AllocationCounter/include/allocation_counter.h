#ifndef PT_ALLOCATION_COUNTER_H
#define PT_ALLOCATION_COUNTER_H

#include <stdint.h>

/* Blocks of memory that this thread has asked for so far; stays 0 in a build with a sanitizer, which has an allocator
   of its own. */
uint64_t pt_allocations(void);

#endif
