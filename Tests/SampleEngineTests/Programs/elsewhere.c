/* What freestanding.c calls, for images that need no other. */
int elsewhere(int x) { return x + 1; }
int elsewhere_too(int x) { return x + 2; }
