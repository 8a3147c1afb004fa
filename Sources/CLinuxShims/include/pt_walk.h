// Thin C for following a path that somebody else chose: one step at a time, and nothing asked that need not answer.
#pragma once
#include <stdint.h>
#include <sys/types.h>

/// What is known of a place without asking its file system (statx(2), AT_STATX_DONT_SYNC).
struct pt_place {
    uint64_t device; // as dev_t
    uint64_t inode;
    uint64_t mount; // its number in mountinfo; 0 where the kernel does not tell it here (before 5.8)
    uint32_t mode;
    uint32_t user;
    uint32_t group;
    uint32_t links;
};

/// A name in an open directory, open for nothing but its place: no link is followed, nothing is mounted for it. A descriptor,
/// or -1 and errno.
int pt_step(int directory, const char *name);
/// Where a symbolic link leads that is open for its place; its length, or -1 and errno.
ssize_t pt_link_target(int link, char *target, size_t capacity);
/// The number of an open place's mount that no other ever has (STATX_MNT_ID_UNIQUE); 0 where the kernel has none (before 6.8).
uint64_t pt_unique_mount(int place);
/// 0, or -1 and errno.
int pt_look(int place, struct pt_place *found);
