/* One function under two names: one of an old version, and the default one of the next version. */
int implementation(int x) { return x * 5 + 1; }
__asm__(".symver implementation, old@V1");
int implementation_too(int) __attribute__((alias("implementation")));
__asm__(".symver implementation_too, the_default@@V2");
