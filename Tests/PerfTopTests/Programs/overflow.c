// Preloaded: threads that name themselves run out of stack, all at once, when the screen is up.
// The sampler is spared: before it runs there is no screen.
#define _GNU_SOURCE
#include <stdarg.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int deeper(volatile char *above) {
    volatile char here[4096];
    here[0] = above[0];
    if (here[0] == 0) return 0;
    return deeper(here) + here[0];
}

int prctl(int option, ...) {
    va_list list;
    va_start(list, option);
    unsigned long argument = va_arg(list, unsigned long);
    va_end(list);
    if (option != PR_SET_NAME || strcmp((const char *)argument, "sampler") == 0)
        return (int)syscall(SYS_prctl, option, argument, 0, 0, 0);
    volatile char first[1] = {1};
    sleep(1);
    return deeper(first);
}
