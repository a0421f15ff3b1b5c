"""HTTP/1.1 over one connection, as much of it as a client of one service needs.

Small requests are most of what a saver does, and the GIL makes their cost that of all threads
together. http.client takes two to three times as long for one as the sync transport does with this
(it sends head and body apart, and a parser for mail takes the answer's head to pieces), aiohttp two
to three times as long as the async one.
"""

from __future__ import annotations

import re
import select
import socket
import ssl
from collections.abc import Callable, Generator, Mapping
from typing import TypeVar, cast

from stateward.transport import Request, Response

_HEAD_MAX = 1 << 16  # bytes
_RECEIVE = 1 << 16  # bytes at once
_UNSAFE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")  # in a header
_STATUS = re.compile(r"HTTP/1\.([01]) ([1-9][0-9]{2})(?: |$)")
_HEX = re.compile(rb"[0-9a-fA-F]{1,15}")
_WITH_BODY = ("POST", "PUT", "PATCH")
WAIT_MAX = 1e6  # seconds; the system knows no more than 24 days

T = TypeVar("T")
Receiving = Generator[int, bytes, T]


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


def waiter(fd: int, *, to_send: bool = False) -> Callable[[float], bool]:
    """What waits until bytes can be received, or sent: so many seconds, and no longer for signals.

    It says whether they can. An idle connection has something to receive once it was closed.
    """
    if not hasattr(select, "poll"):
        fds = ([], [fd]) if to_send else ([fd], [])
        return lambda seconds: any(select.select(*fds, [], min(seconds, WAIT_MAX)))
    poller = select.poll()
    poller.register(fd, select.POLLOUT if to_send else select.POLLIN)
    return lambda seconds: bool(poller.poll(min(seconds, WAIT_MAX) * 1000))


class Answers:
    """Finds answers in what a connection receives."""

    def __init__(self) -> None:
        self.last = False
        """Whether no other request may follow."""
        self._left = b""  # received, not yet taken

    @property
    def reusable(self) -> bool:
        """What came behind an answer would be taken for that to the next request."""
        return not self.last and not self._left

    def read(self, method: str) -> Receiving[Response]:
        """The next answer. Yields how many bytes it can take, and is sent some of them."""
        while True:
            status, headers = yield from self._head()
            if status >= 200:
                break
        body = yield from self._body(method, status, headers)
        return Response(status, headers, body)

    def _head(self) -> Receiving[tuple[int, dict[str, str]]]:
        while (end := self._left.find(b"\r\n\r\n")) < 0:
            yield from self._receive()
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
            self.last = True
        return int(match[2]), headers

    def _body(self, method: str, status: int, headers: Mapping[str, str]) -> Receiving[bytes]:
        if method == "HEAD" or status in (204, 304):
            return b""
        if (coding := headers.get("transfer-encoding")) is not None:
            if coding.lower() != "chunked":
                raise BadAnswer(f"the answer is {coding}")
            return (yield from self._chunks())
        if (length := headers.get("content-length")) is not None:
            if not (length.isascii() and length.isdigit()):
                raise BadAnswer(f"the answer is {length!r} long")
            return (yield from self._take(int(length)))
        self.last = True
        return (yield from self._rest())

    def _chunks(self) -> Receiving[bytes]:
        chunks = []
        while True:
            size = (yield from self._line()).partition(b";")[0].strip()
            if not _HEX.fullmatch(size):
                raise BadAnswer(f"not a chunk: {size[:80]!r}")
            length = int(size, 16)
            if length == 0:
                break
            chunks.append((yield from self._take(length)))
            if (yield from self._line()):
                raise BadAnswer("a chunk is longer than it says")
        while (yield from self._line()):  # trailers
            pass
        return b"".join(chunks)

    def _line(self) -> Receiving[bytes]:
        while (end := self._left.find(b"\r\n")) < 0:
            yield from self._receive()
        line, self._left = self._left[:end], self._left[end + 2 :]
        return line

    def _take(self, length: int) -> Receiving[bytes]:
        if len(self._left) >= length:
            taken, self._left = self._left[:length], self._left[length:]
            return taken
        parts = [self._left]
        missing = length - len(self._left)
        self._left = b""
        while missing:
            part = yield missing
            if not part:
                raise BadAnswer("the answer ended too early")
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)

    def _rest(self) -> Receiving[bytes]:
        parts = [self._left]
        self._left = b""
        while part := (yield _RECEIVE):
            parts.append(part)
        return b"".join(parts)

    def _receive(self) -> Receiving[None]:
        """More of a head or a line."""
        if len(self._left) > _HEAD_MAX:
            raise BadAnswer("the head of the answer is too long")
        part = yield _RECEIVE
        if not part:
            raise BadAnswer("the answer ended too early" if self._left else "there was no answer")
        self._left += part


class Connection:
    """Owns its socket. One request at a time; after an exception only close() is left."""

    def __init__(self, sock: socket.socket, timeout: float) -> None:
        """timeout: seconds for each wait in which no byte moves."""
        self.socket = sock
        self._answers = Answers()
        self._timeout = timeout
        # With a time-out Python polls before each call, though most find that they need not wait,
        # and each system call is another wait for the GIL. What TLS waits for only it knows.
        self._waits = not isinstance(sock, ssl.SSLSocket)
        sock.settimeout(0 if self._waits else timeout)
        self._receivable = waiter(sock.fileno())

    @property
    def usable(self) -> bool:
        """Whether it is idle still: not closed by the service, nor has that said anything."""
        return not self._receivable(0)

    @property
    def reusable(self) -> bool:
        unread = isinstance(self.socket, ssl.SSLSocket) and self.socket.pending()
        return self._answers.reusable and not unread

    def close(self) -> None:
        self.socket.close()

    def exchange(self, data: bytes, method: str) -> Response:
        """Sends an encoded request and reads the answer."""
        self._send(data)
        reading = self._answers.read(method)
        try:
            wanted = next(reading)
            while True:
                wanted = reading.send(self._receive(wanted))
        except StopIteration as end:
            return cast(Response, end.value)

    def _send(self, data: bytes) -> None:
        left = memoryview(data)
        try:
            while left:
                try:
                    left = left[self.socket.send(left) :]
                except BlockingIOError:
                    self._wait(waiter(self.socket.fileno(), to_send=True))
        except (BrokenPipeError, ConnectionResetError):
            # A service that refuses a body may answer and close before it has read all of it.
            self._answers.last = True

    def _receive(self, wanted: int) -> bytes:
        if self._waits:
            self._wait(self._receivable)
        return self.socket.recv(wanted)

    def _wait(self, until: Callable[[float], bool]) -> None:
        if not until(self._timeout):
            raise TimeoutError("timed out")
