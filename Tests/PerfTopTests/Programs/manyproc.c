// manyproc COUNT [SECONDS]: COUNT sleeping children; prints "ready" when all are there and ends them with itself.
#include "spin.h"
#include <sys/prctl.h>
#include <sys/wait.h>

int main(int count, char **arguments) {
    long wanted = count > 1 ? atol(arguments[1]) : 3000;
    pid_t self = getpid();
    for (long i = 0; i < wanted; i++) {
        pid_t child = fork();
        if (child < 0) {
            perror("fork");
            return 1;
        }
        if (child == 0) {
            // Nobody stays behind, however the parent ends. It may have ended already.
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (getppid() != self) _exit(0);
            for (;;) pause();
        }
    }
    printf("ready\n");
    fflush(stdout);
    struct timespec rest = {.tv_sec = (time_t)seconds_argument(count, arguments, 2, 120)};
    nanosleep(&rest, NULL);
    return 0;
}
