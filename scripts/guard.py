#!/usr/bin/env python3
"""Ends what a process has started as soon as that process itself has ended, in whatever way: scripts/guard.py MARK OWNER [PARENT]

What belongs to OWNER has MARK, a NAME=VALUE of its own, in its environment. Children inherit that: it tells of them also where
they have another session, another user or, since theirs was killed, another parent. Where PARENT ends first, OWNER ends too.
"""
import os
import select
import signal
import sys
import time


def await_end(pids):
    """Waits until one of them has ended. A descriptor means this very process, whoever has its number later."""
    poll = select.poll()
    try:
        for pid in pids:
            poll.register(os.pidfd_open(pid), select.POLLIN)
        poll.poll()
    except ProcessLookupError:
        return
    except (OSError, AttributeError):
        # No such descriptors here: it is asked for again and again.
        while all(os.path.exists(f"/proc/{pid}") for pid in pids):
            time.sleep(0.2)


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
    mark = sys.argv[1].encode()
    # A parent in another pid namespace has the number 0.
    pids = [int(word) for word in sys.argv[2:] if word != "0"]
    # A key that ends the run must not end this first.
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    await_end(pids)
    if len(pids) > 1 and os.getppid() == pids[0]:
        end(pids[0])
    # One may start another while they are looked through: so until there was none twice. What cannot be ended is left.
    quiet = 0
    for _ in range(100):
        found = list(marked(mark))
        for pid in found:
            end(pid)
        quiet = 0 if found else quiet + 1
        if quiet == 2:
            break
        time.sleep(0.05)


main()
