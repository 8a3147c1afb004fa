#define _GNU_SOURCE
#include "include/pt_ring.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int pt_sealed_memory(const char *name, int64_t size) {
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) return -1;
    if (ftruncate(fd, size) == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0) return fd;
    int why = errno;
    close(fd);
    errno = why;
    return -1;
}

int pt_cannot_shrink(int fd) {
    int seals = fcntl(fd, F_GET_SEALS);
    return seals >= 0 && (seals & F_SEAL_SHRINK) != 0;
}

int64_t pt_file_size(int fd) {
    struct stat status;
    return fstat(fd, &status) == 0 ? status.st_size : -1;
}

int pt_never_waits(int fd) {
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && (flags & O_NONBLOCK) != 0;
}

int pt_clear(int fd, int64_t offset, int64_t size) {
    return size == 0 ? 0 : fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, size);
}

// Descriptors whose locks say that this process lives, each plus one; 0 is free. A forked child would share the locks.
static atomic_int held_locks[PT_MOST_LOCKS];
// Forks that have begun and not ended, and forks that have ended.
static atomic_uint forks_begun, forks_ended;
static pthread_once_t watching_forks = PTHREAD_ONCE_INIT;
static atomic_int why_not_watching;

// Another file under the same number: the lock's description is let go, and the number stays taken.
static void plug(int fd) {
    int other = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (other < 0) return;
    dup3(other, fd, O_CLOEXEC);
    close(other);
}

static void fork_begins(void) { atomic_fetch_add(&forks_begun, 1); }

static void fork_ended(void) {
    atomic_fetch_add(&forks_ended, 1);
    atomic_fetch_sub(&forks_begun, 1);
}

// Only this thread is there, and it may call nothing but what a signal handler may.
static void fork_ended_in_child(void) {
    int before = errno;
    for (int index = 0; index < PT_MOST_LOCKS; index++) {
        int fd = atomic_exchange(&held_locks[index], 0) - 1;
        if (fd < 0) continue;
        // Closed first: then there is a number for the plug, and where no lower one is free, it is this one.
        close(fd);
        int other = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (other < 0 || other == fd) continue;
        dup3(other, fd, O_CLOEXEC);
        close(other);
    }
    atomic_fetch_add(&forks_ended, 1);
    atomic_store(&forks_begun, 0);
    errno = before;
}

static void watch_forks(void) {
    atomic_store(&why_not_watching, pthread_atfork(fork_begins, fork_ended, fork_ended_in_child));
}

static int note_lock(int fd) {
    for (int index = 0; index < PT_MOST_LOCKS; index++) {
        int none = 0;
        if (atomic_compare_exchange_strong(&held_locks[index], &none, fd + 1)) return 0;
    }
    return -1;
}

int pt_open_lock(int fd) {
    pthread_once(&watching_forks, watch_forks);
    errno = atomic_load(&why_not_watching);
    if (errno != 0) return -1;
    while (1) {
        unsigned before = atomic_load(&forks_ended);
        int lock = pt_reopen(fd);
        if (lock < 0) return -1;
        if (note_lock(lock) != 0) {
            close(lock);
            errno = EMFILE;
            return -1;
        }
        if (atomic_load(&forks_begun) == 0 && atomic_load(&forks_ended) == before) return lock;
        // A child may have got it before it was noted. It has no lock yet: that child keeps a description of no use.
        pt_close_lock(lock);
        sched_yield();
    }
}

void pt_close_lock(int fd) {
    // In this order: whenever a fork comes, what the child does not know of holds no lock any more.
    plug(fd);
    for (int index = 0; index < PT_MOST_LOCKS; index++) {
        int noted = fd + 1;
        if (atomic_compare_exchange_strong(&held_locks[index], &noted, 0)) break;
    }
    close(fd);
}

int pt_reopen(int fd) {
    char path[40];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return open(path, O_RDWR | O_CLOEXEC);
}

