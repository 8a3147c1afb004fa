// peek PID PAGES: looks at another process's perf events from outside: takes each descriptor (pidfd_getfd(2)), reads its
// counts, and maps the control page of those that have a ring of PAGES data pages. One JSON object per descriptor.
#define _GNU_SOURCE
#include <dirent.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int count, char **words) {
    if (count < 3) return 2;
    pid_t pid = atoi(words[1]);
    size_t length = (1 + (size_t)atol(words[2])) * (size_t)sysconf(_SC_PAGESIZE);
    int process = (int)syscall(SYS_pidfd_open, pid, 0);
    char path[64], link[64];
    snprintf(path, sizeof path, "/proc/%d/fd", pid);
    DIR *folder = opendir(path);
    if (process < 0 || folder == NULL) return 1;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        ssize_t end = readlinkat(dirfd(folder), entry->d_name, link, sizeof link - 1);
        if (end <= 0) continue;
        link[end] = 0;
        if (strcmp(link, "anon_inode:[perf_event]") != 0) continue;
        int fd = (int)syscall(SYS_pidfd_getfd, process, atoi(entry->d_name), 0);
        // value, time enabled, time running, id, lost: as perftop asks for it.
        unsigned long long words[5] = {0};
        if (fd < 0 || read(fd, words, sizeof words) != (ssize_t)sizeof words) continue;
        printf("{\"fd\": %s, \"value\": %llu, \"lost\": %llu", entry->d_name, words[0], words[4]);
        struct perf_event_mmap_page *page = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (page != MAP_FAILED) {
            unsigned long long head = page->data_head, tail = page->data_tail;
            printf(", \"head\": %llu, \"tail\": %llu", head, tail);
            munmap(page, length);
        }
        printf("}\n");
        close(fd);
    }
    return 0;
}
