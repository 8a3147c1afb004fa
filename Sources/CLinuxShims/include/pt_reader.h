// Processes that read files in our stead, and what is said between them and us (unix(7), SOCK_SEQPACKET).
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "pt_walk.h"

/// Most bytes of a file in one answer.
enum { PT_READER_PIECE = 65536 };

/// What is asked; a path stands behind it in the same message.
struct pt_reader_request {
    uint32_t what;
    /// An open file.
    uint32_t handle;
    uint64_t offset;
    uint32_t count;
};

/// What is answered; bytes of the file stand behind it in the same message.
struct pt_reader_answer {
    /// Of the call that failed; 0.
    int32_t error;
    uint32_t handle;
    /// Processor time that this process has used, in nanoseconds.
    uint64_t processor;
    /// Where a path leads to: what is known without asking, in which root, and who can have put it there; users beyond
    /// these are not told, but that there are others.
    struct pt_place place, top;
    uint32_t makers[16], maker_count;
    uint8_t others, others_beside;
    /// Of an open file: FS_IOC_GETVERSION, acl(5), and what fstat(2) tells of its content.
    uint8_t has_generation, may_have_access_list;
    uint32_t generation;
    uint64_t size;
    int64_t seconds, nanoseconds;
    /// The kind of file system, cut where it is longer; ends with 0.
    char kind[32];
};

/// A pair of sockets that keep messages apart and end with the process at the other end. 0, or -1 with errno.
int pt_reader_pair(int ends[2]);

/// Sends, or takes, one message of two parts. Bytes of the second part, -1 with errno; the first is whole, or it is EBADMSG,
/// and ECONNRESET where nobody is at the other end.
ssize_t pt_reader_send(int socket, const void *head, size_t size, const void *body, size_t count);
ssize_t pt_reader_receive(int socket, void *head, size_t size, void *body, size_t room);

/// Sends a descriptor, or takes one; -1 with errno.
int pt_send_descriptor(int socket, int fd);
int pt_receive_descriptor(int socket);

/// fork(2). In the child, where it returns 0, everything is closed but one descriptor, which is `*kept` from then on; no signal
/// of a terminal reaches it, and it ends with the thread that made it. Its parent has one thread, and it may go on as if
/// nothing had happened.
pid_t pt_fork_reader(int *kept, const char *name);

/// Kills a process by its descriptor (pidfd_send_signal(2)).
void pt_kill_process(int process);

/// Ends this process at once, with no regard for what its parent has begun; the second once its children have ended, or a
/// tenth of a second later.
_Noreturn void pt_leave(void);
_Noreturn void pt_leave_children(void);
