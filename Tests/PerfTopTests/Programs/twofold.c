// twofold [SECONDS] [unlink | name TEXT | become FILE]: computes in FIRST and SECOND, three parts to one.
//
// Built with other names for each test. `unlink` removes its own file before it begins; `name TEXT` gives the process
// that name; `become FILE`: after half a second of work FILE takes this one's name, and the process its program.
#include "spin.h"
#include <sys/prctl.h>

SPINNER(FIRST, 0.5)
SPINNER(SECOND, 0.25)

int main(int count, char **arguments) {
    alarm((unsigned)seconds_argument(count, arguments, 1, 60));
    if (count > 2 && strcmp(arguments[2], "unlink") == 0 && unlink(arguments[0]) != 0) return 1;
    if (count > 3 && strcmp(arguments[2], "name") == 0) prctl(PR_SET_NAME, arguments[3]);
    printf("ready\n");
    fflush(stdout);
    const char *next = count > 3 && strcmp(arguments[2], "become") == 0 ? arguments[3] : NULL;
    for (;;) {
        for (int i = 0; i < 3; i++) FIRST(SPIN_ROUNDS);
        SECOND(SPIN_ROUNDS);
        if (next != NULL && nanoseconds(CLOCK_PROCESS_CPUTIME_ID) > 500000000) {
            if (rename(next, arguments[0]) != 0) return 1;
            execl(arguments[0], arguments[0], arguments[1], NULL);
            return 1;
        }
    }
}
