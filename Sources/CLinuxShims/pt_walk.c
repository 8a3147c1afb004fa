#define _GNU_SOURCE
#include "include/pt_walk.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

int pt_step(int directory, const char *name) {
    // Not O_DIRECTORY: that would have an automount made.
    return openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

ssize_t pt_link_target(int link, char *target, size_t capacity) { return readlinkat(link, "", target, capacity); }

int pt_look(int place, struct pt_place *found) {
    struct statx facts;
    int flags = AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC;
    if (statx(place, "", flags, STATX_BASIC_STATS | STATX_MNT_ID, &facts) != 0) return -1;
    found->device = makedev(facts.stx_dev_major, facts.stx_dev_minor);
    found->inode = facts.stx_ino;
    found->mode = facts.stx_mode;
    found->user = facts.stx_uid;
    found->group = facts.stx_gid;
    found->links = facts.stx_nlink;
    found->mount = facts.stx_mask & STATX_MNT_ID ? facts.stx_mnt_id : 0;
    return 0;
}

uint64_t pt_unique_mount(int place) {
    const unsigned unique = 0x4000; // STATX_MNT_ID_UNIQUE
    struct statx facts;
    if (statx(place, "", AT_EMPTY_PATH | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC, unique, &facts) != 0) return 0;
    return facts.stx_mask & unique ? facts.stx_mnt_id : 0;
}
