#define _GNU_SOURCE
#include "include/pt_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int pt_reader_pair(int ends[2]) { return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends); }

ssize_t pt_reader_send(int socket, const void *head, size_t size, const void *body, size_t count) {
    struct iovec parts[2] = {{(void *)head, size}, {(void *)body, count}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    ssize_t sent;
    do sent = sendmsg(socket, &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -1 : sent - (ssize_t)size;
}

ssize_t pt_reader_receive(int socket, void *head, size_t size, void *body, size_t room) {
    struct iovec parts[2] = {{head, size}, {body, room}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    ssize_t got;
    do got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got < 0) return -1;
    if (got >= (ssize_t)size && (message.msg_flags & MSG_TRUNC) == 0) return got - (ssize_t)size;
    errno = got == 0 ? ECONNRESET : EBADMSG;
    return -1;
}

union room_for_one {
    struct cmsghdr head;
    char bytes[CMSG_SPACE(sizeof(int))];
};

int pt_send_descriptor(int socket, int fd) {
    char byte = 0;
    struct iovec part = {&byte, 1};
    union room_for_one room;
    memset(&room, 0, sizeof room);
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &room, .msg_controllen = sizeof room};
    room.head = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(&room.head), &fd, sizeof fd);
    return sendmsg(socket, &message, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

int pt_receive_descriptor(int socket) {
    char byte;
    struct iovec part = {&byte, 1};
    union room_for_one room;
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &room, .msg_controllen = sizeof room};
    ssize_t got;
    do got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    struct cmsghdr *head = got > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    if (!head || head->cmsg_type != SCM_RIGHTS || head->cmsg_len != CMSG_LEN(sizeof(int))) {
        if (got >= 0) errno = got == 0 ? ECONNRESET : EBADMSG;
        return -1;
    }
    int fd;
    memcpy(&fd, CMSG_DATA(head), sizeof fd);
    return fd;
}

pid_t pt_fork_reader(int *kept, const char *name) {
    pid_t parent = getpid(), pid = fork();
    if (pid != 0) return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() != parent) _exit(0);
    prctl(PR_SET_NAME, name, 0, 0, 0);
    // Neither ^C nor the end of a terminal is for it, and nobody waits for a pipe that it holds open.
    setsid();
    sigset_t none;
    sigemptyset(&none);
    for (int signal_number = 1; signal_number < NSIG; signal_number++) signal(signal_number, SIG_DFL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_IGN);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (dup2(*kept, 3) < 0) _exit(1);
    *kept = 3;
    fcntl(3, F_SETFD, FD_CLOEXEC);
    int nothing = open("/dev/null", O_RDWR);
    for (int number = 0; number < 3; number++)
        if (nothing < 0) close(number);
        else if (nothing != number) dup2(nothing, number);
    if (syscall(SYS_close_range, 4, ~0u, 0) != 0)
        for (int number = 4; number < 65536; number++) close(number);
    (void)!chdir("/");
    return 0;
}

void pt_leave(void) { _exit(0); }

void pt_leave_children(void) {
    // SIGCHLD is ignored: they are gone when there are none.
    for (int turn = 0; turn < 200 && waitpid(-1, NULL, WNOHANG) >= 0; turn++) usleep(500);
    _exit(0);
}

void pt_kill_process(int process) { syscall(SYS_pidfd_send_signal, process, SIGKILL, NULL, 0); }
