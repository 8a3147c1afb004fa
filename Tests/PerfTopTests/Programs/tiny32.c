// tiny32: a 32-bit program without a library: it computes in `tiny_alpha` and `tiny_beta`, three parts to one, for a
// minute at the most.
__attribute__((noinline)) void tiny_alpha(long n) {
    for (volatile long i = 0; i < n; i++) {}
}

__attribute__((noinline)) void tiny_beta(long n) {
    for (volatile long i = 0; i < n; i += 2) {}
}

void _start(void) {
    int result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(27), "b"(60));  // alarm
    for (;;) {
        for (int i = 0; i < 3; i++) tiny_alpha(60000);
        tiny_beta(120000);
    }
}
