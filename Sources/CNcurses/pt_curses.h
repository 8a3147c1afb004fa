// curses for Swift: macros, globals and variadic calls of <curses.h> that cannot be imported, as inline functions.
#pragma once
#define NCURSES_WIDECHAR 1
#include <curses.h>
#include <fcntl.h>
#include <stdio.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

// Opens the screen on two descriptors; NULL where the terminal type is unknown. Unlike initscr() it never exits.
static inline SCREEN *pt_open_screen(int output, int input) {
    int out = fcntl(output, F_DUPFD_CLOEXEC, 3), in = fcntl(input, F_DUPFD_CLOEXEC, 3);
    FILE *writer = out < 0 ? NULL : fdopen(out, "w"), *reader = in < 0 ? NULL : fdopen(in, "r");
    SCREEN *screen = writer && reader ? newterm(NULL, writer, reader) : NULL;
    if (screen) return screen;
    if (writer) fclose(writer);
    else if (out >= 0) close(out);
    if (reader) fclose(reader);
    else if (in >= 0) close(in);
    return NULL;
}

static inline int pt_lines(void) { return LINES; }
static inline int pt_columns(void) { return COLS; }
static inline int pt_colors(void) { return COLORS; }
static inline int pt_color_pairs(void) { return COLOR_PAIRS; }

// Keys come one by one; ^Z and ^\\ still make signals. ^C is a key like q: leaving by it is no death by a signal.
static inline void pt_prepare_screen(int input) {
    cbreak();
    struct termios modes;
    if (tcgetattr(input, &modes) == 0) {
        modes.c_cc[VINTR] = _POSIX_VDISABLE;
        tcsetattr(input, TCSANOW, &modes);
        def_prog_mode();
    }
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    leaveok(stdscr, FALSE);
    scrollok(stdscr, FALSE);
    intrflush(stdscr, FALSE);
    curs_set(0);
}

static inline void pt_begin_picture(void) { werase(stdscr); }
static inline void pt_repaint(void) { clearok(stdscr, TRUE); }
static inline void pt_show_picture(void) {
    wnoutrefresh(stdscr);
    doupdate();
}
// Without another screen the picture stays, and what comes next goes where its last line was: that one is emptied.
static inline void pt_leave_screen(void) {
    if (!exit_ca_mode) {
        wmove(stdscr, LINES - 1, 0);
        wclrtoeol(stdscr);
        wrefresh(stdscr);
    }
    endwin();
}
static inline void pt_place_cursor(int line, int column) { wmove(stdscr, line, column); }
static inline void pt_set_style(attr_t attributes, int pair) { wattr_set(stdscr, attributes, (short)pair, NULL); }
static inline void pt_add_text(int line, int column, const wchar_t *text, int count) {
    mvwaddnwstr(stdscr, line, column, text, count);
}
// A byte, or what curses knows as a key; -1 where nothing waits. Not wget_wch: that says the same of bytes that are no text,
// and takes what was typed behind them with them.
static inline int pt_next_key(void) { return wgetch(stdscr); }

// 1 where the key is KEY_F(n); n is stored.
static inline int pt_function_key(int key, int *number) {
    if (key < KEY_F0 || key > KEY_F0 + 63) return 0;
    *number = key - KEY_F0;
    return 1;
}

// Clicks at once, not after a while in which they might become a double click; buttons 4 and 5 are the wheel.
static inline void pt_take_mouse(int wanted) {
    mouseinterval(0);
    mousemask(wanted ? BUTTON1_PRESSED | BUTTON4_PRESSED | BUTTON5_PRESSED : 0, NULL);
}

// The button of the event that KEY_MOUSE stands for, and its cell; 0 where it is none that was asked for.
static inline int pt_mouse_event(int *line, int *column) {
    MEVENT event;
    if (getmouse(&event) != OK) return 0;
    *line = event.y;
    *column = event.x;
    return event.bstate & BUTTON1_PRESSED ? 1 : event.bstate & BUTTON4_PRESSED ? 4 : event.bstate & BUTTON5_PRESSED ? 5 : 0;
}

// A terminfo string; NULL where the terminal has none.
static inline const char *pt_terminal_string(const char *name) {
    const char *value = tigetstr((char *)name);
    return value == (const char *)-1 ? NULL : value;
}

static const attr_t pt_bold = A_BOLD;
static const attr_t pt_underline = A_UNDERLINE;
static const attr_t pt_reverse = A_REVERSE;
