// remap FIRST SECOND SECONDS: two files mapped in turn at one address, 3 ms and 1 ms of processor time each.
//
// Maps the executable segment of FIRST, calls its entry point, maps SECOND's over it, and so on.
// At the end it prints its own measurement: {"mapped_first": ns, "mapped_second": ns}.
#include "spin.h"
#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>

struct code {
    int file;
    off_t offset;
    size_t length, entry;
};

static void die(const char *what) {
    perror(what);
    exit(1);
}

static struct code open_code(const char *path) {
    struct code code = {.file = open(path, O_RDONLY | O_CLOEXEC)};
    Elf64_Ehdr header;
    if (code.file < 0 || pread(code.file, &header, sizeof header, 0) != sizeof header) die(path);
    for (int i = 0; i < header.e_phnum; i++) {
        Elf64_Phdr segment;
        off_t place = (off_t)(header.e_phoff + (Elf64_Off)i * sizeof segment);
        if (pread(code.file, &segment, sizeof segment, place) != sizeof segment) die(path);
        if (segment.p_type != PT_LOAD || !(segment.p_flags & PF_X)) continue;
        long page = sysconf(_SC_PAGESIZE);
        code.offset = (off_t)(segment.p_offset & -(Elf64_Off)page);
        code.length = segment.p_offset + segment.p_filesz - (size_t)code.offset;
        code.entry = header.e_entry - segment.p_vaddr + segment.p_offset - (size_t)code.offset;
        return code;
    }
    fprintf(stderr, "%s: no executable segment\n", path);
    exit(1);
}

int main(int count, char **arguments) {
    if (count != 4) return 2;
    struct code codes[2] = {open_code(arguments[1]), open_code(arguments[2])};
    const int64_t budgets[2] = {3000000, 1000000};
    int64_t used[2] = {0, 0};
    int64_t deadline = nanoseconds(CLOCK_MONOTONIC) + (int64_t)(atof(arguments[3]) * 1e9);
    size_t length = codes[0].length > codes[1].length ? codes[0].length : codes[1].length;
    char *place = mmap(NULL, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (place == MAP_FAILED) die("mmap");
    for (int turn = 0; !is_over(deadline); turn ^= 1) {
        struct code code = codes[turn];
        if (mmap(place, length, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, code.file, code.offset) == MAP_FAILED)
            die("mmap over");
        used[turn] += spin_for((void (*)(long))(place + code.entry), budgets[turn]);
    }
    printf("{\"mapped_first\": %lld, \"mapped_second\": %lld}\n", (long long)used[0], (long long)used[1]);
    return 0;
}
