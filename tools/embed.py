#!/usr/bin/env python3
"""Turns a file into a C source with `const char NAME[]` and `const size_t NAME_len`.

    embed.py NAME INPUT OUTPUT

YAML becomes minified JSON, or where NAME ends in _html a page about the API that it describes; any
other file is taken as it is. NAME_len leaves out the NUL at the end.
"""

import html
import json
import pathlib
import re
import sys
from typing import Any

import yaml

METHODS = ("get", "put", "post", "patch", "delete")

STYLE = """body { font: 16px/1.5 sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em }
dt { font-family: monospace; font-weight: bold; margin-top: 1em } dd { margin-left: 2em }"""


def marked(part: str) -> str:
    """Of one paragraph: what is bold, or code, may go on in the next line."""
    part = re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", part, flags=re.DOTALL)
    return re.sub(r"`(.+?)`", r"<code>\1</code>", part, flags=re.DOTALL)


def prose(text: str) -> str:
    """Paragraphs with **bold** and `code`."""
    return "".join(f"<p>{marked(part)}</p>\n" for part in html.escape(text.strip()).split("\n\n"))


def operations(document: dict[str, Any], tag: str) -> str:
    return "".join(
        f"<dt>{method.upper()} {html.escape(path)}</dt>\n"
        f"<dd>{prose(operation['summary'])}{prose(operation.get('description', ''))}</dd>\n"
        for path, item in document["paths"].items() for method, operation in item.items()
        if method in METHODS and tag in operation["tags"])


def page(document: dict[str, Any]) -> str:
    title = html.escape(document["info"]["title"])
    parts = "".join(f"<h2>{tag['name']}</h2>\n<dl>\n{operations(document, tag['name'])}</dl>\n"
                    for tag in document["tags"])
    return (f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{title}</title>\n'
            f"<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n{prose(document['info']['description'])}"
            f'<p>Bodies, parameters and answers: <a href="openapi.json">openapi.json</a>.</p>\n'
            f"{parts}</body>\n</html>\n")


def content(path: pathlib.Path, name: str) -> bytes:
    if path.suffix != ".yaml":
        return path.read_bytes()
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    if name.endswith("_html"):
        return page(document).encode()
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def literal(data: bytes, per_line: int = 20) -> str:
    """Numbers: a string literal of this length is beyond what C promises to take."""
    numbers = [str(b if b < 128 else b - 256) for b in data + b"\0"]
    lines = (", ".join(numbers[i:i + per_line]) for i in range(0, len(numbers), per_line))
    return "    " + ",\n    ".join(lines)


def main() -> None:
    name, source, output = sys.argv[1:]
    data = content(pathlib.Path(source), name)
    pathlib.Path(output).write_text(
        f"/* Made from {pathlib.Path(source).name} by tools/embed.py. */\n"
        f"#include <stddef.h>\n\n"
        f"extern const char {name}[];\n"
        f"extern const size_t {name}_len;\n\n"
        f"const char {name}[] = {{\n{literal(data)}}};\n"
        f"const size_t {name}_len = {len(data)};\n",
        encoding="ascii")


main()
