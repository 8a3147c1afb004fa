// Shared by the programs that make a file of their own, in the folder that they run in: what they need from the machine.
#pragma once
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

// The status by which the tests know that a program was refused what it needs; they are skipped then.
enum { REFUSED = 77 };

// Ends the program unless what it needs was there, with the reason. No room, a file larger than is allowed, a file system
// that may only be read or that nothing may be run from are the machine's; whatever else it is, the test is wrong.
static inline void need(int is_there, const char *what) {
    if (is_there) return;
    int code = errno;
    perror(what);
    int is_refused = code == ENOSPC || code == EDQUOT || code == EFBIG || code == EROFS || code == EPERM;
    exit(is_refused ? REFUSED : 1);
}

// Files that become larger than is allowed are an error to be told, not a signal.
static inline void tell_of_limits(void) { signal(SIGXFSZ, SIG_IGN); }
