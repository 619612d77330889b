#!/usr/bin/env python3
"""Checks the house rules that a compiler does not: room order, file names, file length, words that a library must not use.

    tools/check_includes.py [SOURCE_FOLDER]

Prints one line a violation (file:line: what) and exits with 1 when there is any.
"""

import pathlib
import re
import sys

LONGEST_FILE = 500
BANNED_NAMES = {"util", "utils", "misc", "helper", "helpers", "common", "stuff"}

# What a library may not do: it throws Error, and `cli` prints and exits. Member calls such as x.exit() are not meant.
NOT_A_MEMBER = r"(?<![\w.>:])"
BANNED_IN_LIBRARY = [
    (re.compile(NOT_A_MEMBER + r"(?:std::)?(?:abort|_?exit|quick_exit|terminate)\s*\("), "ends the process; throw Error"),
    (re.compile(NOT_A_MEMBER + r"assert\s*\("), "assert; throw internal_error"),
    (re.compile(r"std::(?:cout|cerr|clog)\b"), "prints; report through ProgressSink"),
    (re.compile(NOT_A_MEMBER + r"(?:std::)?(?:v?f?printf|puts|fputs|putchar|perror)\s*\("), "prints; report through ProgressSink"),
    (re.compile(r"fmt::print"), "prints; report through ProgressSink"),
]
BANNED_EVERYWHERE = [
    (re.compile(r"std::regex"), "std::regex recurses on hostile text; use PCRE2 with limits"),
    (re.compile(NOT_A_MEMBER + r"(?:std::)?(?:strto[a-z]+|sto(?:i|l|ll|ul|ull|f|d|ld)|ato[ifl]+|sscanf)\s*\("), "use std::from_chars"),
    (re.compile(NOT_A_MEMBER + r"(?:std::)?(?:strcpy|strcat|sprintf|gets|system|popen)\s*\("), "unsafe; see CONTRIBUTING"),
]
UNFINISHED = re.compile(r"\b(?:TODO|FIXME|XXX)\b|[Nn]ot (?:yet )?implemented")
INCLUDE = re.compile(r'^\s*#\s*include\s+"bantam/([a-z]+)/')


def room_order(root):
    text = (root / "cmake/room.cmake").read_text()
    return re.search(r"set\(BANTAM_ROOM_ORDER ([^)]*)\)", text).group(1).split()


# Comments and the content of literals are blanked, so that words in them are not taken for code.
TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.S)


def code_only(text):
    return TOKEN.sub(lambda m: " " + "\n" * m.group().count("\n"), text)


def check_file(root, path, order):
    name = path.relative_to(root)
    text = path.read_text(encoding="utf-8")
    room = name.parts[2] if name.parts[:2] == ("src", "bantam") else None
    if path.stem in BANNED_NAMES:
        yield name, 1, f"a file called {path.name} says nothing about what is in it"
    lines = text.splitlines()
    if room and len(lines) > LONGEST_FILE:
        yield name, len(lines), f"{len(lines)} lines; one idea a file, at most {LONGEST_FILE}"
    for number, line in enumerate(lines, 1):
        if UNFINISHED.search(line):
            yield name, number, "unfinished work belongs into an issue, not into the code"
        found = INCLUDE.match(line)
        if not found or not room:
            continue
        if found.group(1) not in order:
            yield name, number, f"no room is called {found.group(1)}"
        elif order.index(found.group(1)) > order.index(room):
            yield name, number, f"{room} includes {found.group(1)}, which stands above it"
    rules = BANNED_EVERYWHERE + (BANNED_IN_LIBRARY if room and room != "cli" else [])
    for number, line in enumerate(code_only(text).splitlines(), 1):
        for pattern, advice in rules:
            if pattern.search(line):
                yield name, number, advice


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    order = room_order(root)
    violations, count = [], 0
    for folder in ("src", "tests", "examples", "tools"):
        for path in sorted((root / folder).rglob("*")):
            planted = "broken" in path.relative_to(root).parts  # violations that prove this check
            if path.suffix in {".cc", ".h"} and not planted:
                count += 1
                violations += check_file(root, path, order)
    for folder in sorted(p for p in (root / "src/bantam").iterdir() if p.is_dir()):
        if folder.name not in order:
            violations.append((folder.relative_to(root), 0, "not in BANTAM_ROOM_ORDER"))
        elif not (folder / "README.md").exists() and (folder / "CMakeLists.txt").exists():
            violations.append((folder.relative_to(root), 0, "a room has a README.md"))
    for name, line, what in violations:
        print(f"{name}:{line}: {what}")
    if count == 0:
        print(f"{root}: no sources found")
    return 1 if violations or count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
