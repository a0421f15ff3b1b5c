#!/usr/bin/env python3
"""Checks the lengths of files and functions; prints what they are.

File <= 500 lines (tests 700), header <= 150 (but *_sql.h, which are tables of texts), function <= 80,
nine of ten functions <= 45.
A function counts from the line of its opening brace in column 0 to that of the closing one.
"""

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
FILE, TEST_FILE, HEADER, FUNCTION, P90 = 500, 700, 150, 80, 45


def functions(lines: list[str]) -> list[tuple[int, int]]:
    """(line, length between the braces) of each."""
    found, start = [], 0
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line == "}" and start:
            found.append((start - 1, number - start - 1))
            start = 0
    return found


def file_limit(path: pathlib.Path) -> int:
    if path.parts[0] == "tests":
        return TEST_FILE
    return HEADER if path.suffix == ".h" and not path.stem.endswith("_sql") else FILE


def percentile(sorted_values: list[int], p: float) -> int:
    return sorted_values[int(p * (len(sorted_values) - 1))] if sorted_values else 0


def main() -> int:
    bad: list[str] = []
    lengths: list[int] = []
    sizes: list[int] = []
    for top in ("app", "src", "storage", "routes", "tests"):
        for path in sorted((ROOT / top).rglob("*.[ch]")):
            name = path.relative_to(ROOT)
            lines = path.read_text(encoding="utf-8").splitlines()
            if len(lines) > file_limit(name):
                bad.append(f"{name}: {len(lines)} lines, at most {file_limit(name)}")
            for line, length in functions(lines):
                if length > FUNCTION:
                    bad.append(f"{name}:{line}: function of {length} lines, at most {FUNCTION}")
                if top != "tests":
                    lengths.append(length)
            if top != "tests" and path.suffix == ".c":
                sizes.append(len(lines))
    lengths.sort()
    sizes.sort()
    p90 = percentile(lengths, 0.9)
    if p90 > P90:
        bad.append(f"nine of ten functions have up to {p90} lines, at most {P90}")
    for count, what, values in ((len(sizes), ".c files", sizes),
                                (len(lengths), "functions", lengths)):
        print(f"{count} {what}: median {percentile(values, 0.5)}, p90 {percentile(values, 0.9)}, "
              f"longest {percentile(values, 1)} lines")
    print("\n".join(bad))
    return 1 if bad else 0


sys.exit(main())
