"""Connections that send any bytes, and views into the process that gets them."""

from __future__ import annotations

import http.client
import io
import pathlib
import re
import socket
import struct
import time
from typing import Any

from conftest import BINARY, Answer, Server

SANITIZED = any(mark in BINARY.read_bytes() for mark in (b"__asan_init", b"__tsan_init"))


class _Reader(io.BufferedReader):
    """Stays open after an answer was read."""

    def close(self) -> None:
        pass


class Wire:
    """One connection; answers are read one by one."""

    def __init__(self, server: Server, timeout: float = 60, receive_buffer: int = 0) -> None:
        self.sock = socket.socket()
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(timeout)
        self.sock.connect(("127.0.0.1", server.port))
        self._reader = _Reader(socket.SocketIO(self.sock, "r"))

    def makefile(self, _mode: str) -> Any:
        return self._reader

    def send(self, *parts: bytes | str) -> Wire:
        self.sock.sendall(b"".join(p.encode() if isinstance(p, str) else p for p in parts))
        return self

    def answer(self, method: str = "GET") -> Answer:
        """The next answer; http.client.RemoteDisconnected if there is none."""
        r = http.client.HTTPResponse(self, method=method)  # type: ignore[arg-type]
        r.begin()
        return Answer(r.status, r.headers, r.read())

    def line(self) -> bytes:
        return self._reader.readline()

    def ended(self) -> bool:
        """Whether the server closes without another byte."""
        try:
            return self._reader.read(1) == b""
        except ConnectionResetError:
            return True

    def rest(self) -> bytes:
        """All that comes until the server closes."""
        out = b""
        try:
            while part := self._reader.read1(65536):
                out += part
        except ConnectionResetError:
            pass
        return out

    def close(self, reset: bool = False) -> None:
        if reset:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


def head(method: str, path: str, *headers: str) -> bytes:
    return "\r\n".join((f"{method} {path} HTTP/1.1", "Host: x", *headers, "", "")).encode()


def message(path: str, body: bytes, *headers: str) -> bytes:
    return head("POST", path, f"Content-Length: {len(body)}", *headers) + body


def gauge(server: Server, name: str) -> int:
    found = re.search(rf"^stateward_{name} (\d+)$", server.get("/metrics").body.decode(), re.M)
    assert found, name
    return int(found[1])


def settle(server: Server) -> None:
    """Waits until nothing is left of what clients have begun, except the connection that asks."""
    nothing = {"connections": 1, "requests": 1, "body_bytes": 0, "answer_bytes": 0, "queue_operations": 0}
    for _ in range(1000):
        now = {name: gauge(server, name) for name in nothing}
        if now == nothing:
            return
        time.sleep(0.02)
    raise AssertionError(now)


def memory(server: Server, field: str = "VmRSS") -> int:
    """In bytes: VmRSS is in use now, VmHWM the most so far."""
    assert server.process
    status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
    found = re.search(rf"^{field}:\s+(\d+) kB$", status, re.M)
    assert found
    return int(found[1]) * 1024
