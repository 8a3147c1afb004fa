// forkstorm SECONDS [PROGRAM]: starts PROGRAM (/bin/true) as fast as it can, one after the other; prints how often.
#include "spin.h"
#include <sys/wait.h>

int main(int count, char **arguments) {
    double seconds = seconds_argument(count, arguments, 1, 10);
    const char *program = count > 2 ? arguments[2] : "/bin/true";
    int64_t deadline = nanoseconds(CLOCK_MONOTONIC) + (int64_t)(seconds * 1e9);
    long started = 0;
    while (nanoseconds(CLOCK_MONOTONIC) < deadline) {
        pid_t child = fork();
        if (child < 0) {
            perror("fork");
            return 1;
        }
        if (child == 0) {
            execl(program, program, (char *)0);
            _exit(127);
        }
        waitpid(child, NULL, 0);
        started++;
    }
    printf("%ld\n", started);
    return 0;
}
