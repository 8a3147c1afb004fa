// hit PID TID SIGNAL: sends the signal to one thread; a shell's kill can only name the process.
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int count, char **arguments) {
    if (count != 4) return 2;
    long pid = atol(arguments[1]), tid = atol(arguments[2]), number = atol(arguments[3]);
    return syscall(SYS_tgkill, pid, tid, number) == 0 ? 0 : 1;
}
