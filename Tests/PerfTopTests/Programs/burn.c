// burn [SECONDS]: two functions whose processor time is 3:1. Ends by itself after SECONDS (600).
#include "spin.h"

SPINNER(alpha, 0.5)
SPINNER(beta, 0.25)

int main(int count, char **arguments) {
    alarm((unsigned)seconds_argument(count, arguments, 1, 600));
    for (;;) {
        alpha(3000000);
        beta(1000000);
    }
}
