// jit KIND SECONDS: makes two functions at run time, names them in its perf map, and calls them in turn, 3 ms and 1 ms
// of processor time each. At the end it prints its own measurement: {"made_first": ns, "made_second": ns}.
//
//   anonymous   in memory of its own, writable and executable at once
//   protected   the same, first writable and then executable
//   moved       made in one place, then moved by mremap to another; the map knows the new place alone
//   heap        on the heap
//   stack       on the stack
//   double      in a memfd that is mapped twice, once to write and once to run
//   rewritten   the first function until SIGUSR1, or for half of the time; then its memory gets another one, and the map another line:
//               {"made_first": ns, "made_instead": ns}
//   unnamed     anonymous, and no map is written
#include "spin.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

// Counts its argument down: `void f(long n)`.
#if defined(__x86_64__)
static const unsigned char code[] = {0x48, 0x89, 0xf8, 0x48, 0xff, 0xc8, 0x75, 0xfb, 0xc3};
#elif defined(__aarch64__)
static const unsigned char code[] = {0x00, 0x04, 0x00, 0xf1, 0xe1, 0xff, 0xff, 0x54, 0xc0, 0x03, 0x5f, 0xd6};
#else
#error "no code for this processor"
#endif

enum { FUNCTION = 256, PAGE = 4096 };

static volatile sig_atomic_t is_asked;

static void ask(int number) { is_asked = number; }

static char map_path[64];
static int map_file = -1;

static void die(const char *what) {
    perror(what);
    exit(1);
}

static void remove_map(void) { unlink(map_path); }

static void name_code(const char *start, const char *name) {
    if (map_file < 0) {
        snprintf(map_path, sizeof map_path, "/tmp/perf-%d.map", (int)getpid());
        // A process of the same number may have left one.
        unlink(map_path);
        map_file = open(map_path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0644);
        if (map_file < 0) die(map_path);
        atexit(remove_map);
    }
    char line[128];
    int length = snprintf(line, sizeof line, "%lx %x %s\n", (unsigned long)start, FUNCTION, name);
    if (write(map_file, line, (size_t)length) != length) die(map_path);
}

static void fill(char *place) {
    memcpy(place, code, sizeof code);
    memcpy(place + FUNCTION, code, sizeof code);
}

static void make_executable(char *page, size_t length, int protection) {
    if (mprotect(page, length, protection) != 0) die("mprotect");
    __builtin___clear_cache(page, page + length);
}

static char *anonymous(int protection) {
    char *page = mmap(NULL, PAGE, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) die("mmap");
    return page;
}

static char *make(const char *kind, char *stack_page) {
    const int all = PROT_READ | PROT_WRITE | PROT_EXEC;
    char *page = NULL;
    if (strcmp(kind, "protected") == 0) {
        page = anonymous(PROT_READ | PROT_WRITE);
        fill(page);
        make_executable(page, PAGE, PROT_READ | PROT_EXEC);
    } else if (strcmp(kind, "moved") == 0) {
        char *old = anonymous(PROT_READ | PROT_WRITE);
        fill(old);
        make_executable(old, PAGE, PROT_READ | PROT_EXEC);
        page = mremap(old, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)0x700000000000);
        if (page == MAP_FAILED) die("mremap");
    } else if (strcmp(kind, "heap") == 0) {
        if (posix_memalign((void **)&page, PAGE, 2 * PAGE) != 0) die("posix_memalign");
        fill(page);
        make_executable(page, PAGE, all);
    } else if (strcmp(kind, "stack") == 0) {
        page = stack_page;
        fill(page);
        make_executable(page, PAGE, all);
    } else if (strcmp(kind, "double") == 0) {
        int file = memfd_create("jit", MFD_CLOEXEC);
        if (file < 0 || ftruncate(file, PAGE) != 0) die("memfd");
        char *writable = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        page = mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, file, 0);
        if (writable == MAP_FAILED || page == MAP_FAILED) die("mmap");
        fill(writable);
        __builtin___clear_cache(page, page + PAGE);
    } else {
        page = anonymous(all);
        fill(page);
        __builtin___clear_cache(page, page + PAGE);
    }
    return page;
}

static void in_turn(char *page, double seconds) {
    int64_t used[2] = {0, 0};
    int64_t deadline = nanoseconds(CLOCK_PROCESS_CPUTIME_ID) + (int64_t)(seconds * 1e9);
    for (int turn = 0; nanoseconds(CLOCK_PROCESS_CPUTIME_ID) < deadline; turn ^= 1)
        used[turn] += spin_for((void (*)(long))(page + turn * FUNCTION), turn == 0 ? 3000000 : 1000000);
    printf("{\"made_first\": %lld, \"made_second\": %lld}\n", (long long)used[0], (long long)used[1]);
}

static void one_after_the_other(char *page, double seconds) {
    int64_t used[2] = {0, 0};
    for (int half = 0; half < 2; half++) {
        if (half == 1) {
            memcpy(page, code, sizeof code);
            __builtin___clear_cache(page, page + FUNCTION);
            name_code(page, "made_instead");
        }
        int64_t deadline = nanoseconds(CLOCK_PROCESS_CPUTIME_ID) + (int64_t)(seconds / 2 * 1e9);
        while (nanoseconds(CLOCK_PROCESS_CPUTIME_ID) < deadline && !(half == 0 && is_asked))
            used[half] += spin_for((void (*)(long))page, 1000000);
    }
    printf("{\"made_first\": %lld, \"made_instead\": %lld}\n", (long long)used[0], (long long)used[1]);
}

int main(int count, char **arguments) {
    const char *kind = count > 1 ? arguments[1] : "anonymous";
    double seconds = seconds_argument(count, arguments, 2, 2);
    char room[3 * PAGE];
    char *page = make(kind, room + PAGE - (uintptr_t)room % PAGE);
    signal(SIGUSR1, ask);
    umask(022);
    if (strcmp(kind, "unnamed") != 0) {
        name_code(page, "made_first");
        name_code(page + FUNCTION, "made_second");
    }
    printf("ready\n");
    fflush(stdout);
    if (strcmp(kind, "rewritten") == 0) one_after_the_other(page, seconds);
    else in_turn(page, seconds);
    return 0;
}
