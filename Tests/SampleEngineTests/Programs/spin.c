// Spins in functions with known names: alone, or in children that are forked and exec'd one after the other.
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile unsigned long sink;

__attribute__((noinline)) void spin_here(void) {
    for (int i = 0; i < 100000; i++) sink += i;
}

__attribute__((noinline)) void spin_in_child(void) {
    for (int i = 0; i < 100000; i++) sink += i;
}

static long milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int main(int count, char **arguments) {
    if (count > 1 && strcmp(arguments[1], "child") == 0) {
        while (milliseconds() < 40) spin_in_child();
        return 0;
    }
    int forks = count > 1 && strcmp(arguments[1], "forks") == 0;
    for (;;) {
        if (getppid() == 1) return 0;
        if (!forks) {
            spin_here();
        } else if (fork() == 0) {
            execl("/proc/self/exe", "spin", "child", (char *)NULL);
            _exit(1);
        } else {
            wait(NULL);
        }
    }
}
