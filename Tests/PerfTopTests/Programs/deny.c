// deny ERRNO PROGRAM [ARG…]: runs a program for which perf_event_open(2) fails with ERRNO, as a container's seccomp
// filter does it: EPERM, ENOSYS, or EACCES as kernels answer that have a perf_event_paranoid of 3 or 4.
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int count, char **arguments) {
    if (count < 3) return 2;
    int number = strcmp(arguments[1], "EPERM") == 0    ? EPERM
                 : strcmp(arguments[1], "ENOSYS") == 0 ? ENOSYS
                 : strcmp(arguments[1], "EACCES") == 0 ? EACCES
                                                       : 0;
    if (number == 0) return 2;
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_perf_event_open, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)number),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof filter / sizeof *filter, .filter = filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
        perror("deny");
        return 1;
    }
    execv(arguments[2], arguments + 2);
    perror(arguments[2]);
    return 1;
}
