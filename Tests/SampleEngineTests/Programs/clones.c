/* A function with a part for what rarely happens, and one with a clone's name for the same bytes. */
#include <stdlib.h>

__attribute__((cold, noinline)) void fails(int x) { exit(x); }

__attribute__((noinline)) int rarely_fails(int x) {
    if (__builtin_expect(x == 42, 0)) {
        fails(x);
        fails(x + 1);
    }
    return x + 1;
}

__attribute__((noinline)) int plain(int x) { return x * 7; }
__asm__(".globl a.part.0\n.type a.part.0, @function\n.set a.part.0, plain\n");

int main(int argc, char **argv) { return rarely_fails(argc) + plain(argc) + (argv == 0); }
