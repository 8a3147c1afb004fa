/* Functions with known names, sizes and aliases. */
#include <stdlib.h>

#define KEPT __attribute__((noinline, noclone, used))

KEPT int add_one(int x) { return x + 1; }
static KEPT int hidden_twice(int x) { return add_one(add_one(x)) * 3; }

KEPT int strong_name(int x) { return hidden_twice(x) - 1; }
int weak_name(int) __attribute__((weak, alias("strong_name")));
int __strong_name(int) __attribute__((alias("strong_name")));
int strong_name_and_more(int) __attribute__((alias("strong_name")));

KEPT long through_stubs(long x) { return labs(x) + abs((int)x); }

int main(int argc, char **argv) { return (int)through_stubs(strong_name(argc) + (argv == 0)); }
