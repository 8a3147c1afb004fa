// Thin C over what Swift cannot call: perf_event_open, ioctl numbers built by macros, epoll and eventfd.
// Every name starts with pt_. Each function is one system call and sets errno as that call does.
#pragma once
#include <linux/perf_event.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/types.h>

// The reader relies on these places in the control page (perf_event_open(2), "MMAP layout").
_Static_assert(offsetof(struct perf_event_mmap_page, data_head) == 1024, "control page layout");
_Static_assert(offsetof(struct perf_event_mmap_page, data_tail) == 1032, "control page layout");

int pt_perf_event_open(struct perf_event_attr *attr, pid_t pid, int cpu, int group, unsigned long flags);
int pt_perf_enable(int fd);
int pt_perf_disable(int fd);
/// Another period, or another frequency where that is what the event was opened with.
int pt_perf_period(int fd, uint64_t *value);
int pt_perf_set_output(int fd, int ring_fd);
int pt_perf_id(int fd, uint64_t *id);

int pt_eventfd(void);
int pt_epoll_create(void);
int pt_epoll_add(int epoll, int fd, uint64_t tag);
int pt_epoll_remove(int epoll, int fd);
int pt_open(const char *path, int flags);
int pt_memfd(const char *name);

/// Keeps the memory of large tables apart from the rest, so that it goes back to the system when they are gone.
void pt_return_large_blocks(void);

/// Renames unless the new name exists: EEXIST then (renameat2(2), RENAME_NOREPLACE; link(2) where a file system has it not).
int pt_rename_new(const char *from, const char *to);

/// Names the calling thread, at most 15 bytes (PR_SET_NAME), and gives it a stack for signal handlers: without one
/// a stack that has run out ends the process before any handler.
void pt_prepare_thread(const char *name);
/// A thread, 0 for the calling one, is real time from now on (SCHED_RR), what it starts is not (SCHED_RESET_ON_FORK); an
/// errno, 0 for none.
int pt_become_real_time(pid_t thread, int priority);
/// The calling thread is an ordinary one again; an errno, 0 for none.
int pt_become_ordinary(void);
/// A thread that is made with these attributes is real time (SCHED_RR) before it runs for the first time; with priority 0 it
/// begins as who makes it is. An errno, 0 for none.
int pt_begin_as_real_time(pthread_attr_t *attributes, int priority);
/// Whether the calling thread goes before every ordinary one (SCHED_RR, SCHED_FIFO).
int pt_is_real_time(void);
/// Whether who started the program has chosen how the calling thread is scheduled: real time, batch, idle, nice.
int pt_is_scheduled_by_choice(void);
/// Whether real-time threads may run for so long at a time only (RLIMIT_RTTIME), behind which the kernel kills.
int pt_has_real_time_limit(void);
/// Gives memory that is free inside of the allocator back to the kernel (malloc_trim(3)); some milliseconds.
void pt_trim_memory(void);

/// The vDSO that the kernel mapped into this process (AT_SYSINFO_EHDR), 0 where there is none.
unsigned long pt_vdso(void);

/// O_PATH, which Swift does not see without _GNU_SOURCE.
enum { PT_O_PATH = 010000000 };

/// A device number as MMAP2 records have it: major in the low half, minor in the high half.
uint64_t pt_device(dev_t device);

/// The generation of an open file's inode (FS_IOC_GETVERSION), as MMAP2 records have it.
int pt_generation(int fd, uint32_t *generation);

/// 0 where an open file has no access control list (acl(5)); 1 where it has one, or nobody can tell.
int pt_may_have_access_list(int fd);
/// The same of what is open for nothing but its place.
int pt_may_have_access_list_at(int place);

/// The user namespace around the one that a descriptor stands for (ioctl_ns(2)); -1 and errno where that is not ours to see.
int pt_namespace_parent(int fd);
/// The user who made a user namespace; 0, or -1 and errno.
int pt_namespace_owner(int fd, uint32_t *owner);

/// The magic number of the file system an open file is on (fstatfs(2)); -1 and errno on failure.
long pt_file_system(int fd);

/// Blocks SIGINT, SIGTERM, SIGHUP and SIGQUIT and gives a descriptor that reads them (signalfd(2)).
int pt_signal_descriptor(void);
/// The next signal that `pt_signal_descriptor` holds, 0 where none waits.
int pt_next_signal(int fd);
