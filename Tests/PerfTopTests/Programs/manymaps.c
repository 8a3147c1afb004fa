// manymaps N SECONDS: maps N separate pieces of a file as code, replaces them all every second, and runs them.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

int main(int count, char **arguments) {
    long pieces = atol(arguments[1]);
    double end = now() + atof(arguments[2]);
    // mov $1024, %ecx; dec %ecx; jnz; ret — in both pages of the file, so that neighbors are never one mapping.
    static const unsigned char loop[] = {0xb9, 0, 4, 0, 0, 0xff, 0xc9, 0x75, 0xfc, 0xc3};
    static unsigned char code[8192];
    memcpy(code, loop, sizeof loop);
    memcpy(code + 4096, loop, sizeof loop);
    char name[] = "/tmp/manymaps-XXXXXX";
    int file = mkstemp(name);
    if (count < 3 || file < 0 || write(file, code, sizeof code) != sizeof code) return 1;
    fchmod(file, 0755);
    int again = open(name, O_RDONLY);
    unlink(name);
    char **places = calloc(pieces, sizeof *places);
    unsigned long random = 88172645463325252UL;
    int said = 0;
    while (now() < end) {
        double begun = now();
        for (long piece = 0; piece < pieces; piece++) {
            if (places[piece]) munmap(places[piece], 4096);
            places[piece] = mmap(0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, again, piece % 2 * 4096);
            if (places[piece] == MAP_FAILED) pieces = piece;
        }
        if (!said++) printf("ready\n"), fflush(stdout);
        while (now() < begun + 1 && now() < end)
            for (int turn = 0; turn < 1000; turn++) {
                random ^= random << 13, random ^= random >> 7, random ^= random << 17;
                ((void (*)(void))places[random % pieces])();
            }
    }
    return 0;
}
