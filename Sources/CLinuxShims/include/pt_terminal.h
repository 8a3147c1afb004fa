// Gives the terminal back on every way out: the part of it that runs inside signal handlers.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// Keeps the terminal's modes as they are now and the bytes that undo what the screen changed.
// From here on a crash writes those bytes, sets the modes, and ends by the signal's default action.
// `notices` gets one byte, the signal's number, for each signal the main loop has to act on.
// `captured` is a file that holds stderr while the screen is up, or -1; a crash copies it to `errors`.
// Returns 0, or -1 with errno.
int pt_guard_terminal(int terminal, int notices, const char *bytes, size_t count, int captured, int errors);

// Tells the guard whether the screen is up: while it is down a signal writes nothing.
void pt_screen_is_up(int up);

// Forgets the terminal and puts the former signal actions back.
void pt_release_terminal(void);

// Stops this process as ^Z does by default; returns once it is continued.
void pt_stop_now(void);

// 1 where a signal ends a process that does not handle it, and is no crash: somebody wishes that we end.
int pt_asks_for_end(int signal);

// Ends this process by the default action of a signal, so that whoever waits for it sees that signal.
void pt_die_by(int signal);

// Size of the terminal in cells; 1 where it is of as much as anybody could look at, and not the whole; -1 where it is not known.
int pt_window_size(int terminal, int *lines, int *columns);

// Makes a size of at least one cell no larger than the largest that is shown; 1 where it was larger.
int pt_bound_size(int *lines, int *columns);

// Bytes that wait to be read; -1 with errno.
int pt_bytes_waiting(int fd);

// Seconds that local time was ahead of UTC at a time.
long pt_utc_offset(long time);

// Cells the C library gives a character in this locale; -1 where it cannot be shown.
int pt_cell_width(uint32_t scalar);

// A pipe whose ends do not block and are closed by exec.
int pt_pipe(int ends[2]);
