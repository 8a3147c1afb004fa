#define _GNU_SOURCE
#include "include/pt_command.h"
#include "include/pt_rights.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int argument_count;
static char **arguments;

// glibc hands main's own arguments to constructors too.
__attribute__((constructor)) static void keep_arguments(int count, char **words) {
    argument_count = count;
    arguments = words;
}

const char *pt_argument(int number) { return number >= 0 && number < argument_count ? arguments[number] : NULL; }

static void close_pair(int ends[2]) {
    if (ends[0] >= 0) close(ends[0]);
    if (ends[1] >= 0) close(ends[1]);
}

// In the child, between fork and exec.
static _Noreturn void run_held(
    char *const words[], const struct pt_rights *rights, int gate, int outcome, int in, int out, int err) {
    setpgid(0, 0);
    for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    char byte;
    ssize_t count;
    do count = read(gate, &byte, 1);
    while (count < 0 && errno == EINTR);
    if (count != 1) _exit(126);
    if (pt_first_environment) environ = pt_first_environment;
    pt_set_rights(rights);
    if (dup2(in, 0) >= 0 && dup2(out, 1) >= 0 && dup2(err, 2) >= 0) execvp(words[0], words);
    int reason = errno;
    (void)!write(outcome, &reason, sizeof reason);
    _exit(reason == ENOENT ? 127 : 126);
}

int pt_start_held(
    const char *text, size_t count, const struct pt_rights *rights, int in, int out, int err, struct pt_command *command) {
    char **words = calloc(count + 1, sizeof *words);
    if (!words || count == 0) {
        free(words);
        errno = ENOMEM;
        return -1;
    }
    for (size_t i = 0; i < count; i++, text += strlen(text) + 1) words[i] = (char *)text;
    int gate[2] = {-1, -1}, outcome[2] = {-1, -1};
    pid_t pid = -1;
    if (pipe2(gate, O_CLOEXEC) == 0 && pipe2(outcome, O_CLOEXEC) == 0) pid = fork();
    if (pid == 0) {
        // Or it would hold its own gate open after we are gone.
        close(gate[1]);
        run_held(words, rights, gate[0], outcome[1], in, out, err);
    }
    int reason = errno;
    free(words);
    if (pid < 0) {
        close_pair(gate);
        close_pair(outcome);
        errno = reason;
        return -1;
    }
    // By both sides: whoever comes first, the group is there before anyone signals it.
    setpgid(pid, pid);
    close(gate[0]);
    close(outcome[1]);
    *command = (struct pt_command){.pid = pid, .gate = gate[1], .outcome = outcome[0]};
    return 0;
}

int pt_let_go(struct pt_command *command) {
    (void)!write(command->gate, "", 1);
    int reason = 0;
    ssize_t count;
    do count = read(command->outcome, &reason, sizeof reason);
    while (count < 0 && errno == EINTR);
    close(command->gate);
    close(command->outcome);
    if (count != sizeof reason) return 0;
    waitpid(command->pid, NULL, 0);
    return reason;
}

int pt_pidfd(pid_t pid) { return (int)syscall(SYS_pidfd_open, pid, 0); }

int pt_reap(pid_t pid, int block, int *status) {
    pid_t reaped;
    do reaped = waitpid(pid, status, block ? 0 : WNOHANG);
    while (reaped < 0 && errno == EINTR);
    return reaped < 0 ? -1 : reaped == pid;
}

void pt_read_status(int status, int *exited, int *signalled) {
    *exited = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    *signalled = WIFSIGNALED(status) ? WTERMSIG(status) : -1;
}

void pt_no_core(void) {
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
}
