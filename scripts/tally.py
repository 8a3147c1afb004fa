#!/usr/bin/env python3
"""What came of a run of tests, from the event stream of the test library: scripts/tally.py STREAM STATUS NAME FOLDER

Prints "PASSED FAILED" and adds a line to FOLDER/failures and FOLDER/skips for each test that failed or was skipped,
and to FOLDER/times, "SECONDS TEST", for each test whose own time the stream tells. The stream is one JSON object a
line. It ends early where the process does: then whatever was running has failed.
"""
import collections
import json
import os
import sys


class Tally:
    def __init__(self):
        self.tests = {}
        self.started = {}
        self.ended = set()
        self.skipped = {}
        self.issues = collections.defaultdict(list)
        self.cases = collections.defaultdict(list)
        self.seconds = collections.Counter()
        self.has_ended = False

    def take(self, kind, payload):
        if kind == "test":
            self.tests[payload["id"]] = payload
        elif kind == "event":
            self.take_event(payload["kind"], payload)

    def take_event(self, kind, payload):
        test, now = payload.get("testID"), payload["instant"]["absolute"]
        if kind == "testStarted":
            self.started[test] = now
        elif kind == "testCaseStarted":
            self.cases[test].append(now)
        elif kind == "testCaseEnded" and self.cases[test]:
            self.seconds[test] += now - self.cases[test].pop(0)
        elif kind == "testEnded":
            self.ended.add(test)
            if any(message["symbol"] == "skip" for message in payload["messages"]):
                # Test "name" was cancelled after 0.009 seconds: "reason"
                self.skipped[test] = text(payload).rpartition(" seconds: ")[2].strip('"')
            if test in self.started and test not in self.seconds:
                self.seconds[test] = now - self.started[test]
        elif kind == "testSkipped":
            # Test "name" skipped: "reason"
            self.skipped[test] = text(payload).partition(" skipped: ")[2].strip('"') or "no reason given"
        elif kind == "issueRecorded" and is_failure(payload["issue"]):
            self.issues[test].append(whole(payload))
        elif kind == "runEnded":
            self.has_ended = True

    def functions(self):
        return [test for test, payload in self.tests.items() if payload["kind"] == "function"]

    def failures(self, name, status):
        """Why tests failed, by test; what is no test's own failure is the run's."""
        found = {test: first(issues) for test, issues in self.issues.items()}
        for test in self.functions():
            if test in self.started and test not in self.ended:
                found[test] = f"the run ended in the middle of it, with status {status}"
        lines = [f"{self.title(test) if test in self.tests else name}: {why}" for test, why in found.items()]
        if not self.has_ended and not any("in the middle" in line for line in lines):
            lines.append(f"{name}: the run did not come to its end: status {status}")
        elif not self.tests or not any(test in self.started or test in self.skipped for test in self.functions()):
            lines.append(f"{name}: no test was run")
        elif status != 0 and not lines:
            lines.append(f"{name}: every test passed, but the run ended with status {status}")
        return lines

    def passed(self):
        return [test for test in self.functions()
                if test in self.ended and test not in self.issues and test not in self.skipped]

    def title(self, test):
        payload = self.tests[test]
        return f"{test.split('/')[0]}: {payload.get('displayName') or payload['name']}"


def text(payload):
    """The first line of what a person would read of an event."""
    return payload["messages"][0]["text"] if payload.get("messages") else ""


def whole(payload):
    """All that a person would read of an issue, on one line, with where it is."""
    place = payload["issue"].get("sourceLocation") or {}
    where = f"{os.path.basename(place['fileID'])}:{place['line']}: " if "fileID" in place else ""
    words = " ".join(message["text"] for message in payload.get("messages", [])).split()
    return where + " ".join(words)


def first(issues):
    """The first of some issues, as long as a line of a list may be, and how many more there are."""
    shown = issues[0] if len(issues[0]) <= 600 else issues[0][:600] + "…"
    return shown + (f" (and {len(issues) - 1} more)" if len(issues) > 1 else "")


def is_failure(issue):
    return not issue.get("isKnown", False) and issue.get("isFailure", issue.get("severity", "error") == "error")


def read(path):
    tally = Tally()
    try:
        lines = open(path, encoding="utf-8", errors="replace")
    except OSError:
        return tally
    with lines:
        for line in lines:
            try:
                entry = json.loads(line)
                tally.take(entry["kind"], entry["payload"])
            except (ValueError, KeyError, TypeError):
                # Half a line, where the process ended while it was written: that it did not end well is seen anyway.
                continue
    return tally


def main():
    stream, status, name, folder = sys.argv[1:]
    tally = read(stream)
    failures = tally.failures(name, int(status))
    with open(os.path.join(folder, "failures"), "a", encoding="utf-8") as file:
        file.writelines(f"  {line}\n" for line in failures)
    with open(os.path.join(folder, "skips"), "a", encoding="utf-8") as file:
        file.writelines(f"  {tally.title(test)}: {tally.skipped[test]}\n"
                        for test in tally.functions() if test in tally.skipped)
    with open(os.path.join(folder, "times"), "a", encoding="utf-8") as file:
        file.writelines(f"{tally.seconds[test]:.1f} {tally.title(test)}\n" for test in tally.passed())
    print(len(tally.passed()), len(failures))


main()
