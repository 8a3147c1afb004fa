// A file system that answers, and from SIGUSR1 on does not: stalling DIRECTORY FILE shows FILE as DIRECTORY/program.
// Needs root. Speaks the kernel's own protocol (linux/fuse.h), so that no library is needed.
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static volatile sig_atomic_t stalled;
static void stall(int signal) { stalled = signal; }

static int device;
static struct stat content;

static void answer(const struct fuse_in_header *request, int error, const void *data, size_t size) {
    struct fuse_out_header head = {.len = sizeof head + (error ? 0 : size), .error = error, .unique = request->unique};
    struct iovec parts[] = {{&head, sizeof head}, {(void *)data, error ? 0 : size}};
    if (writev(device, parts, 2) < 0) perror("answer");
}

static struct fuse_attr attributes(uint64_t node) {
    return (struct fuse_attr){.ino = node, .nlink = 1, .blksize = 4096, .size = node == 1 ? 0 : (uint64_t)content.st_size,
                              .mode = node == 1 ? S_IFDIR | 0755 : S_IFREG | 0755};
}

static void serve(const struct fuse_in_header *request, int file) {
    static char data[131072];
    const void *rest = request + 1;
    switch (request->opcode) {
    case FUSE_INIT: {
        const struct fuse_init_in *in = rest;
        struct fuse_init_out out = {.major = 7, .minor = in->minor, .max_readahead = 65536, .max_write = 65536};
        return answer(request, 0, &out, sizeof out);
    }
    case FUSE_LOOKUP: {
        struct fuse_entry_out out = {.nodeid = 2, .entry_valid = 3600, .attr_valid = 3600, .attr = attributes(2)};
        return answer(request, strcmp(rest, "program") ? -ENOENT : 0, &out, sizeof out);
    }
    case FUSE_GETATTR: {
        struct fuse_attr_out out = {.attr_valid = 3600, .attr = attributes(request->nodeid)};
        return answer(request, 0, &out, sizeof out);
    }
    case FUSE_OPEN: {
        struct fuse_open_out out = {.open_flags = FOPEN_KEEP_CACHE};
        return answer(request, 0, &out, sizeof out);
    }
    case FUSE_READ: {
        const struct fuse_read_in *in = rest;
        ssize_t got = pread(file, data, in->size < sizeof data ? in->size : sizeof data, (off_t)in->offset);
        return answer(request, got < 0 ? -EIO : 0, data, got < 0 ? 0 : (size_t)got);
    }
    case FUSE_STATFS: {
        struct fuse_statfs_out out = {.st = {.bsize = 4096, .namelen = 255}};
        return answer(request, 0, &out, sizeof out);
    }
    case FUSE_FLUSH:
    case FUSE_RELEASE: return answer(request, 0, NULL, 0);
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_INTERRUPT: return;
    default: return answer(request, -ENOSYS, NULL, 0);
    }
}

int main(int count, char **arguments) {
    char options[100];
    if (count != 3) return 2;
    int file = open(arguments[2], O_RDONLY);
    device = open("/dev/fuse", O_RDWR);
    if (file < 0 || device < 0 || fstat(file, &content) != 0) return 77;
    snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", device);
    if (mount("stalling", arguments[1], "fuse", 0, options) != 0) return 77;
    // Without SA_RESTART, so that a read is interrupted; whoever started us may have blocked the signal.
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_UNBLOCK, &all, NULL);
    sigaction(SIGUSR1, &(struct sigaction){.sa_handler = stall}, NULL);
    puts("ready");
    fflush(stdout);
    static char request[1 << 20];
    while (!stalled) {
        ssize_t got = read(device, request, sizeof request);
        if (got >= (ssize_t)sizeof(struct fuse_in_header)) serve((void *)request, file);
        else if (got < 0 && errno == ENODEV) return 0;
    }
    puts("stalled");
    fflush(stdout);
    for (;;) pause();
}
