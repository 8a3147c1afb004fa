/* Functions that nothing exports, right behind one without a size. */
volatile unsigned long counter;
extern void bare_function(void);
__attribute__((noinline)) static void hot(void) { for (int i = 0; i < 9; i++) counter += i; }
__attribute__((noinline)) static void warm(void) { for (int i = 0; i < 5; i++) counter += i; }
int main(void) { bare_function(); hot(); warm(); return 0; }
