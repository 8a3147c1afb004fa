// mixed [SECONDS]: computes in `alpha`, calls the kernel and sleeps, in turn: something for every kind of event.
#include "spin.h"
#include <sys/syscall.h>

SPINNER(alpha, 0.5)

int main(int count, char **arguments) {
    alarm((unsigned)seconds_argument(count, arguments, 1, 600));
    printf("ready\n");
    fflush(stdout);
    for (;;) {
        for (int i = 0; i < 20; i++) alpha(SPIN_ROUNDS);
        for (int i = 0; i < 20000; i++) syscall(SYS_getppid);
        usleep(500);
    }
}
