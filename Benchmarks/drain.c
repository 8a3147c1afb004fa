/* The least that a reader of rings can do: steps over the records of one tracepoint and counts them.
 *
 *   drain ID PAGES SECONDS [PID]      without PID: all processors
 *
 * Samples as perftop asks for them: identifier, address, process and thread, time, processor; period 1.
 * Prints `samples N lost N seconds S cpu S`.
 */
#define _GNU_SOURCE
#include <linux/perf_event.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct ring {
    struct perf_event_mmap_page *page;
    char *data;
};

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

static double own_cpu(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static uint64_t samples, lost;

static void drain(struct ring *ring, uint64_t size) {
    uint64_t head = __atomic_load_n(&ring->page->data_head, __ATOMIC_ACQUIRE), tail = ring->page->data_tail;
    while (tail < head) {
        /* A header is eight bytes and so is the step: it never crosses the end. */
        const struct perf_event_header *header = (void *)(ring->data + (tail & (size - 1)));
        if (header->type == PERF_RECORD_SAMPLE) {
            samples++;
        } else if (header->type == PERF_RECORD_LOST) {
            uint64_t count;
            memcpy(&count, ring->data + ((tail + 16) & (size - 1)), sizeof count);
            lost += count;
        }
        if (header->size == 0) exit(3);
        tail += header->size;
    }
    __atomic_store_n(&ring->page->data_tail, tail, __ATOMIC_RELEASE);
}

int main(int count, char **words) {
    if (count < 4) return 2;
    long page_size = sysconf(_SC_PAGESIZE), cpus = sysconf(_SC_NPROCESSORS_ONLN);
    uint64_t size = strtoul(words[2], NULL, 10) * page_size;
    struct perf_event_attr event;
    memset(&event, 0, sizeof event);
    event.size = sizeof event;
    event.type = PERF_TYPE_TRACEPOINT;
    event.config = strtoul(words[1], NULL, 10);
    event.sample_period = 1;
    event.sample_type =
        PERF_SAMPLE_IDENTIFIER | PERF_SAMPLE_IP | PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_CPU;
    event.watermark = 1;
    event.wakeup_watermark = size / 4;
    struct ring *rings = calloc(cpus, sizeof *rings);
    struct pollfd *files = calloc(cpus, sizeof *files);
    for (long cpu = 0; cpu < cpus; cpu++) {
        int file = syscall(SYS_perf_event_open, &event, count > 4 ? atoi(words[4]) : -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
        if (file < 0) {
            perror("perf_event_open");
            return 1;
        }
        char *memory = mmap(NULL, page_size + size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        if (memory == MAP_FAILED) {
            perror("mmap");
            return 1;
        }
        rings[cpu] = (struct ring){(void *)memory, memory + page_size};
        files[cpu] = (struct pollfd){.fd = file, .events = POLLIN};
    }
    double start = now(), end = start + atof(words[3]), cpu_before = own_cpu();
    while (now() < end) {
        poll(files, cpus, 100);
        for (long cpu = 0; cpu < cpus; cpu++) {
            drain(&rings[cpu], size);
            /* The process has ended, and poll would say so for ever. */
            if (files[cpu].revents & (POLLHUP | POLLERR)) files[cpu].fd = -1;
        }
    }
    printf("samples %lu lost %lu seconds %.6f cpu %.6f\n", (unsigned long)samples, (unsigned long)lost, now() - start,
           own_cpu() - cpu_before);
    return 0;
}
