"""Runs a full-screen program in a pseudo terminal and tells when something appears, and what the program cost."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time

# What is not text: CSI with its parameters, OSC up to its end, character sets, two-character sequences, a new line.
SEQUENCE = re.compile(
    rb"\x1b\[(?P<first>\d*)[0-?]*[ -/]*(?P<final>[@-~])"
    rb"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[()][0-9A-Za-z]|\x1b[@-Z\\^_=>78]|\n")


class Terminal:
    """One program on one terminal, from start to end."""

    def __init__(self, command, columns=120, lines=40, environment=None):
        self.started = time.monotonic()
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            try:
                fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
                os.environ.update({"TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}, **(environment or {}))
                os.execvp(command[0], command)
            finally:
                os._exit(127)
        self.raw = b""
        self.bytes = 0
        self.ended = False
        self.rusage = None
        self.status = None
        self.peak_kb = 0

    def pump(self, seconds):
        """Reads for at most this long; returns as soon as something came."""
        if self.ended:
            time.sleep(seconds)
            return
        if not select.select([self.descriptor], [], [], seconds)[0]:
            return
        try:
            data = os.read(self.descriptor, 65536)
        except OSError:
            data = b""
        if not data:
            self.ended = True
            return
        self.bytes += len(data)
        # Only the end is looked at: a row comes within one burst of output.
        self.raw = (self.raw + data)[-262144:]

    def wait_for(self, pattern, seconds, since=None):
        """Seconds from `since` (the start) until `pattern` was in the output, or None.

        The pattern is about the text of one line: `\\d+\\.\\d+[^\\n]*\\bname\\b`.
        """
        since = self.started if since is None else since
        deadline = time.monotonic() + seconds
        expression = re.compile(pattern)
        while time.monotonic() < deadline and not self.ended:
            self.pump(0.01)
            if expression.search(self.text()):
                return time.monotonic() - since
        return None

    def text(self):
        """The output without its escape sequences: a jump to another line ends a line, any other is a space."""
        line = 0

        def plain(match):
            nonlocal line
            before, final = line, match.group("final")
            first = int(match.group("first") or 1)
            if final in (b"H", b"f", b"d"):
                line = first
            elif final in (b"A", b"F"):
                line -= first
            elif final in (b"B", b"E"):
                line += first
            elif match.group() == b"\n":
                line += 1
            return b" " if line == before else b"\n"

        return SEQUENCE.sub(plain, self.raw).decode("utf-8", "replace")

    def resize(self, columns, lines):
        fcntl.ioctl(self.descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def forget(self):
        self.raw = b""

    def run_for(self, seconds):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self.ended:
            self.pump(min(0.1, max(0.0, deadline - time.monotonic())))

    def bursts(self, count, pause=0.05):
        """Sizes of the next bursts of output, in bytes; a pause ends one. The one under way does not count."""
        sizes, last, started = [], 0.0, time.monotonic()
        while not self.ended and time.monotonic() - started < 10 * count:
            before, now = self.bytes, time.monotonic()
            if len(sizes) > count and now - last > pause:
                break
            self.pump(0.01)
            if self.bytes == before:
                continue
            now = time.monotonic()
            if now - last > pause:
                sizes.append(0)
            sizes[-1] += self.bytes - before
            last = now
        return sizes[1:count + 1]

    def tasks(self, name):
        found = []
        try:
            for task in os.listdir(f"/proc/{self.pid}/task"):
                try:
                    with open(f"/proc/{self.pid}/task/{task}/{name}") as file:
                        found.append(file.read())
                except OSError:
                    pass
        except OSError:
            pass
        return found

    def wakeups(self):
        """Voluntary context switches so far, of all threads that are there."""
        return sum(int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", text, re.M).group(1))
                   for text in self.tasks("status"))

    def cpu_seconds(self):
        """Processor time so far, of all threads that are there, in nanosecond resolution."""
        return sum(int(text.split()[0]) for text in self.tasks("schedstat")) / 1e9

    def memory_kb(self, field="VmRSS"):
        try:
            with open(f"/proc/{self.pid}/status") as file:
                found = re.search(rf"^{field}:\s+(\d+)", file.read(), re.M)
                return int(found.group(1)) if found else 0
        except OSError:
            return 0

    def quit(self, keys="q", seconds=5):
        """Leaves the program: by its key, then by signals. Cost is in rusage (whole life) and peak_kb."""
        self.peak_kb = self.memory_kb("VmHWM")
        steps = [lambda: os.write(self.descriptor, keys.encode()), lambda: os.kill(self.pid, signal.SIGTERM),
                 lambda: os.kill(self.pid, signal.SIGKILL)]
        for step in steps:
            try:
                step()
            except OSError:
                pass
            deadline = time.monotonic() + seconds
            while time.monotonic() < deadline:
                self.pump(0.02)
                pid, status, rusage = os.wait4(self.pid, os.WNOHANG)
                if pid:
                    os.close(self.descriptor)
                    self.status, self.rusage = os.waitstatus_to_exitcode(status), rusage
                    self.peak_kb = self.peak_kb or rusage.ru_maxrss
                    return self
        raise RuntimeError(f"process {self.pid} does not end")

    @property
    def total_cpu(self):
        return self.rusage.ru_utime + self.rusage.ru_stime