static int lock(int fd, short type, int64_t offset) {
    struct flock range = {.l_type = type, .l_whence = SEEK_SET, .l_start = offset, .l_len = 1};
    return fcntl(fd, F_OFD_SETLK, &range);
}

int pt_lock_byte(int fd, int64_t offset) { return lock(fd, F_WRLCK, offset); }
int pt_share_byte(int fd, int64_t offset) { return lock(fd, F_RDLCK, offset); }
int pt_unlock_byte(int fd, int64_t offset) { return lock(fd, F_UNLCK, offset); }

int pt_is_byte_held(int fd, int64_t offset) { return pt_is_any_byte_held(fd, offset, 1); }

int pt_is_any_byte_held(int fd, int64_t offset, int64_t count) {
    struct flock range = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = offset, .l_len = count};
    int before = errno;
    // Where the question fails, nobody may be taken for dead.
    int held = fcntl(fd, F_OFD_GETLK, &range) != 0 || range.l_type != F_UNLCK;
    errno = before;
    return held;
}

uint64_t *pt_fork_word(void) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *address = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (address == MAP_FAILED) return NULL;
    if (madvise(address, page, MADV_WIPEONFORK) == 0) return address;
    munmap(address, page);
    return NULL;
}

void pt_free_fork_word(uint64_t *word) { munmap(word, (size_t)sysconf(_SC_PAGESIZE)); }

void pt_ring_bell(int fd) {
    const uint64_t one = 1;
    int before = errno;
    // EAGAIN means that it already rings.
    ssize_t ignored = write(fd, &one, sizeof one);
    (void)ignored;
    errno = before;
}

// What the time namespace adds to CLOCK_MONOTONIC (time_namespaces(7)).
static uint64_t clock_shift;

// Before main: a process stays in its time namespace until its next exec, and a signal handler may ask for the time.
__attribute__((constructor)) void pt_read_clock_shift(void) {
    char text[256];
    int before = errno, fd = open("/proc/self/timens_offsets", O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0) close(fd);
    if (length > 0) {
        long long seconds, nanoseconds;
        text[length] = 0;
        // `monotonic SECONDS NANOSECONDS` is the first line.
        if (sscanf(text, "monotonic %lld %lld", &seconds, &nanoseconds) == 2)
            clock_shift = (uint64_t)seconds * 1000000000u + (uint64_t)nanoseconds;
    }
    errno = before;
}

uint64_t pt_monotonic(void) {
    struct timespec now = {0, 0};
    int before = errno;
    clock_gettime(CLOCK_MONOTONIC, &now);
    errno = before;
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec - clock_shift;
}

int pt_thread_id(void) { return (int)syscall(SYS_gettid); }

unsigned pt_current_cpu(void) {
    int before = errno, cpu = sched_getcpu();
    errno = before;
    return cpu < 0 ? 0 : (unsigned)cpu;
}

#if defined(__x86_64__)
int pt_has_rdpmc(void) { return 1; }
uint64_t pt_rdpmc(uint32_t counter) {
    uint32_t low, high;
    __asm__ volatile("rdpmc" : "=a"(low), "=d"(high) : "c"(counter));
    return (uint64_t)high << 32 | low;
}
#else
int pt_has_rdpmc(void) { return 0; }
uint64_t pt_rdpmc(uint32_t counter) { (void)counter; return 0; }
#endif

uint64_t pt_seeds[2];

__attribute__((constructor)) static void draw_seeds(void) {
    // Never waits: early in a boot the numbers are merely easier to guess.
    if (getrandom(pt_seeds, sizeof pt_seeds, GRND_NONBLOCK) != sizeof pt_seeds) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        pt_seeds[0] ^= (uint64_t)now.tv_nsec << 32 ^ (uint64_t)(uintptr_t)&now;
        pt_seeds[1] ^= (uint64_t)now.tv_sec << 32 ^ (uint64_t)getpid() * 0x9e3779b97f4a7c15;
    }
    // It is a factor: an even one would lose what it is multiplied with.
    pt_seeds[1] |= 1;
}
