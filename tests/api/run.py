"""Runs schemathesis against the binary, with a report for ./dev: run.py REPORT"""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "http"))

from conftest import Server  # noqa: E402

SECONDS_MAX = 240


def main(report: pathlib.Path) -> int:
    with tempfile.TemporaryDirectory() as name:
        cwd = pathlib.Path(name)
        server = Server("memory:", cwd).start()
        try:
            status = subprocess.run(
                [sys.executable, "-m", "schemathesis.cli", "--config-file",
                 str(HERE / "schemathesis.toml"), "run",
                 f"http://127.0.0.1:{server.port}/openapi.json",
                 "--report", "junit", "--report-junit-path", str(report)],
                cwd=cwd, env=os.environ | {"SCHEMATHESIS_HOOKS": str(HERE / "hooks.py")},
                timeout=SECONDS_MAX).returncode
        finally:
            stopped = server.stop()
        return status or stopped


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]).resolve()))
