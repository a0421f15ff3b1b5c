"""A server that answers what a test tells it to, and hangs up when told so."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

HANG_UP = b""


@dataclass(frozen=True)
class Seen:
    """A request that came in, and the number of the connection on which it did."""

    connection: int
    line: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Then:
    """An answer after which the connection is closed without a word."""

    answer: bytes


def answer(status: int = 200, body: Any = None, **headers: str) -> bytes:
    text = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} Text", f"Content-Length: {len(text)}"]
    given = {"Content_Type": "application/json", **headers}
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in given.items()]
    return "\r\n".join([*lines, "", ""]).encode() + text


def problem(status: int, code: str, detail: str = "why", **headers: str) -> bytes:
    body = {"status": status, "code": code, "detail": detail, "request_id": "r-1"}
    return answer(status, body, Content_Type="application/problem+json", **headers)


class RawServer:
    """Answers one request after the other from a list; the last answer serves all that follow."""

    def __init__(self, answers: Iterable[bytes | Then], port: int = 0) -> None:
        self._answers = list(answers)
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", port))
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self.seen: list[Seen] = []
        self.connections = 0
        self._spawn(self._accept)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        # shutdown() wakes the threads that wait in accept() and recv(); close() would not.
        self._listener.shutdown(socket.SHUT_RDWR)
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError): # the client may have gone
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _spawn(self, target: Any, *args: Any) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self._open.add(connection)
                self.connections += 1
                number = self.connections
            self._spawn(self._serve, connection, number)

    def _serve(self, connection: socket.socket, number: int) -> None:
        try:
            with connection.makefile("rb") as stream:
                while self._one(connection, stream, number):
                    pass
        except OSError:
            pass
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()

    def _one(self, connection: socket.socket, stream: Any, number: int) -> bool:
        line = stream.readline().decode().strip()
        if not line:
            return False
        headers = {}
        while (text := stream.readline().decode().strip()) != "":
            name, _, value = text.partition(":")
            headers[name.lower()] = value.strip()
        body = stream.read(int(headers.get("content-length", 0)))
        with self._lock:
            self.seen.append(Seen(number, line, headers, body))
            todo = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        data = todo.answer if isinstance(todo, Then) else todo
        if data:
            connection.sendall(data)
        return bool(data) and not isinstance(todo, Then)


@contextmanager
def serving(*answers: bytes | Then, port: int = 0) -> Iterator[RawServer]:
    server = RawServer(answers, port)
    try:
        yield server
    finally:
        server.close()
