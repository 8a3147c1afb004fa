// forknoexec SECONDS: a parent and its short-lived children run different functions of one program.
//
// The children are forked and never exec: their mappings are those of the parent, without any record of their own.
// At the end it prints its own measurement: {"parent_work": ns, "child_work": ns, "children": n}.
#include "spin.h"
#include <sys/mman.h>
#include <sys/wait.h>

SPINNER(parent_work, 0.5)
SPINNER(child_work, 0.25)

int main(int count, char **arguments) {
    if (count != 2) return 2;
    int64_t deadline = nanoseconds(CLOCK_MONOTONIC) + (int64_t)(atof(arguments[1]) * 1e9);
    int64_t *child_used = mmap(NULL, sizeof *child_used, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (child_used == MAP_FAILED) return 1;
    int64_t parent_used = 0;
    long children = 0;
    while (!is_over(deadline)) {
        parent_used += spin_for(parent_work, 3000000);
        pid_t child = fork();
        if (child < 0) return 1;
        if (child == 0) {
            *child_used += spin_for(child_work, 6000000);
            _exit(0);
        }
        waitpid(child, NULL, 0);
        children++;
    }
    printf("{\"parent_work\": %lld, \"child_work\": %lld, \"children\": %ld}\n", (long long)parent_used,
           (long long)*child_used, children);
    return 0;
}
