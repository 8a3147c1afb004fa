// Computes from an overlay whose lower layer is a file system of ours, which answers until it is told to be silent (SIGUSR1) and then
// never again: what asks it is asked for ever, so that not even SIGKILL ends who waits. It all ends with this program.
//
//     stacked FOLDER: FOLDER/{lower,upper,work,merged} are there; it becomes FOLDER/merged/program
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "need.h"
#include "spin.h"

SPINNER(computes, 1.5)

static char content[1 << 20];
static size_t size;
static volatile sig_atomic_t is_silent;

static void fall_silent(int signal) { is_silent = signal; }

static struct fuse_attr attributes(uint64_t node) {
    struct fuse_attr found = {.ino = node, .nlink = 1, .mode = S_IFDIR | 0755, .blksize = 4096};
    if (node != 1) {
        found.mode = S_IFREG | 0755;
        found.size = size;
    }
    return found;
}

static void answer(int device, uint64_t unique, int error, const void *body, size_t count) {
    static char text[1 << 20];
    struct fuse_out_header head = {.len = (uint32_t)(sizeof head + count), .error = error, .unique = unique};
    memcpy(text, &head, sizeof head);
    if (count > 0) memcpy(text + sizeof head, body, count);
    if (write(device, text, head.len) < 0 && errno != ENOENT) _exit(1);
}

static void serve(int device) {
    static char request[1 << 20];
    const struct fuse_in_header *head = (void *)request;
    const void *body = head + 1;
    for (;;) {
        if (read(device, request, sizeof request) < (ssize_t)sizeof *head) continue;
        // What has just fallen silent has read this one: nobody gets it back.
        if (is_silent) continue;
        struct fuse_open_out opened = {0};
        switch (head->opcode) {
        case FUSE_INIT: {
            const struct fuse_init_in *in = body;
            struct fuse_init_out out = {.major = 7, .minor = in->minor, .max_write = 65536};
            answer(device, head->unique, 0, &out, sizeof out);
            break;
        }
        case FUSE_LOOKUP: {
            struct fuse_entry_out out = {.nodeid = 2, .attr = attributes(2)};
            answer(device, head->unique, strcmp(body, "program") ? -ENOENT : 0, &out, strcmp(body, "program") ? 0 : sizeof out);
            break;
        }
        case FUSE_GETATTR: {
            struct fuse_attr_out out = {.attr = attributes(head->nodeid)};
            answer(device, head->unique, 0, &out, sizeof out);
            break;
        }
        case FUSE_OPEN:
        case FUSE_OPENDIR: answer(device, head->unique, 0, &opened, sizeof opened); break;
        case FUSE_READ: {
            const struct fuse_read_in *in = body;
            size_t start = in->offset < size ? in->offset : size, room = size - start;
            answer(device, head->unique, 0, content + start, in->size < room ? in->size : room);
            break;
        }
        case FUSE_STATFS: {
            struct fuse_statfs_out out = {.st = {.bsize = 4096, .namelen = 255}};
            answer(device, head->unique, 0, &out, sizeof out);
            break;
        }
        case FUSE_READDIR:
        case FUSE_RELEASE:
        case FUSE_RELEASEDIR:
        case FUSE_FLUSH: answer(device, head->unique, 0, NULL, 0); break;
        case FUSE_FORGET:
        case FUSE_BATCH_FORGET:
        case FUSE_INTERRUPT: break;
        default: answer(device, head->unique, -ENOSYS, NULL, 0);
        }
    }
}

int main(int count, char **arguments) {
    if (count == 1) {
        computes(SPIN_ROUNDS);
        puts("ready");
        fflush(stdout);
        // A test that is killed leaves nothing behind.
        return spin_for(computes, 60000000000) == 0;
    }
    char options[5000], place[4096];
    int device = open("/dev/fuse", O_RDWR), file = open("/proc/self/exe", O_RDONLY);
    need(device >= 0 && file >= 0, "/dev/fuse");
    size = (size_t)read(file, content, sizeof content);
    need(chdir(arguments[1]) == 0, "the folder");
    snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", device);
    pid_t parent = getpid(), server = fork();
    if (server == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGUSR1, fall_silent);
        if (getppid() != parent) _exit(0);
        serve(device);
    }
    need(mount("stacked", "lower", "fuse", 0, options) == 0, "a mount");
    close(device);
    need(mount("stacked", "merged", "overlay", 0, "lowerdir=lower,upperdir=upper,workdir=work") == 0, "an overlay");
    snprintf(place, sizeof place, "%s/merged/program", arguments[1]);
    printf("server %d\n", server);
    fflush(stdout);
    execl(place, "program", (char *)NULL);
    need(0, place);
}
