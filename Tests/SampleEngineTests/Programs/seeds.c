// Prints the two numbers that hashing begins with in this process.
#include "../../../Sources/CLinuxShims/include/pt_ring.h"
#include <stdio.h>

int main(void) {
    printf("%llx %llx\n", (unsigned long long)pt_first_seed(), (unsigned long long)pt_second_seed());
    return 0;
}
