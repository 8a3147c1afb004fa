#!/usr/bin/env python3
"""Rules of this repository that neither the compiler nor the formatter knows. Called by scripts/check.

Prints `file:line: reason` for each offence and ends with 1 if there is one. Warnings end with 0.
"""
import os
import re
import subprocess
import sys

# The engine's stages in the order the data flows. A folder may use what is declared in the folders before it, and
# in Support; Support uses none of them. The last one wires the others together and may use all.
LAYERS = ["Support", "Events", "Rings", "Records", "Processes", "Histograms", "Symbols", "Profiles", "Recordings", "Session"]
ENGINE = "Sources/SampleEngine"
LONG_FILE = 400
MODIFIERS = r"(?:(?:public|package|internal|final|nonisolated|indirect|unsafe|@\w+(?:\([^)]*\))?)\s+)*"

offences = 0


def offence(path, line, reason):
    global offences
    offences += 1
    print(f"{path}:{line}: {reason}")


def repository_files():
    """Tracked files and new ones that are not ignored; every file where git cannot tell."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            check=True, capture_output=True, text=True).stdout
        return sorted(path for path in listed.split("\0") if path and os.path.isfile(path))
    except (OSError, subprocess.CalledProcessError):
        found = []
        for folder, inner, names in os.walk("."):
            inner[:] = [name for name in inner if name not in (".git", ".swiftpm", "__pycache__")
                        and not name.startswith(".build")]
            found += [os.path.relpath(os.path.join(folder, name), ".") for name in names]
        return sorted(found)


def blank(match):
    """As many newlines as there were, so that line numbers stay true."""
    return "\n" * match.group().count("\n") or " "


NOT_CODE = re.compile(
    r'(?P<hash>#+)".*?"(?P=hash)|"""(?:\\.|.)*?"""|"(?:\\.|[^"\\\n])*"|//[^\n]*|/\*.*?\*/', re.S)


def code_of(text):
    """Swift text without comments and strings."""
    return NOT_CODE.sub(blank, text)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


def check_layers(sources):
    top_type = re.compile(rf"^{MODIFIERS}(?:struct|class|enum|protocol|actor|typealias)\s+(\w+)", re.M)
    top_value = re.compile(rf"^{MODIFIERS}(?:func|let|var)\s+(\w+)", re.M)
    any_type = re.compile(r"\b(?:struct|class|enum|protocol|actor|typealias|associatedtype)\s+(\w+)")
    declared, own = {}, {}
    by_folder = {}
    for path, code in sources.items():
        inner = os.path.relpath(path, ENGINE).split(os.sep)
        if len(inner) < 2:
            offence(path, 1, f"a file of the engine belongs into one of its folders: {', '.join(LAYERS)}")
            continue
        if inner[0] not in LAYERS:
            offence(path, 1, f"folder {inner[0]} has no place in the layer order (LAYERS in scripts/rules.py)")
            continue
        by_folder.setdefault(inner[0], []).append(path)
        own.setdefault(inner[0], set()).update(any_type.findall(code))
        for name in top_type.findall(code):
            declared.setdefault((name, "type"), set()).add(inner[0])
        for name in top_value.findall(code):
            declared.setdefault((name, "value"), set()).add(inner[0])
    for folder, paths in by_folder.items():
        if folder == LAYERS[-1]:
            continue
        rank = LAYERS.index(folder)
        above = {}
        for (name, kind), homes in declared.items():
            if all(LAYERS.index(home) > rank for home in homes) and name not in own[folder]:
                above[name] = (kind, min(homes, key=LAYERS.index))
        if not above:
            continue
        # A name after a dot is a member or a nested type, one before a colon an argument label.
        uses = re.compile(r"(?<![\w.])(" + "|".join(sorted(above, key=len, reverse=True)) + r")\b(?!\s*:)")
        calls = re.compile(r"(?<![\w.])(" + "|".join(sorted(above, key=len, reverse=True)) + r")\(")
        for path in sorted(paths):
            code = sources[path]
            local = set(re.findall(r"\b(?:let|var|func|case)\s+(\w+)", code))
            for match in uses.finditer(code):
                name = match.group(1)
                kind, home = above[name]
                if kind == "value" and (name in local or not calls.match(code, match.start())):
                    continue
                offence(path, line_of(code, match.start()),
                        f"{folder} may not use {name}, which is declared in {home}, a later stage")


def check_imports(path, code):
    for match in re.finditer(r"^[ \t]*(?:@?\w+\s+)*?import\s+(?:(?:struct|class|enum|func|var)\s+)?(\w+)", code, re.M):
        module, line = match.group(1), line_of(code, match.start(1))
        if module.startswith("Foundation") and path.startswith((ENGINE + "/", "Sources/TopView/")):
            offence(path, line, f"{module} is not used here: the engine and the view stay small and start fast")
        if module == "CNcurses" and not path.startswith("Sources/PerfTop/"):
            offence(path, line, "curses belongs to PerfTop alone")
        if module == "CToml" and not path.startswith("Sources/PerfTop/Configuration/"):
            offence(path, line, "reading configuration belongs to PerfTop/Configuration alone")
        if module == "ArgumentParser" and not path.startswith("Sources/PerfTop/"):
            offence(path, line, "the command line belongs to PerfTop alone")


BRITISH = re.compile(
    r"\w*(?:symbolis|initialis|serialis|normalis|[Cc]olour|[Aa]nalyse(?!s\b))\w*", re.I)
# Written in pieces, so that this file does not offend against itself.
UNFINISHED = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
FOREIGN_PATH = re.compile(r"(?<![\w.~$}])/(?:wor" + r"k|ho" + r"me)/\w|\.\./sha" + r"red\b")
TEXT_ENDINGS = (".swift", ".c", ".h", ".py", ".sh", ".md", ".json", ".modulemap", ".txt", ".yml", ".yaml")


def main():
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
    engine = {}
    for path in repository_files():
        script = path.startswith(("scripts/", ".ci/", "Benchmarks/", "Fuzz/"))
        if not (path.endswith(TEXT_ENDINGS) or script):
            continue
        try:
            with open(path, encoding="utf-8") as file:
                text = file.read()
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if UNFINISHED.search(line):
                offence(path, number, "unfinished work is an issue, not a comment")
            if FOREIGN_PATH.search(line):
                offence(path, number, "a path of one machine or one person")
        if not path.endswith(".swift"):
            continue
        count = text.count("\n")
        if count > LONG_FILE:
            print(f"{path}:{count}: warning: more than {LONG_FILE} lines; does it hold more than one thing?")
        code = code_of(text)
        check_imports(path, code)
        if path.startswith("Sources/"):
            for match in BRITISH.finditer(code):
                offence(path, line_of(code, match.start()), f"American spelling in identifiers: {match.group()}")
        if path.startswith(ENGINE + "/"):
            engine[path] = code
    check_layers(engine)
    sys.exit(1 if offences else 0)


main()
