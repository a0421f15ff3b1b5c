#!/usr/bin/env python3
"""Checks that every header says what it is and every prototype what it does.

The comment at the head names Threads, Ownership, Units and Errors. A prototype is documented by the
comment above it; prototypes without a blank line between them share one.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
TOPICS = ("Threads", "Ownership", "Units", "Errors")
PROTOTYPE = re.compile(r"^[A-Za-z_][\w \t*]*[ *](\w+)\(", re.M)


def head_faults(text: str, name: str) -> list[str]:
    head = re.match(r"/\*\n \* (\S+) - .*?\*/", text, re.S)
    if not head:
        return ["no comment of the form 'file.h - what it is' at the head"]
    faults = [f"the head does not say {topic}" for topic in TOPICS
              if not re.search(rf"^ \* {topic} +\S", head[0], re.M)]
    if head[1] != name:
        faults.append(f"the head calls itself {head[1]}")
    return faults


def strip_bodies(text: str) -> str:
    """Without preprocessor lines and what stands between braces; line numbers stay."""
    text = re.sub(r"^[ \t]*#(?:.*\\\n)*.*$", lambda m: "\n" * m[0].count("\n"), text, flags=re.M)
    depth, out = 0, []
    for part in re.split(r"(/\*.*?\*/|[{}])", text, flags=re.S):
        if part == "}":
            depth -= 1
        if depth == 0:
            out.append(part)
        else:
            out.append("\n" * part.count("\n"))
        if part == "{":
            depth += 1
    return "".join(out)


def prototype_faults(text: str) -> tuple[int, list[str]]:
    """How many prototypes there are, and which of them say nothing."""
    code = strip_bodies(text)
    count, faults = 0, []
    for found in PROTOTYPE.finditer(re.sub(r"/\*.*?\*/", lambda m: re.sub(r"\S", " ", m[0]), code,
                                             flags=re.S)):
        count += 1
        group = code[:found.start()].rpartition("\n\n")[2]
        if "*/" not in group:
            line = code[:found.start()].count("\n") + 1
            faults.append(f"{line}: {found[1]} has no comment")
    return count, faults


def main() -> int:
    bad: list[str] = []
    headers = prototypes = 0
    for top in ("src", "storage", "routes"):
        for path in sorted((ROOT / top).glob("*.h")):
            name = path.relative_to(ROOT)
            text = path.read_text(encoding="utf-8")
            count, faults = prototype_faults(text)
            headers += 1
            prototypes += count
            bad += [f"{name}: {fault}" for fault in head_faults(text, path.name)]
            bad += [f"{name}:{fault}" for fault in faults]
    print(f"{headers} headers, {prototypes} prototypes, {len(bad)} faults")
    print("\n".join(bad))
    return 1 if bad else 0


sys.exit(main())
