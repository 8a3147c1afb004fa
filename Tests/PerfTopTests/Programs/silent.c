// Computes behind a file system that never answers: silent WHERE mounts one over the folder that it was started from, in our
// own mount namespace (WHERE "here") or in one of its own, as any user may (WHERE "apart"). What asks it anything is asked
// for ever: requests are taken, so that not even SIGKILL ends who waits for one. It all ends with this program.
#define _GNU_SOURCE
#include <fcntl.h>
#include <libgen.h>
#include <linux/fuse.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "need.h"
#include "spin.h"

SPINNER(computes, 1.5)

static void put(const char *path, const char *text) {
    int file = open(path, O_WRONLY);
    need(file >= 0 && write(file, text, strlen(text)) == (ssize_t)strlen(text), path);
    close(file);
}

// Takes every request and answers the first one alone.
static void serve(int device, int ready) {
    static char request[1 << 17];
    const struct fuse_in_header *head = (void *)request;
    const struct fuse_init_in *in = (void *)(head + 1);
    for (int asked = 0;;) {
        if (read(device, request, sizeof request) < (ssize_t)sizeof *head) continue;
        if (head->opcode != FUSE_INIT) {
            if (asked++ == 0) fprintf(stderr, "asked\n");
            continue;
        }
        struct {
            struct fuse_out_header head;
            struct fuse_init_out init;
        } out = {{.len = sizeof out, .unique = head->unique}, {.major = 7, .minor = in->minor, .max_write = 65536}};
        if (write(device, &out, sizeof out) < 0 || write(ready, "", 1) < 0) _exit(1);
    }
}

int main(int count, char **arguments) {
    char program[4096], options[100], word[100];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    need(count == 2 && length > 0, "usage");
    program[length] = 0;
    if (!strcmp(arguments[1], "apart")) {
        unsigned user = geteuid(), group = getegid();
        need(unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0, "unshare");
        put("/proc/self/setgroups", "deny");
        snprintf(word, sizeof word, "0 %u 1", user);
        put("/proc/self/uid_map", word);
        snprintf(word, sizeof word, "0 %u 1", group);
        put("/proc/self/gid_map", word);
    }
    int device = open("/dev/fuse", O_RDWR), ready[2];
    need(device >= 0, "/dev/fuse");
    snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", device);
    need(pipe(ready) == 0 && mount("silent", dirname(program), "fuse", 0, options) == 0, "mount");
    pid_t parent = getpid();
    if (fork() == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) _exit(0);
        serve(device, ready[1]);
    }
    close(device);
    need(read(ready[0], word, 1) == 1, "the first answer");
    puts("ready");
    fflush(stdout);
    // A test that is killed leaves nothing behind.
    return spin_for(computes, 60000000000) == 0;
}
