"""Libraries that a process loads first (LD_PRELOAD), so that its disk or its memory is another."""

from __future__ import annotations

import pathlib
import subprocess


def library(name: str, folder: pathlib.Path) -> pathlib.Path:
    """Compiles tests/http/<name>.c. Calls in it are made as they are written, so it may define what it calls."""
    out = folder / f"{name}.so"
    source = pathlib.Path(__file__).with_name(f"{name}.c")
    subprocess.run(["cc", "-O2", "-Wall", "-Werror", "-fno-builtin", "-shared", "-fPIC", "-o", out, source], check=True)
    return out
