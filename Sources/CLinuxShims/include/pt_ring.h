// Thin C for rings in user space: memory that cannot shrink, locks that the kernel releases when a process dies, and
// the one instruction that reads a counter. What a writer may call from a signal handler leaves errno as it was.
#pragma once
#include <linux/perf_event.h>
#include <stddef.h>
#include <stdint.h>

/// What the kernel writes into `perf_event_mmap_page.size`.
enum { PT_USER_PAGE_BYTES = offsetof(struct perf_event_mmap_page, __reserved) };

/// A memfd of a fixed size, sealed against any other size: nobody can have us fault by cutting it short.
int pt_sealed_memory(const char *name, int64_t size);
/// 1 where the file is sealed against shrinking, else 0.
int pt_cannot_shrink(int fd);
/// Bytes of the file, -1 where it has none.
int64_t pt_file_size(int fd);
/// 1 where reads and writes never wait, else 0.
int pt_never_waits(int fd);
/// Gives memory back and leaves zeros (FALLOC_FL_PUNCH_HOLE).
int pt_clear(int fd, int64_t offset, int64_t size);
/// The same file through an open file description of its own (/proc/self/fd).
int pt_reopen(int fd);

/// Most descriptors of `pt_open_lock` in one process.
enum { PT_MOST_LOCKS = 1024 };
/// The same as `pt_reopen`, for locks that say that this very process lives: fork(3) takes it from the child, where the
/// number stays taken by a file without meaning. -1 where that cannot be (EMFILE: more than PT_MOST_LOCKS).
/// A child of vfork, posix_spawn or a bare system call keeps it until its exec.
int pt_open_lock(int fd);
/// Closes what `pt_open_lock` gave, also in a forked child, and gives back its locks.
void pt_close_lock(int fd);

/// One byte, locked for this open file description alone (F_OFD_SETLK); 0 or -1.
int pt_lock_byte(int fd, int64_t offset);
/// One byte, locked beside others that share it; 0 or -1. A lock of the one kind becomes one of the other.
int pt_share_byte(int fd, int64_t offset);
int pt_unlock_byte(int fd, int64_t offset);
/// 1 where another open file description holds the byte, or nobody can tell; 0 where none does. Keeps errno.
int pt_is_byte_held(int fd, int64_t offset);
/// The same for any of so many bytes.
int pt_is_any_byte_held(int fd, int64_t offset, int64_t count);

/// A private word, 0 at first and again in a child after fork (MADV_WIPEONFORK); NULL where there is no memory.
uint64_t *pt_fork_word(void);
void pt_free_fork_word(uint64_t *word);

/// Adds one to an eventfd; keeps errno.
void pt_ring_bell(int fd);
/// The kernel's CLOCK_MONOTONIC in nanoseconds, as its records have it: without what a time namespace adds. Keeps errno.
uint64_t pt_monotonic(void);
/// Asks again what the time namespace adds: there was no /proc when the program began.
void pt_read_clock_shift(void);
int pt_thread_id(void);
/// The CPU this runs on, 0 where nobody knows; keeps errno.
unsigned pt_current_cpu(void);

/// 1 where `pt_rdpmc` reads a counter on this architecture.
int pt_has_rdpmc(void);
/// The counter's raw value (rdpmc). Faults unless the kernel allowed it to this process: see cap_user_rdpmc.
uint64_t pt_rdpmc(uint32_t counter);

// Two secret numbers for hashing, drawn once before main. Plain variables: whoever hashes each sample reads them.
extern uint64_t pt_seeds[2];
static inline uint64_t pt_first_seed(void) { return pt_seeds[0]; }
static inline uint64_t pt_second_seed(void) { return pt_seeds[1]; }
