// What remap.c maps: a library of one function, NAME. Built twice with another NAME and STEP; the two have the same
// layout, so that every address of one is an address of the other. Only its code is mapped: no data, no relocation.
__attribute__((noinline)) void NAME(long n) {
    volatile long sum = 0;
    for (long i = 0; i < n; i++) sum += i ^ STEP;
}
