// hostilefile segments|names|equal|sparse|growing N SECONDS: writes an executable whose tables are made to waste time or memory, maps its
// code and runs it.
//   segments  4,095 segments of code and N dynamic symbols that lie in none of them, without section headers
//   names     N functions whose names overlap: each is 4 KiB of the string table, one byte further
//   equal     N symbols of one address
//   sparse    N symbols that are a hole, half a terabyte into the file
//   growing   as equal, and written to a thousand times a second
#define _GNU_SOURCE
#include "need.h"
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const unsigned char loop[16] = {0xb9, 0, 4, 0, 0, 0xff, 0xc9, 0x75, 0xfc, 0xc3};
static FILE *file;

static long place(long alignment) {
    while (ftell(file) % alignment) fputc(0, file);
    return ftell(file);
}

static void begin(int segments, long sections, int sectionCount) {
    Elf64_Ehdr header = {.e_type = ET_DYN, .e_machine = EM_X86_64, .e_version = 1, .e_phoff = sizeof(Elf64_Ehdr),
        .e_shoff = sections, .e_ehsize = sizeof(Elf64_Ehdr), .e_phentsize = sizeof(Elf64_Phdr), .e_phnum = segments,
        .e_shentsize = sizeof(Elf64_Shdr), .e_shnum = sectionCount, .e_shstrndx = 0};
    memcpy(header.e_ident, "\177ELF\2\1\1", 7);
    fseek(file, 0, SEEK_SET);
    fwrite(&header, sizeof header, 1, file);
}

static void segment(int type, int flags, long offset, long address, long size) {
    Elf64_Phdr header = {type, flags, offset, address, address, size, size, 4096};
    fwrite(&header, sizeof header, 1, file);
}

static long writeSegments(long symbols) {
    enum { count = 4095 };
    fseek(file, sizeof(Elf64_Ehdr) + count * sizeof(Elf64_Phdr), SEEK_SET);
    long code = place(4096);
    for (int i = 0; i < 256; i++) fwrite(loop, 16, 1, file);
    long strings = ftell(file);
    fwrite("\0name", 6, 1, file);
    long hash = place(8);
    unsigned heads[2] = {1, symbols};
    fwrite(heads, 8, 1, file);
    long dynamic = place(8);
    Elf64_Dyn entries[] = {{DT_HASH, {hash}}, {DT_STRTAB, {strings}}, {DT_STRSZ, {6}},
        {DT_SYMTAB, {dynamic + 5 * sizeof(Elf64_Dyn)}}, {DT_NULL, {0}}};
    fwrite(entries, sizeof entries, 1, file);
    Elf64_Sym symbol = {1, ELF64_ST_INFO(STB_GLOBAL, STT_FUNC), 0, 1, 0x7fff0000, 16};
    for (long i = 0; i < symbols; i++) fwrite(&symbol, sizeof symbol, 1, file);
    long size = ftell(file);
    begin(count, 0, 0);
    segment(PT_LOAD, PF_R | PF_X, code, code, 4096);
    for (int i = 0; i < count - 4; i++) segment(PT_LOAD, PF_R | PF_X, 0x10, 0x10000000 + 4096L * i, 1);
    segment(PT_LOAD, PF_R | PF_X, 0, 0x80000000, 16);
    segment(PT_LOAD, PF_R, 0, 0, size);
    segment(PT_DYNAMIC, PF_R | PF_W, dynamic, dynamic, 5 * sizeof(Elf64_Dyn));
    return code;
}

static long writeFunctions(long symbols, int areEqual, int isSparse) {
    long functions = areEqual ? 256 : symbols;
    fseek(file, 4096, SEEK_SET);
    long code = ftell(file);
    for (long i = 0; i < functions; i++) fwrite(loop, 16, 1, file);
    long strings = place(4096), length = areEqual ? 4096 : symbols + 4096;
    fputc(0, file);
    for (long i = 0; i < length; i++) fputc("abcdefghijklmnopqrstuvwxyz_"[(i * i + i / 3) % 27], file);
    fputc(0, file);
    long table = place(8);
    Elf64_Sym symbol = {0};
    fwrite(&symbol, sizeof symbol, 1, file);
    for (long i = 0; i < symbols && !isSparse; i++) {
        symbol = (Elf64_Sym){1 + (areEqual ? i % 4000 : i), ELF64_ST_INFO(STB_GLOBAL, STT_FUNC), 0, 1,
            code + (areEqual ? 0 : 16 * i), 16};
        fwrite(&symbol, sizeof symbol, 1, file);
    }
    long sections = place(8), hole = 1L << 39;
    Elf64_Shdr headers[] = {{0},
        {.sh_type = SHT_PROGBITS, .sh_flags = SHF_ALLOC | SHF_EXECINSTR, .sh_addr = code, .sh_offset = code,
            .sh_size = 16 * functions},
        {.sh_type = SHT_SYMTAB, .sh_offset = isSparse ? hole : table, .sh_size = sizeof symbol * (symbols + 1), .sh_link = 3,
            .sh_entsize = sizeof symbol},
        {.sh_type = SHT_STRTAB, .sh_offset = strings, .sh_size = length + 2}};
    fwrite(headers, sizeof headers, 1, file);
    // Whatever was refused so far has to be told before something else is.
    need(fflush(file) == 0, "room for the file");
    if (isSparse) need(ftruncate(fileno(file), hole + sizeof symbol * (symbols + 1)) == 0, "a hole of half a terabyte");
    begin(1, sections, 4);
    segment(PT_LOAD, PF_R | PF_X, code, code, 16 * functions);
    return code;
}

int main(int count, char **arguments) {
    if (count < 4) return 1;
    long symbols = atol(arguments[2]);
    tell_of_limits();
    char name[] = "hostilefile-XXXXXX";
    int descriptor = mkstemp(name);
    need(descriptor >= 0, "a file in this folder");
    int again = open(name, O_RDONLY), writing = open(name, O_WRONLY | O_APPEND);
    unlink(name);
    need(again >= 0 && writing >= 0, "the file again");
    file = fdopen(descriptor, "w");
    need(file != NULL, "fdopen");
    int isSegments = !strcmp(arguments[1], "segments"), isSparse = !strcmp(arguments[1], "sparse");
    int isGrowing = !strcmp(arguments[1], "growing"), areEqual = strcmp(arguments[1], "names") && !isSegments;
    long offset = isSegments ? writeSegments(symbols) : writeFunctions(symbols, areEqual, isSparse);
    need(!ferror(file) && fclose(file) == 0, "room for the file");
    if (!isGrowing) close(writing);
    long functions = isSegments || areEqual ? 256 : symbols;
    char *code = mmap(0, 16 * functions, PROT_READ | PROT_EXEC, MAP_PRIVATE, again, offset);
    need(code != MAP_FAILED, "a file that code may be mapped from");
    printf("ready\n");
    fflush(stdout);
    struct timespec begun, time;
    clock_gettime(CLOCK_MONOTONIC, &begun);
    unsigned long random = 88172645463325252UL;
    do {
        for (int turn = 0; turn < 1000; turn++) {
            random ^= random << 13, random ^= random >> 7, random ^= random << 17;
            ((void (*)(void))(code + random % functions * 16))();
        }
        need(!isGrowing || write(writing, "", 1) == 1, "room for the file that grows");
        clock_gettime(CLOCK_MONOTONIC, &time);
    } while (time.tv_sec < begun.tv_sec + atoi(arguments[3]));
    return 0;
}
