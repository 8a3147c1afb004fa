// loader HOW LIBRARY FUNCTION: loads a library in an odd way and computes in its FUNCTION, and in `own_work`.
//
//   plain    as any program does
//   memfd    out of a file in memory that has no name
//   fork     in a child that never execs; the parent computes in `own_work`
//   vm       in a process that shares the memory with its parent and is no thread of it; both compute in it
//   leader   in a thread that has outlived the process's first one
#include "spin.h"
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

SPINNER(own_work, 0.5)

typedef void work(long);
static const char *library, *function;
static work *volatile loaded;

static work *load(const char *path) {
    void *handle = dlopen(path, RTLD_NOW);
    if (handle == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        exit(1);
    }
    return (work *)(uintptr_t)dlsym(handle, function);
}

static void compute(work *work) {
    printf("ready\n");
    fflush(stdout);
    for (;;) work(SPIN_ROUNDS);
}

static work *load_from_memory(void) {
    int from = open(library, O_RDONLY), to = memfd_create("library", 0);
    char bytes[4096], path[64];
    ssize_t count;
    while ((count = read(from, bytes, sizeof bytes)) > 0)
        if (write(to, bytes, (size_t)count) != count) exit(1);
    snprintf(path, sizeof path, "/proc/self/fd/%d", to);
    return load(path);
}

static int share(void *argument) {
    (void)argument;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    loaded = load(library);
    for (;;) loaded(SPIN_ROUNDS);
    return 0;
}

static void *outlive(void *leader) {
    pthread_join(*(pthread_t *)leader, NULL);
    compute(load(library));
    return NULL;
}

int main(int count, char **arguments) {
    if (count != 4) return 2;
    alarm(60);
    const char *how = arguments[1];
    library = arguments[2];
    function = arguments[3];
    if (strcmp(how, "plain") == 0) compute(load(library));
    if (strcmp(how, "memfd") == 0) compute(load_from_memory());
    if (strcmp(how, "fork") == 0) {
        if (fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            work *work = load(library);
            for (;;) work(SPIN_ROUNDS);
        }
        compute(own_work);
    }
    if (strcmp(how, "vm") == 0) {
        enum { SIZE = 1 << 20 };
        char *stack = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        clone(share, stack + SIZE, CLONE_VM | CLONE_FS | CLONE_FILES | SIGCHLD, NULL);
        while (loaded == NULL) usleep(1000);
        compute(loaded);
    }
    if (strcmp(how, "leader") == 0) {
        static pthread_t leader;
        pthread_t other;
        leader = pthread_self();
        pthread_create(&other, NULL, outlive, &leader);
        pthread_exit(NULL);
    }
    return 2;
}
