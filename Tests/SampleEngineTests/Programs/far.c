/* Code in three places that are gigabytes apart. Linked with --section-start for .far1 and .far2. */
volatile unsigned long counter;
__attribute__((noinline)) void near_one(void) { for (int i = 0; i < 9; i++) counter += i; }
__attribute__((noinline, section(".far1"))) void far_one(void) { for (int i = 0; i < 9; i++) counter += i; }
__attribute__((noinline, section(".far2"))) void far_two(void) { for (int i = 0; i < 9; i++) counter += i; }
void (*volatile first)(void) = far_one, (*volatile second)(void) = far_two;
int main(void) { near_one(); first(); second(); return 0; }
