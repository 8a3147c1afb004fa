// The load that scripts/record shows: three programs from one source, chosen by ROLE. Each has a few hot functions whose
// shares change while one looks, calls the kernel, and ends by itself after five minutes.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define HOT __attribute__((noinline))

static unsigned char text[1 << 16], packed[1 << 16];
static volatile uint64_t sink;

#if ROLE == 1
#define FIRST tokenize
#define SECOND hash_term
#define THIRD merge_postings
#elif ROLE == 2
#define FIRST forward_transform
#define SECOND quantize_block
#define THIRD entropy_encode
#else
#define FIRST parse_request
#define SECOND route_request
#define THIRD render_response
#endif

HOT static void FIRST(int rounds) {
    uint64_t words = 0;
    for (int i = 0; i < rounds; i++)
        for (size_t at = 0; at < sizeof text; at++) words += text[at] < 33;
    sink += words;
}

HOT static void SECOND(int rounds) {
    uint64_t hash = 1469598103934665603u;
    for (int i = 0; i < rounds; i++)
        for (size_t at = 0; at < sizeof text; at++) hash = (hash ^ text[at]) * 1099511628211u;
    sink += hash;
}

HOT static void THIRD(int rounds) {
    for (int i = 0; i < rounds; i++)
        for (size_t at = 1; at < sizeof text; at++) packed[at] = (unsigned char)(packed[at - 1] * 31 + text[at]);
    sink += packed[sizeof packed - 1];
}

static int compare(const void *left, const void *right) { return *(const int *)left - *(const int *)right; }

int main(void) {
    int ends[2], order[512];
    alarm(300);
    for (size_t at = 0; at < sizeof text; at++) text[at] = (unsigned char)(at * 2654435761u >> 13);
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return 1;
    for (;;) {
        // What is heaviest changes every few seconds.
        int phase = (int)(time(NULL) / 9 + ROLE) % 3;
        FIRST(phase == 0 ? 60 : 25);
        SECOND(phase == 1 ? 50 : 15);
        THIRD(phase == 2 ? 30 : 8);
        for (int i = 0; i < 512; i++) order[i] = rand() % 1000;
        for (int i = 0; i < 12; i++) qsort(order, 512, sizeof *order, compare), memmove(order, order + 1, 2000);
        for (int i = 0; i < (ROLE == 3 ? 3000 : 400); i++)
            if (write(ends[0], text, 2048) != 2048 || read(ends[1], packed, 2048) != 2048) return 1;
        if (ROLE == 3) usleep(1500);
    }
}
