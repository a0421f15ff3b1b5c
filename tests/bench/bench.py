#!/usr/bin/env python3
"""Measures stateward beside something known, in alternating rounds; prints one table of ratios.

Peers share the machine, its cores and the run, so that a ratio means something where a number does
not. Neither side writes access log lines.
"""

import argparse
import contextlib
import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BINARY = ROOT / "build" / "stateward"
CORES = os.cpu_count() or 1

NGINX = """
daemon off;
worker_processes {cores};
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
    uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
    server {{
        listen 127.0.0.1:{port} reuseport;
        default_type application/json;
        return 200 '{{"status":"live"}}';
    }}
}}
"""


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@contextlib.contextmanager
def process(command: list[str], folder: pathlib.Path, url: str) -> Iterator[str]:
    """Runs a server until the block ends; gives its URL once it answers."""
    log = folder / "log"
    with open(log, "wb") as out:
        server = subprocess.Popen(command, cwd=folder, stdout=out, stderr=out)
    try:
        for _ in range(200):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(url, timeout=1).close()
                break
            time.sleep(0.05)
        else:
            raise SystemExit(f"{command[0]} does not answer:\n{log.read_text(errors='replace')}")
        yield url
    finally:
        server.terminate()
        server.wait(30)


@contextlib.contextmanager
def folder(name: str) -> Iterator[pathlib.Path]:
    """On the disk of the build, since that of /tmp may be none."""
    path = pathlib.Path(tempfile.mkdtemp(prefix=name + "-", dir=ROOT / "build"))
    try:
        yield path
    finally:
        shutil.rmtree(path)


@contextlib.contextmanager
def nginx() -> Iterator[str]:
    with folder("nginx") as path:
        path.chmod(0o755)
        port = free_port()
        config = path / "nginx.conf"
        config.write_text(NGINX.format(cores=CORES, folder=path, port=port))
        command = [shutil.which("nginx", path="/usr/sbin:/usr/bin") or "nginx", "-p", str(path),
                   "-c", str(config)]
        with process(command, path, f"http://127.0.0.1:{port}/") as url:
            yield url


@contextlib.contextmanager
def stateward(*flags: str) -> Iterator[str]:
    with folder("stateward") as path:
        port = free_port()
        command = [str(BINARY), "serve", "--listen", f"127.0.0.1:{port}", "--primary",
                   f"sqlite:{path}/state.db", "--drain-delay", "0", "--log-level", "warning", *flags]
        with process(command, path, f"http://127.0.0.1:{port}/health/live") as url:
            yield url


def wrk(url: str, seconds: int, *flags: str) -> float:
    """Requests a second; every one of them has succeeded."""
    command = ["wrk", f"-t{min(CORES, 2)}", "-c64", f"-d{seconds}s", *flags, url]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in out or "Socket errors" in out:
        raise SystemExit(out)
    found = re.search(r"Requests/sec:\s+([\d.]+)", out)
    if not found:
        raise SystemExit(out)
    return float(found[1])


def compare(name: str, ours: str, theirs: str, rounds: int, seconds: int, *flags: str) -> str:
    """A line of the table. The first round of each warms up."""
    pairs = [(wrk(ours, seconds, *flags), wrk(theirs, seconds, *flags))
             for _ in range(rounds + 1)][1:]
    ratios = [a / b for a, b in pairs]
    a, b = (statistics.median(side) for side in zip(*pairs, strict=True))
    return (f"{name:<52} {a:>10.0f} {b:>10.0f} {statistics.median(ratios):>7.2f}   "
            f"{min(ratios):.2f}..{max(ratios):.2f}")


def sync_ms() -> float:
    """How long a small write takes to reach this disk, in the middle."""
    times = []
    with folder("sync") as path, open(path / "file", "wb", buffering=0) as file:
        for _ in range(200):
            begin = time.perf_counter()
            file.write(b"x" * 4096)
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - begin)
    return statistics.median(times) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    args = parser.parse_args()
    rounds, seconds = args.rounds, args.seconds

    lines = []
    with stateward() as ours, nginx() as theirs:
        lines.append(compare("GET /health/live vs nginx return 200", ours, theirs, rounds, seconds))
    with stateward() as ours, stateward("--batch-max-ops", "1") as theirs:
        lines.append(compare("durable append, sqlite, c=64, vs --batch-max-ops 1", ours, theirs,
                             rounds, seconds, "-s", str(HERE / "append.lua")))
    print(f"{CORES} cores, wrk -c64, {rounds} rounds of {seconds} s each, "
          f"fdatasync of 4 KiB p50 {sync_ms():.2f} ms\n")
    print(f"{'':<52} {'ours/s':>10} {'theirs/s':>10} {'ratio':>7}   min..max")
    print("\n".join(lines))


main()
