#define _GNU_SOURCE
#include "include/pt_terminal.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

// Written before the handlers are installed, only read by them.
static struct termios saved;
static char undo[512];
static size_t undo_count;
static int tty = -1, notice_pipe = -1, captured_file = -1, error_file = -1;
static volatile sig_atomic_t screen_is_up, ending_signal;
static atomic_int rescuers;

enum kind { CRASH, ENDING, NEWS, FAILED_WRITE, LEFT_ALONE };

// What a signal means while the screen is up. Whatever is not named here ends a process unless somebody handles it, and is
// taken for somebody's wish that it ends: real-time signals, and those that other machines have.
static enum kind kind_of(int signal) {
    switch (signal) {
    case SIGSEGV: case SIGBUS: case SIGFPE: case SIGILL: case SIGTRAP: case SIGSYS: case SIGABRT: case SIGXCPU: case SIGALRM:
        return CRASH;
    case SIGWINCH: case SIGTSTP: case SIGCONT: return NEWS;
    // The reader is gone, or a limit on the size of files is reached: an error of write(2) then.
    case SIGPIPE: case SIGXFSZ: return FAILED_WRITE;
    case SIGKILL: case SIGSTOP: case SIGTTIN: case SIGTTOU: case SIGCHLD: case SIGURG: return LEFT_ALONE;
    default: return ENDING;
    }
}

int pt_asks_for_end(int signal) { return kind_of(signal) == ENDING; }

static const int glibc_cancel = 32;
static struct sigaction former[_NSIG];
static uint8_t is_ours[_NSIG];
static char alternate_stack[32768];

static void write_all(int fd, const char *bytes, size_t count) {
    while (count > 0) {
        ssize_t written = write(fd, bytes, count);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return;
        bytes += written;
        count -= (size_t)written;
    }
}

// Only calls that POSIX allows in a signal handler.
static void rescue(void) {
    if (!screen_is_up) return;
    screen_is_up = 0;
    // A terminal stopped by ^S must not keep this process alive.
    int flags = fcntl(tty, F_GETFL);
    if (flags >= 0) fcntl(tty, F_SETFL, flags | O_NONBLOCK);
    write_all(tty, undo, undo_count);
    if (flags >= 0) fcntl(tty, F_SETFL, flags);
    tcsetattr(tty, TCSANOW, &saved);
    char text[1024];
    off_t place = 0;
    while (captured_file >= 0) {
        ssize_t count = pread(captured_file, text, sizeof text, place);
        if (count <= 0) break;
        write_all(error_file, text, (size_t)count);
        place += count;
    }
}

// The kernel's own calls, which know all signals: glibc keeps the two below SIGRTMIN to itself, and nobody else does. A
// `struct sigaction` of the kernel's is nowhere longer than this, and all zeros are the default.
struct kernel_action { uint64_t words[8]; };
static long set_action(int signal, const struct kernel_action *new, struct kernel_action *old) {
    return syscall(SYS_rt_sigaction, signal, new, old, _NSIG / 8);
}

void pt_die_by(int signal) {
    const struct kernel_action usual = {{0}};
    set_action(signal, &usual, NULL);
    const uint64_t set = UINT64_C(1) << (signal - 1);
    syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), signal);
    syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, &set, NULL, sizeof set);
    _exit(128 + signal);
}

// The main thread may be opening the screen: what it set behind the rescue would stay. It comes here, too, and sleeps.
static void hold_main_thread(void) {
    if (syscall(SYS_gettid) == getpid()) return;
    syscall(SYS_tgkill, getpid(), getpid(), SIGALRM);
    struct timespec moment = {0, 1000000};
    for (int i = 0; i < 20 && atomic_load(&rescuers) < 2; i++) nanosleep(&moment, NULL);
}

static void on_crash(int signal) {
    // Another thread is at it already: ending the process now would cut it short. It ends us, well within that second.
    struct timespec second = {1, 0};
    if (atomic_fetch_add(&rescuers, 1) > 0) {
        nanosleep(&second, NULL);
    } else {
        hold_main_thread();
        rescue();
    }
    // The alarm is ours: it means that the main loop did not act on an ending signal in time.
    pt_die_by(signal == SIGALRM && ending_signal ? ending_signal : signal);
}

