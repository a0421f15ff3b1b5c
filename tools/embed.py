#!/usr/bin/env python3
"""Turns a file into a C source with `const char NAME[]` and `const size_t NAME_len`.

    embed.py NAME INPUT OUTPUT

YAML becomes minified JSON; any other file is taken as it is. NAME_len leaves out the NUL at the end.
"""

import json
import pathlib
import sys

import yaml


def content(path: pathlib.Path) -> bytes:
    if path.suffix != ".yaml":
        return path.read_bytes()
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def literal(data: bytes, per_line: int = 20) -> str:
    """Numbers: a string literal of this length is beyond what C promises to take."""
    numbers = [str(b if b < 128 else b - 256) for b in data + b"\0"]
    lines = (", ".join(numbers[i:i + per_line]) for i in range(0, len(numbers), per_line))
    return "    " + ",\n    ".join(lines)


def main() -> None:
    name, source, output = sys.argv[1:]
    data = content(pathlib.Path(source))
    pathlib.Path(output).write_text(
        f"/* Made from {pathlib.Path(source).name} by tools/embed.py. */\n"
        f"#include <stddef.h>\n\n"
        f"extern const char {name}[];\n"
        f"extern const size_t {name}_len;\n\n"
        f"const char {name}[] = {{\n{literal(data)}}};\n"
        f"const size_t {name}_len = {len(data)};\n",
        encoding="ascii")


main()
