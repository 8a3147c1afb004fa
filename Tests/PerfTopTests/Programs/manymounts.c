// manymounts N SECONDS: N mounts in a namespace of its own, and a new process in it fifty times a second.
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void say(const char *file, const char *text) {
    FILE *stream = fopen(file, "w");
    if (stream) fputs(text, stream), fclose(stream);
}

int main(int count, char **arguments) {
    if (count == 2) {
        // One of the new processes.
        for (volatile long i = 0; i < 3000000; i++) {}
        return 0;
    }
    if (count < 3) return 1;
    char text[64], group[64];
    sprintf(text, "0 %d 1", getuid());
    sprintf(group, "0 %d 1", getgid());
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS)) return perror("unshare"), 1;
    say("/proc/self/setgroups", "deny");
    say("/proc/self/uid_map", text);
    say("/proc/self/gid_map", group);
    if (mount("none", "/", 0, MS_REC | MS_PRIVATE, 0) || mount("none", "/mnt", "tmpfs", 0, 0)) return perror("mount"), 1;
    for (int i = 0; i < atoi(arguments[1]); i++) {
        sprintf(text, "/mnt/%d", i);
        if (mkdir(text, 0700) || mount(text, text, 0, MS_BIND, 0)) return perror(text), 1;
    }
    printf("ready\n");
    fflush(stdout);
    time_t end = time(0) + atoi(arguments[2]);
    struct timespec pause = {0, 20000000};
    while (time(0) < end) {
        pid_t child = fork();
        if (!child) execl("/proc/self/exe", "new", "x", (char *)0), _exit(1);
        waitpid(child, 0, 0);
        nanosleep(&pause, 0);
    }
    return 0;
}
