#!/usr/bin/env python3
"""Ends what a process has started as soon as that process itself has ended, in whatever way: scripts/guard.py OWNER [PARENT]

What belongs to OWNER has PERFTOP_TESTS_<OWNER> in its environment. Children inherit that: it tells of them also where they
have another session, another user or, since theirs was killed, another parent. Where PARENT ends first, OWNER ends too.
"""
import os
import select
import signal
import sys
import time


def await_end(pids):
    """Waits until one of them has ended. A descriptor means this very process, whoever has its number later."""
    poll = select.poll()
    for pid in pids:
        try:
            poll.register(os.pidfd_open(pid), select.POLLIN)
        except ProcessLookupError:
            return
    poll.poll()


def end(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except OSError:
        pass


def marked(word):
    """Those that have the word in their environment. One that has ended, and waits for its parent to notice, has none."""
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/environ", "rb") as file:
                if word in file.read().split(b"\0"):
                    yield int(name)
        except OSError:
            continue


def main():
    pids = [int(word) for word in sys.argv[1:]]
    # A key that ends the run must not end this first.
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    await_end(pids)
    if len(pids) > 1 and os.getppid() == pids[0]:
        end(pids[0])
    # One may start another while they are looked through: so until there was none twice. What cannot be ended is left.
    quiet = 0
    for _ in range(100):
        found = list(marked(b"PERFTOP_TESTS_%d=1" % pids[0]))
        for pid in found:
            end(pid)
        quiet = 0 if found else quiet + 1
        if quiet == 2:
            break
        time.sleep(0.05)


main()