static void on_notice(int signal) {
    int kept = errno;
    if (kind_of(signal) == ENDING) {
        ending_signal = signal;
        alarm(1);
    }
    char byte = (char)signal;
    (void)!write(notice_pipe, &byte, 1);
    errno = kept;
}

static void install(int signal, void (*handler)(int), int flags) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    sigfillset(&action.sa_mask);
    if (sigaction(signal, NULL, &former[signal]) != 0) return;
    // What was ignored from the start (nohup, a shell without job control) stays ignored.
    if (former[signal].sa_handler == SIG_IGN && handler == on_notice) return;
    is_ours[signal] = sigaction(signal, &action, NULL) == 0;
}

int pt_guard_terminal(int terminal, int notices, const char *bytes, size_t count, int captured, int errors) {
    if (tcgetattr(terminal, &saved) != 0) return -1;
    tty = terminal;
    notice_pipe = notices;
    captured_file = captured;
    error_file = errors;
    undo_count = count < sizeof undo ? count : sizeof undo;
    memcpy(undo, bytes, undo_count);
    // A crash may be a stack that has run out.
    stack_t stack = {.ss_sp = alternate_stack, .ss_size = sizeof alternate_stack};
    sigaltstack(&stack, NULL);
    for (int signal = 1; signal < _NSIG; signal++) {
        switch (kind_of(signal)) {
        case CRASH: install(signal, on_crash, SA_ONSTACK); break;
        case ENDING: case NEWS: install(signal, on_notice, SA_RESTART); break;
        case FAILED_WRITE: install(signal, SIG_IGN, 0); break;
        case LEFT_ALONE: break;
        }
    }
    // glibc ends threads by this one (pthread_cancel), which we never do, and handles it only from then on: sent by anybody
    // else it ends us. Its other one it handles from the first thread on.
    struct kernel_action ours;
    if (is_ours[SIGRTMIN] && set_action(SIGRTMIN, NULL, &ours) == 0) set_action(glibc_cancel, &ours, NULL);
    return 0;
}

void pt_screen_is_up(int up) { screen_is_up = up; }

void pt_release_terminal(void) {
    screen_is_up = 0;
    ending_signal = 0;
    alarm(0);
    for (int signal = 1; signal < _NSIG; signal++) {
        if (is_ours[signal]) sigaction(signal, &former[signal], NULL);
        is_ours[signal] = 0;
    }
    tty = -1;
}

void pt_stop_now(void) {
    struct sigaction action = {.sa_handler = SIG_DFL}, ours;
    sigset_t set, old;
    sigemptyset(&set);
    sigaddset(&set, SIGTSTP);
    sigaction(SIGTSTP, &action, &ours);
    pthread_sigmask(SIG_UNBLOCK, &set, &old);
    // The whole job stops, not only this process: a pipeline's other members have to know.
    kill(0, SIGTSTP);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    sigaction(SIGTSTP, &ours, NULL);
}

int pt_bound_size(int *lines, int *columns) {
    // A terminal may claim more than curses can count, and than there is memory for: curses holds three cells of 28 bytes for
    // each. No screen has room for so many letters; what is beyond stays empty.
    const int most_cells = 1 << 17, most_columns = 1000, most_lines = 1000, told_lines = *lines, told_columns = *columns;
    if (*columns > most_columns) *columns = most_columns;
    int room = most_cells / *columns < most_lines ? most_cells / *columns : most_lines;
    if (*lines > room) *lines = room;
    return *lines < told_lines || *columns < told_columns;
}

int pt_window_size(int terminal, int *lines, int *columns) {
    struct winsize size;
    if (ioctl(terminal, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0) return -1;
    *lines = size.ws_row;
    *columns = size.ws_col;
    return pt_bound_size(lines, columns);
}

int pt_bytes_waiting(int fd) {
    int count = 0;
    return ioctl(fd, FIONREAD, &count) == 0 ? count : -1;
}

long pt_utc_offset(long time) {
    struct tm local;
    time_t point = (time_t)time;
    return localtime_r(&point, &local) ? local.tm_gmtoff : 0;
}

int pt_cell_width(uint32_t scalar) { return wcwidth((wchar_t)scalar); }

int pt_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC | O_NONBLOCK); }
