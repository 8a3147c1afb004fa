// Starts a program that waits before its exec until its counters are open.
#pragma once
#include <stddef.h>
#include <sys/types.h>

/// The words this program was started with, by their number; NULL behind the last. The runtime's own list is read from
/// /proc, and without one is empty.
const char *pt_argument(int number);

struct pt_rights;

struct pt_command {
    pid_t pid;
    /// A byte written here lets it go; closing it ends it.
    int gate;
    /// Holds the errno of a failed exec; ends without one where exec succeeded.
    int outcome;
};

// Forks a child in a process group of its own, with default signal actions, held before its exec.
// `words` is `count` NUL-terminated strings one behind the other: the program, looked up in PATH, and its arguments. It has the
// environment that we were started with, and these rights.
// Descriptors are given to it as its standard ones. Must run while there is one thread. Returns 0, or -1 with errno.
int pt_start_held(
    const char *words, size_t count, const struct pt_rights *rights, int in, int out, int err, struct pt_command *command);

// Lets it go. Returns 0 once it runs, else the errno of its exec; the child is gone then, and reaped.
int pt_let_go(struct pt_command *command);

// A descriptor that is readable once the process has ended (pidfd_open(2)); -1 with errno.
int pt_pidfd(pid_t pid);

// Its wait status if it has ended: 1 and the status, 0 while it runs, -1 with errno.
int pt_reap(pid_t pid, int block, int *status);

// Parts of a wait status: the exit status, or the signal that ended it and -1 for the other.
void pt_read_status(int status, int *exited, int *signalled);

// This process dumps no core from here on: it is about to die by a signal that was not its own.
void pt_no_core(void);
