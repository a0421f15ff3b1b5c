"""Runs schemathesis against the binary, with a report for ./dev: run.py REPORT

Its stateful phase ends when a scenario goes another way than before, which happens soon with a store that keeps what
earlier ones have made. So it is repeated, each time with another seed.
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import tempfile
from xml.etree import ElementTree

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "http"))

from conftest import Server  # noqa: E402

SECONDS_MAX = 240
SEEDS = 8


def run(server: Server, seed: int, cwd: pathlib.Path, *args: str) -> int:
    """Leaves its report in <seed>.xml."""
    return subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / "schemathesis.toml"), "run",
         f"http://127.0.0.1:{server.port}/openapi.json", "--seed", str(seed),
         "--report", "junit", "--report-junit-path", str(cwd / f"{seed}.xml"), *args],
        cwd=cwd, env=os.environ | {"SCHEMATHESIS_HOOKS": str(HERE / "hooks.py")}, timeout=SECONDS_MAX).returncode


def merge(reports: list[pathlib.Path], report: pathlib.Path) -> None:
    trees = [ElementTree.parse(one) for one in reports]
    suites = [suite for tree in trees if (suite := tree.getroot().find("testsuite")) is not None]
    for name in ("tests", "failures", "errors", "skipped"):
        suites[0].set(name, str(sum(int(suite.get(name, 0)) for suite in suites)))
    for suite in suites[1:]:
        suites[0].extend(suite)
    trees[0].write(report)


def main(report: pathlib.Path) -> int:
    with tempfile.TemporaryDirectory() as name:
        cwd = pathlib.Path(name)
        server = Server("memory:", cwd).start()
        try:
            statuses = [run(server, 1, cwd)]
            statuses += [run(server, seed, cwd, "--phases", "stateful") for seed in range(2, SEEDS + 1)]
        finally:
            stopped = server.stop()
        merge([cwd / f"{seed + 1}.xml" for seed in range(SEEDS)], report)
        return max(statuses) or stopped


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]).resolve()))
