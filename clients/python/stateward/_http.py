"""HTTP/1.1 over one connection, as much of it as a client of one service needs.

http.client of the standard library spends three times as long on a small request: it sends head and
body apart, and has a parser for mail take the answer's head to pieces.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping

from stateward.transport import Request, Response

_HEAD_MAX = 1 << 16  # bytes
_RECEIVE = 1 << 16  # bytes at once, at least
_UNSAFE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")  # in a header
_STATUS = re.compile(r"HTTP/1\.([01]) ([1-9][0-9]{2})(?: |$)")
_WITH_BODY = ("POST", "PUT", "PATCH")


class BadAnswer(Exception):
    """What came is not HTTP, or ended too early."""


def fixed_head(host: str, headers: Mapping[str, str]) -> bytes:
    """What every request to a server has in its head."""
    return _lines({"Host": host, **headers})


def encode(request: Request, base: str, fixed: bytes) -> bytes:
    """A request as it is sent."""
    head = f"{request.method} {base}{request.path} HTTP/1.1\r\n".encode("ascii") + fixed
    if request.headers:
        head += _lines(request.headers)
    if request.body or request.method in _WITH_BODY:
        head += b"Content-Length: %d\r\n" % len(request.body)
    return b"%b\r\n%b" % (head, request.body)


def _lines(headers: Mapping[str, str]) -> bytes:
    text = ""
    for name, value in headers.items():
        if _UNSAFE.search(value):
            raise ValueError(f"the header {name} has a control character")
        text += f"{name}: {value}\r\n"
    return text.encode("latin-1")


class Connection:
    """Owns its socket. One request at a time; after an exception only close() is left."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self.reusable = True
        """Whether another request may follow the last answer."""
        self._left = b""  # received, not yet taken

    def close(self) -> None:
        self.socket.close()

    def exchange(self, data: bytes, method: str) -> Response:
        """Sends an encoded request and reads the answer."""
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            # A service that refuses a body may answer and close before it has read all of it.
            self.reusable = False
        while True:
            status, headers = self._head()
            if status >= 200:
                break
        return Response(status, headers, self._body(method, status, headers))

    def _head(self) -> tuple[int, dict[str, str]]:
        while (end := self._left.find(b"\r\n\r\n")) < 0:
            if len(self._left) > _HEAD_MAX:
                raise BadAnswer("the head of the answer is too long")
            self._receive()
        first, *lines = self._left[:end].decode("latin-1").split("\r\n")
        self._left = self._left[end + 4 :]
        match = _STATUS.match(first)
        if match is None:
            raise BadAnswer(f"not an answer of HTTP/1: {first[:80]!r}")
        headers: dict[str, str] = {}
        for line in lines:
            name, colon, value = line.partition(":")
            if not colon or not name or name != name.strip():
                raise BadAnswer(f"not a header: {line[:80]!r}")
            name, value = name.lower(), value.strip(" \t")
            if headers.setdefault(name, value) != value and name == "content-length":
                raise BadAnswer("the answer has two lengths")
        wish = headers.get("connection", "").lower()
        if "close" in wish or (match[1] == "0" and "keep-alive" not in wish):
            self.reusable = False
        return int(match[2]), headers

    def _body(self, method: str, status: int, headers: Mapping[str, str]) -> bytes:
        if method == "HEAD" or status in (204, 304):
            return b""
        if (coding := headers.get("transfer-encoding")) is not None:
            if coding.lower() != "chunked":
                raise BadAnswer(f"the answer is {coding}")
            return self._chunks()
        if (length := headers.get("content-length")) is not None:
            if not (length.isascii() and length.isdigit()):
                raise BadAnswer(f"the answer is {length!r} long")
            return self._take(int(length))
        self.reusable = False
        return self._rest()

    def _chunks(self) -> bytes:
        chunks = []
        while True:
            size = self._line().partition(b";")[0].strip()
            try:
                length = int(size, 16)
            except ValueError:
                length = -1
            if length < 0:
                raise BadAnswer(f"not a chunk: {size[:80]!r}")
            if length == 0:
                break
            chunks.append(self._take(length))
            if self._line():
                raise BadAnswer("a chunk is longer than it says")
        while self._line():  # trailers
            pass
        return b"".join(chunks)

    def _line(self) -> bytes:
        while (end := self._left.find(b"\r\n")) < 0:
            if len(self._left) > _HEAD_MAX:
                raise BadAnswer("a line of the answer is too long")
            self._receive()
        line, self._left = self._left[:end], self._left[end + 2 :]
        return line

    def _take(self, length: int) -> bytes:
        if len(self._left) >= length:
            taken, self._left = self._left[:length], self._left[length:]
            return taken
        parts = [self._left]
        missing = length - len(self._left)
        self._left = b""
        while missing:
            # No more than the answer has: what follows is not there yet.
            part = self.socket.recv(missing)
            if not part:
                raise BadAnswer("the answer ended too early")
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)

    def _rest(self) -> bytes:
        parts = [self._left]
        self._left = b""
        while part := self.socket.recv(_RECEIVE):
            parts.append(part)
        return b"".join(parts)

    def _receive(self) -> None:
        part = self.socket.recv(_RECEIVE)
        if not part:
            raise BadAnswer("the answer ended too early" if self._left else "no answer")
        self._left += part
