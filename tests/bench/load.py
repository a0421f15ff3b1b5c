"""The load that is put on the servers."""

import pathlib
import re
import selectors
import socket
import subprocess
import urllib.parse
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from servers import CORES, Server

HERE = pathlib.Path(__file__).resolve().parent
UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}


@dataclass
class Result:
    rate: float  # requests a second
    count: int
    p50: float  # seconds
    p99: float


def number(pattern: str, out: str) -> str:
    found = re.search(pattern, out)
    if not found:
        raise SystemExit(out)
    return found[1]


def seconds(percent: str, out: str) -> float:
    value = number(rf"\s{percent}%\s+([\d.]+\w+)", out)
    unit = value.lstrip("0123456789.")
    return float(value.removesuffix(unit)) * UNITS[unit]


def wrk(url: str, duration: int, script: str = "", *args: str, connections: int = 64) -> Result:
    """Runs wrk. Every request must succeed."""
    command = ["wrk", f"-t{min(CORES, 2, connections)}", f"-c{connections}", f"-d{duration}s", "--latency"]
    if script:
        command += ["-s", str(HERE / script)]
    out = subprocess.run([*command, url, "--", *args], check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in out or "Socket errors" in out:
        raise SystemExit(out)
    return Result(float(number(r"Requests/sec:\s+([\d.]+)", out)), int(number(r"(\d+) requests in", out)),
                  seconds("50", out), seconds("99", out))


def connect(server: Server) -> socket.socket:
    parts = urllib.parse.urlsplit(server.url)
    return socket.create_connection((parts.hostname or "", parts.port or 0))


def request(method: str, path: str, body: str = "") -> bytes:
    return (f"{method} {path} HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}").encode()


def answered(s: socket.socket, seen: bytes) -> bytes | None:
    """Reads on. None: the answer is whole; it must be a good one."""
    seen += s.recv(65536)
    head, end, body = seen.partition(b"\r\n\r\n")
    if not end:
        return seen
    if not head.startswith(b"HTTP/1.1 2"):
        raise SystemExit(seen.decode())
    length = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
    return None if length and len(body) >= int(length[1]) else seen


def fill(server: Server, requests: Iterable[bytes], connections: int = 64) -> None:
    """Sends requests, one at a time on each connection."""
    todo: Iterator[bytes] = iter(requests)
    with selectors.DefaultSelector() as ready:
        for _, first in zip(range(connections), todo, strict=False):
            s = connect(server)
            s.sendall(first)
            ready.register(s, selectors.EVENT_READ, b"")
        while ready.get_map():
            for key, _ in ready.select():
                s = key.fileobj
                seen = answered(s, key.data)
                following = next(todo, None) if seen is None else None
                if following:
                    s.sendall(following)
                if seen is None and not following:
                    ready.unregister(s)
                    s.close()
                else:
                    ready.modify(s, selectors.EVENT_READ, seen or b"")
