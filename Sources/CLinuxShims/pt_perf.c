#define _GNU_SOURCE
#include "include/pt_perf.h"
#include "include/pt_terminal.h"
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <linux/fs.h>
#include <linux/nsfs.h>
#include <sys/auxv.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

int pt_perf_event_open(struct perf_event_attr *attr, pid_t pid, int cpu, int group, unsigned long flags) {
    return (int)syscall(SYS_perf_event_open, attr, pid, cpu, group, flags | PERF_FLAG_FD_CLOEXEC);
}

int pt_perf_enable(int fd) { return ioctl(fd, PERF_EVENT_IOC_ENABLE, 0); }
int pt_perf_disable(int fd) { return ioctl(fd, PERF_EVENT_IOC_DISABLE, 0); }
int pt_perf_period(int fd, uint64_t *value) { return ioctl(fd, PERF_EVENT_IOC_PERIOD, value); }
int pt_perf_set_output(int fd, int ring_fd) { return ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, ring_fd); }
int pt_perf_id(int fd, uint64_t *id) { return ioctl(fd, PERF_EVENT_IOC_ID, id); }

int pt_eventfd(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }
int pt_epoll_create(void) { return epoll_create1(EPOLL_CLOEXEC); }

int pt_epoll_add(int epoll, int fd, uint64_t tag) {
    struct epoll_event event = {.events = EPOLLIN, .data = {.u64 = tag}};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

int pt_epoll_remove(int epoll, int fd) { return epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL); }

int pt_open(const char *path, int flags) { return open(path, flags | O_CLOEXEC); }
int pt_memfd(const char *name) { return memfd_create(name, MFD_CLOEXEC); }
int pt_rename_new(const char *from, const char *to) {
    if (syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 1 /* RENAME_NOREPLACE */) == 0) return 0;
    if (errno != EINVAL && errno != ENOSYS) return -1;
    return link(from, to) == 0 ? unlink(from) : -1;
}

void pt_return_large_blocks(void) {
    // What slices, tables and pictures take would leave holes of all sizes in the heap: it goes back whole. Setting the
    // threshold also stops glibc from raising it after each large block that is freed.
    mallopt(M_MMAP_THRESHOLD, 64 * 1024);
    mallopt(M_TRIM_THRESHOLD, 512 * 1024);
    // One: what readers give back can be used by everybody.
    mallopt(M_ARENA_MAX, 1);
}

void pt_trim_memory(void) { malloc_trim(0); }

void pt_prepare_thread(const char *name) {
    static _Thread_local char room[32768];
    stack_t stack = {.ss_sp = room, .ss_size = sizeof room}, present;
    // The address sanitizer has put one there already and unmaps whatever it finds when the thread ends.
    if (sigaltstack(NULL, &present) == 0 && (present.ss_flags & SS_DISABLE)) sigaltstack(&stack, NULL);
    prctl(PR_SET_NAME, name, 0, 0, 0);
}

int pt_become_real_time(pid_t thread, int priority) {
    struct sched_param parameters = {.sched_priority = priority};
    return sched_setscheduler(thread, SCHED_RR | SCHED_RESET_ON_FORK, &parameters) == 0 ? 0 : errno;
}

int pt_become_ordinary(void) {
    struct sched_param parameters = {.sched_priority = 0};
    // Only who may be real time without asking may take that flag away.
    return sched_setscheduler(0, SCHED_OTHER | SCHED_RESET_ON_FORK, &parameters) == 0 ? 0 : errno;
}

int pt_begin_as_real_time(pthread_attr_t *attributes, int priority) {
    struct sched_param parameters = {.sched_priority = priority};
    if (priority <= 0) return pthread_attr_setinheritsched(attributes, PTHREAD_INHERIT_SCHED);
    int refusal = pthread_attr_setschedpolicy(attributes, SCHED_RR);
    if (refusal == 0) refusal = pthread_attr_setschedparam(attributes, &parameters);
    return refusal != 0 ? refusal : pthread_attr_setinheritsched(attributes, PTHREAD_EXPLICIT_SCHED);
}

int pt_is_real_time(void) {
    int policy = sched_getscheduler(0) & ~SCHED_RESET_ON_FORK;
    return policy == SCHED_RR || policy == SCHED_FIFO;
}

int pt_is_scheduled_by_choice(void) {
    int policy = sched_getscheduler(0);
    return (policy & ~SCHED_RESET_ON_FORK) != SCHED_OTHER || getpriority(PRIO_PROCESS, 0) != 0;
}

int pt_has_real_time_limit(void) {
    struct rlimit limit;
    return getrlimit(RLIMIT_RTTIME, &limit) != 0 || limit.rlim_cur != RLIM_INFINITY;
}

unsigned long pt_vdso(void) { return getauxval(AT_SYSINFO_EHDR); }

_Static_assert(PT_O_PATH == O_PATH, "O_PATH of this architecture");

uint64_t pt_device(dev_t device) { return (uint64_t)major(device) | (uint64_t)minor(device) << 32; }

int pt_generation(int fd, uint32_t *generation) {
    // Defined with the size of a long, written as an int.
    union { long room; uint32_t number; } answer = {0};
    int result = ioctl(fd, FS_IOC_GETVERSION, &answer);
    *generation = answer.number;
    return result;
}

int pt_namespace_parent(int fd) { return ioctl(fd, NS_GET_PARENT); }

int pt_namespace_owner(int fd, uint32_t *owner) {
    uid_t user = 0;
    int result = ioctl(fd, NS_GET_OWNER_UID, &user);
    *owner = user;
    return result;
}

long pt_file_system(int fd) {
    struct statfs status;
    return fstatfs(fd, &status) == 0 ? (long)(uint32_t)status.f_type : -1;
}

int pt_signal_descriptor(void) {
    sigset_t set;
    sigemptyset(&set);
    for (int signal = 1; signal < _NSIG; signal++) {
        // What nohup(1) has us ignore stays ignored; a blocked signal would be queued all the same.
        struct sigaction action;
        if (pt_asks_for_end(signal) && sigaction(signal, NULL, &action) == 0 && action.sa_handler != SIG_IGN)
            sigaddset(&set, signal);
    }
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0) return -1;
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int pt_next_signal(int fd) {
    struct signalfd_siginfo info;
    return read(fd, &info, sizeof info) == sizeof info ? (int)info.ssi_signo : 0;
}

int pt_may_have_access_list(int fd) {
    return fgetxattr(fd, "system.posix_acl_access", NULL, 0) >= 0 || (errno != ENODATA && errno != ENOTSUP);
}

int pt_may_have_access_list_at(int place) {
    char path[40];
    snprintf(path, sizeof path, "/proc/self/fd/%d", place);
    return getxattr(path, "system.posix_acl_access", NULL, 0) >= 0 || (errno != ENODATA && errno != ENOTSUP);
}
