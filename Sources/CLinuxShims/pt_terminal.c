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

static const int crashes[] = {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGXCPU, SIGALRM};
static const int endings[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};
static const int others[] = {SIGWINCH, SIGTSTP, SIGCONT};
#define COUNT(list) (sizeof(list) / sizeof(list[0]))
static struct sigaction former[NSIG];
static uint8_t is_ours[NSIG];
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

void pt_die_by(int signal) {
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigaction(signal, &action, NULL);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signal);
    raise(signal);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
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
    for (size_t i = 0; i < COUNT(endings); i++) {
        if (endings[i] == signal) {
            ending_signal = signal;
            alarm(1);
        }
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
    for (size_t i = 0; i < COUNT(crashes); i++) install(crashes[i], on_crash, SA_ONSTACK);
    for (size_t i = 0; i < COUNT(endings); i++) install(endings[i], on_notice, SA_RESTART);
    for (size_t i = 0; i < COUNT(others); i++) install(others[i], on_notice, SA_RESTART);
    install(SIGPIPE, SIG_IGN, 0);
    // A limit on the size of files is an error of write(2) then.
    install(SIGXFSZ, SIG_IGN, 0);
    return 0;
}

void pt_screen_is_up(int up) { screen_is_up = up; }

void pt_release_terminal(void) {
    screen_is_up = 0;
    ending_signal = 0;
    alarm(0);
    for (int signal = 1; signal < NSIG; signal++) {
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
