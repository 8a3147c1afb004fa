#define _GNU_SOURCE
#include "include/pt_proc.h"
#include <sched.h>
#include <stddef.h>
#include <sys/mount.h>

int pt_mount_own_proc(void) {
    if (unshare(CLONE_NEWNS) != 0) return -1;
    // What is mounted elsewhere later still comes here, and nothing goes from here to there. "/" is no mount in a
    // chroot: there the one on /proc must do, which the new one will lie on.
    if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) != 0 && mount(NULL, "/proc", NULL, MS_PRIVATE, NULL) != 0)
        return -1;
    return mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
}
