// twofold [SECONDS] [unlink | name TEXT]: computes in FIRST and SECOND, three parts to one.
//
// Built with other names for each test. `unlink` removes its own file before it begins; `name TEXT` gives the process
// that name.
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
    for (;;) {
        for (int i = 0; i < 3; i++) FIRST(SPIN_ROUNDS);
        SECOND(SPIN_ROUNDS);
    }
}
