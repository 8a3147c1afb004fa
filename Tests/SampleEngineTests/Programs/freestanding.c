/* Needs no header and no library, so that it compiles for any processor. */
int elsewhere(int);
int elsewhere_too(int);

int calls_elsewhere(int x) { return elsewhere(x) + elsewhere_too(x + 1); }
int calls_nothing(int x) { return x * 3; }
