// manymaps N SECONDS: maps N separate pieces of a file as code, replaces them all every second, and runs them.
#define _GNU_SOURCE
#include "need.h"
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
    if (count < 3) return 1;
    long pieces = atol(arguments[1]);
    double end = now() + atof(arguments[2]);
    // mov $1024, %ecx; dec %ecx; jnz; ret — in both pages of the file, so that neighbors are never one mapping.
    static const unsigned char loop[] = {0xb9, 0, 4, 0, 0, 0xff, 0xc9, 0x75, 0xfc, 0xc3};
    static unsigned char code[8192];
    memcpy(code, loop, sizeof loop);
    memcpy(code + 4096, loop, sizeof loop);
    tell_of_limits();
    char name[] = "manymaps-XXXXXX";
    int file = mkstemp(name);
    need(file >= 0, "a file in this folder");
    int again = open(name, O_RDONLY);
    unlink(name);
    need(write(file, code, sizeof code) == sizeof code, "8 KiB in this folder");
    need(again >= 0, "the file again");
    char **places = calloc(pieces, sizeof *places);
    unsigned long random = 88172645463325252UL;
    int said = 0;
    while (now() < end) {
        double begun = now();
        for (long piece = 0; piece < pieces; piece++) {
            if (places[piece]) munmap(places[piece], 4096);
            places[piece] = mmap(0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, again, piece % 2 * 4096);
            // A process has 65,530 mappings at the most, or fewer.
            if (places[piece] == MAP_FAILED) pieces = piece;
        }
        need(pieces > 0, "a file that code may be mapped from");
        if (!said++) printf("ready\n"), fflush(stdout);
        while (now() < begun + 1 && now() < end)
            for (int turn = 0; turn < 1000; turn++) {
                random ^= random << 13, random ^= random >> 7, random ^= random << 17;
                ((void (*)(void))places[random % pieces])();
            }
    }
    return 0;
}
