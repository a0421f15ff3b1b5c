from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import select
import signal
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from stateward import _async, _http, _retry, errors
from stateward._async import AsyncTransport
from stateward._http import Answers, BadAnswer, Connection
from stateward._sync import SyncTransport
from stateward.langgraph import StatewardSaver
from stateward.transport import Request, Response
from tests.raw_server import answer, serving

GET = Request("GET", "/x")
OK = answer(200, b"hello", X_Thing=" a b ")
DELETED = answer(204)
KEPT = answer(200, b"x", Connection="Keep-Alive")
HINTS = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\na: b\r\n\r\n"


def fed(answers: Answers, data: bytes, size: int, method: str = "GET") -> Response:
    """The answer, as it is read from pieces of a size."""
    reading = answers.read(method)
    at = 0
    try:
        wanted = next(reading)
        while True:
            part = data[at : at + min(size, wanted)]
            at += len(part)
            wanted = reading.send(part)
    except StopIteration as end:
        response: Response = end.value
        assert response.status >= 200
        return response


def chunked(*chunks: bytes, trailer: bytes = b"") -> bytes:
    body = b"".join(b"%x;a=b\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"
        + body
        + b"0\r\n"
        + trailer
        + b"\r\n"
    )


@pytest.mark.parametrize("size", [1, 2, 7, 10_000])
@pytest.mark.parametrize(
    ("data", "method", "status", "body", "reusable"),
    [
        (OK, "GET", 200, b"hello", True),
        (answer(404, b""), "GET", 404, b"", True),
        (answer(204), "DELETE", 204, b"", True),
        (b"HTTP/1.1 304 \r\nETag: x\r\n\r\n", "GET", 304, b"", True),
        (b"HTTP/1.1 200\r\nContent-Length: 7\r\n\r\n", "HEAD", 200, b"", True),
        (HINTS + OK, "PUT", 200, b"hello", True),
        (chunked(b"abc", b"x" * 300), "GET", 200, b"abc" + b"x" * 300, True),
        (chunked(trailer=b"a: b\r\nc: d\r\n"), "GET", 200, b"", True),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", "GET", 200, b"until the end", False),
        (answer(200, b"x", Connection="close"), "GET", 200, b"x", False),
        (OK.replace(b"/1.1", b"/1.0"), "GET", 200, b"hello", False),
        (KEPT.replace(b"/1.1", b"/1.0"), "GET", 200, b"x", True),
    ],
)  # fmt: skip
def test_answers(
    data: bytes, method: str, status: int, body: bytes, reusable: bool, size: int
) -> None:
    answers = Answers()
    response = fed(answers, data, size, method)
    assert (response.status, response.body, answers.reusable) == (status, body, reusable)


@pytest.mark.parametrize("data", [OK + b"x", DELETED + OK, chunked(b"abc") + OK])
def test_more_than_an_answer(data: bytes) -> None:
    answers = Answers()
    fed(answers, data, 10_000)
    assert not answers.reusable


def test_headers() -> None:
    headers = fed(Answers(), OK, 3).headers
    assert headers == {
        "content-length": "5",
        "content-type": "application/json",
        "x-thing": "a b",
    }


@pytest.mark.parametrize("size", [1, 10_000])
@pytest.mark.parametrize(
    "data",
    [
        b"",
        OK[:-1],
        OK[:20],
        b"SSH-2.0-x\r\n\r\n",
        b"HTTP/2 200 OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nfolded: a\r\n b: c\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length : 1\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: \xb2\r\n\r\nxx",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        chunked(b"abc")[:-4],
        chunked(b"abc").replace(b"3;", b"-3;"),
        chunked(b"abc").replace(b"3;", b"2;"),
        chunked(b"abc").replace(b"3;", b"0x3;"),
    ],
)
def test_answers_that_are_none(data: bytes, size: int) -> None:
    with pytest.raises(BadAnswer):
        fed(Answers(), data, size)


def test_heads_without_an_end() -> None:
    for data in (
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 100_000,
        chunked().replace(b"0\r\n", b"0" * 100_000),
    ):
        with pytest.raises(BadAnswer, match="too long"):
            fed(Answers(), data, 5000)


def test_requests() -> None:
    fixed = _http.fixed_head("h:1", {"User-Agent": "u"})
    assert _http.encode(Request("PUT", "/p?q=1", b"body", {"A": "b"}), "/base", fixed) == (
        b"PUT /base/p?q=1 HTTP/1.1\r\nHost: h:1\r\nUser-Agent: u\r\nA: b\r\n"
        b"Content-Length: 4\r\n\r\nbody"
    )
    assert _http.encode(GET, "", b"") == b"GET /x HTTP/1.1\r\n\r\n"
    assert b"\r\nContent-Length: 0\r\n" in _http.encode(Request("POST", "/x"), "", b"")


@pytest.mark.parametrize("value", ["a\r\nB: c", "a\nb", "a\0", "\x7f"])
def test_headers_are_one_line(value: str) -> None:
    with pytest.raises(ValueError, match="control"):
        _http.encode(Request("GET", "/x", headers={"A": value}), "", b"")
    with pytest.raises(ValueError, match="control"):
        SyncTransport("http://x", value)


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_silence_ends_a_call(silent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_retry, "RETRIES", 0)
    transport = SyncTransport(silent, timeout=0.05)
    with pytest.raises(errors.StorageConnectionError, match="timed out"):
        transport.send(GET)


def test_a_body_that_nobody_takes_ends_a_call(silent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_retry, "RETRIES", 0)
    transport = SyncTransport(silent, timeout=0.05)
    with pytest.raises(errors.OutcomeUnknown, match="timed out"):
        transport.send(Request("PUT", "/x", bytes(32 << 20)))


@pytest.mark.parametrize("with_poll", [True, False])
def test_waiting(with_poll: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where there is no poll()."""
    if not with_poll:
        monkeypatch.delattr(select, "poll")
    here, there = socket.socketpair()
    with here, there:
        here.setblocking(False)
        assert _http.waiter(here.fileno(), to_send=True)(10)
        assert not _http.waiter(here.fileno())(0.001)
        with contextlib.suppress(BlockingIOError):
            while True:
                here.send(bytes(1 << 16))
        assert not _http.waiter(here.fileno(), to_send=True)(0.001)
        there.sendall(b"x")
        assert _http.waiter(here.fileno())(10)
        assert _http.waiter(here.fileno())(1e12)


@pytest.mark.parametrize("stray", [b"", OK])
def test_an_idle_connection_that_was_closed_or_says_something(stray: bytes) -> None:
    """What nobody has asked for must not be taken for the next answer."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
    with client, server:
        idle = Connection(client, 1)
        assert idle.usable
        if stray:
            server.sendall(stray)
        else:
            server.close()
        assert _http.waiter(client.fileno())(10)
        assert not idle.usable


def test_signals_do_not_prolong_silence(silent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_retry, "RETRIES", 0)
    transport = SyncTransport(silent, timeout=0.2)
    signals = itertools.count()

    def handle(*_: object) -> None:
        assert next(signals) < 1000, "the call does not end"

    before = signal.signal(signal.SIGALRM, handle)
    signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
    try:
        with pytest.raises(errors.StorageConnectionError, match="timed out"):
            transport.send(GET)
        with pytest.raises(errors.OutcomeUnknown, match="timed out"):
            transport.send(Request("PUT", "/x", bytes(32 << 20)))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert next(signals) > 0


async def test_a_body_that_nobody_takes_ends_an_async_call(
    silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_retry, "RETRIES", 0)
    transport = AsyncTransport(silent, timeout=0.05)
    with pytest.raises(errors.OutcomeUnknown, match="timed out"):
        await transport.send(Request("PUT", "/x", bytes(32 << 20)))
    await transport.aclose()


@pytest.mark.parametrize("kind", [SyncTransport, AsyncTransport])
async def test_a_slow_upload_is_not_silence(
    kind: type[SyncTransport] | type[AsyncTransport], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes longer than the time-out, but there is no moment in which nothing moves."""
    monkeypatch.setattr(_retry, "RETRIES", 0)
    body = bytes(40 << 20)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        # What the kernel has taken moves unseen.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                for _ in range(len(body) >> 20):
                    connection.recv(1 << 20, socket.MSG_WAITALL)
                    threading.Event().wait(0.05)
                connection.sendall(OK)
                while connection.recv(1 << 20):
                    pass

        thread = threading.Thread(target=serve)
        thread.start()
        transport = kind(f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=1)
        request = Request("PUT", "/x", body)
        if isinstance(transport, SyncTransport):
            response = await asyncio.to_thread(transport.send, request)
            transport.close()
        else:
            response = await transport.send(request)
            await transport.aclose()
        assert response.body == b"hello"
        thread.join()


async def test_silence_ends_a_call_of_the_saver(
    silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_retry, "RETRIES", 0)
    async with StatewardSaver.from_url(silent, timeout=0.05) as saver:
        with pytest.raises(errors.OutcomeUnknown, match="timed out"):
            saver.delete_thread("t")
        with pytest.raises(errors.OutcomeUnknown, match="timed out"):
            await saver.adelete_thread("t")


async def test_silence_ends_an_async_call(silent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_retry, "RETRIES", 0)
    transport = AsyncTransport(silent, timeout=0.05)
    with pytest.raises(errors.StorageConnectionError, match="timed out"):
        await transport.send(GET)
    await transport.aclose()


async def test_a_loop_that_was_blocked_is_not_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_retry, "RETRIES", 0)
    large = bytes(1 << 20)  # is not there as a whole when the loop goes on
    with serving(answer(200, large)) as server:
        transport = AsyncTransport(server.url, timeout=0.2)
        for _ in range(3):  # the first one connects
            task = asyncio.create_task(transport.send(GET))
            await asyncio.sleep(0)
            time.sleep(0.4)
            assert (await task).body == large
        await transport.aclose()


async def test_silence_in_a_loop_that_is_always_blocked(
    silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_retry, "RETRIES", 0)
    monkeypatch.setattr(_async, "_was_blocked", lambda due: True)
    transport = AsyncTransport(silent, timeout=0.05)
    with pytest.raises(errors.StorageConnectionError, match="timed out"):
        await transport.send(GET)
    await transport.aclose()


async def test_a_slow_answer_is_not_silence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1000)
                for i in range(0, len(OK), 8):
                    connection.sendall(OK[i : i + 8])
                    threading.Event().wait(0.02)

        thread = threading.Thread(target=serve)
        thread.start()
        transport = AsyncTransport(f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=0.15)
        assert (await transport.send(GET)).body == b"hello"
        await transport.aclose()
        thread.join()


async def test_a_cancelled_call_leaves_no_answer_to_the_next() -> None:
    with serving(answer(200, b"one")) as server:
        transport = AsyncTransport(server.url)
        for _ in range(20):
            task = asyncio.create_task(transport.send(GET))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert (await transport.send(GET)).body == b"one"
        await transport.aclose()


async def test_many_tasks_share_few_connections() -> None:
    with serving(answer()) as server:
        transport = AsyncTransport(server.url)
        await asyncio.gather(*(transport.send(GET) for _ in range(300)))
        await transport.aclose()
        assert server.connections <= 100
    assert len(server.seen) == 300


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=x",
         "-addext", "subjectAltName=DNS:localhost", "-keyout", path, "-out", f"{path}.crt"],
        check=True, capture_output=True,
    )  # fmt: skip
    with path.open("ab") as file:
        file.write(Path(f"{path}.crt").read_bytes())
    return path


@pytest.fixture
def secure(certificate: Path) -> Iterator[str]:
    """A server with TLS that answers each request on each connection."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while not done.is_set():
                try:
                    raw, _ = listener.accept()
                    with context.wrap_socket(raw, server_side=True) as connection:
                        while data := connection.recv(1 << 16):
                            connection.sendall(DELETED if data.startswith(b"DELETE") else OK)
                except OSError:
                    pass

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"https://localhost:{listener.getsockname()[1]}"
        done.set()
        socket.create_connection(listener.getsockname()).close()
        thread.join()


async def test_tls(certificate: Path, secure: str) -> None:
    trusting = ssl.create_default_context(cafile=certificate)
    transport = SyncTransport(secure, ssl_context=trusting)
    for _ in range(3):
        assert (await asyncio.to_thread(transport.send, GET)).body == b"hello"
    transport.close()
    other = AsyncTransport(secure, ssl_context=trusting)
    for _ in range(3):
        assert (await other.send(GET)).body == b"hello"
    await other.aclose()


def test_fork_with_tls(certificate: Path, secure: str) -> None:
    """A child ends none of its parent's connections."""
    trusting = ssl.create_default_context(cafile=certificate)
    with contextlib.closing(SyncTransport(secure, ssl_context=trusting)) as transport:
        transport.send(GET)
        (connection,) = transport._idle.connections
        child = os.fork()
        if child == 0:
            with contextlib.suppress(BaseException):
                transport.close()
                os._exit(0 if connection.socket.fileno() == -1 else 1)
            os._exit(1)
        assert os.waitpid(child, 0)[1] == 0
        assert transport.send(GET).body == b"hello"
        assert [*transport._idle.connections] == [connection]


@pytest.mark.parametrize("kind", [SyncTransport, AsyncTransport])
async def test_what_goes_wrong_with_tls_by_chance(
    certificate: Path, kind: type[SyncTransport] | type[AsyncTransport]
) -> None:
    """A peer that goes amid the handshake, and one that says more than it was asked."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    large = bytes(20_000)  # ends in the second record
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            raw, _ = listener.accept()
            raw.recv(1)
            raw.shutdown(socket.SHUT_WR)
            while raw.recv(1000):
                pass
            raw.close()
            for _ in range(2):
                raw, _ = listener.accept()
                with context.wrap_socket(raw, server_side=True) as connection:
                    connection.recv(1 << 16)
                    connection.sendall(answer(200, large) + OK)
                    connection.recv(1 << 16)

        thread = threading.Thread(target=serve)
        thread.start()
        trusting = ssl.create_default_context(cafile=certificate)
        url = f"https://localhost:{listener.getsockname()[1]}"
        transport = kind(url, timeout=5, ssl_context=trusting)
        for _ in range(2):
            if isinstance(transport, SyncTransport):
                response = await asyncio.to_thread(transport.send, GET)
            else:
                response = await transport.send(GET)
            assert response.body == large
        await asyncio.to_thread(thread.join)


@pytest.mark.parametrize("close", [True, False])
def test_closing_does_not_wait_long_for_tls(certificate: Path, close: bool) -> None:
    """A service that hangs does not answer a goodbye, for which asyncio waits half a minute."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            raw, _ = listener.accept()
            with context.wrap_socket(raw, server_side=True) as connection:
                connection.recv(1 << 16)
                connection.sendall(OK)
                done.wait(20)

        thread = threading.Thread(target=serve)
        thread.start()
        trusting = ssl.create_default_context(cafile=certificate)
        url = f"https://localhost:{listener.getsockname()[1]}"
        transport = AsyncTransport(url, ssl_context=trusting)

        async def call() -> None:
            await transport.send(GET)
            if close:
                await transport.aclose()

        started = time.monotonic()
        asyncio.run(call())  # which ends the loop, too
        assert time.monotonic() - started < 5
        done.set()
        thread.join()


async def test_tls_of_the_saver(certificate: Path, secure: str) -> None:
    trusting = ssl.create_default_context(cafile=certificate)
    async with StatewardSaver.from_url(secure, ssl_context=trusting) as saver:
        await asyncio.to_thread(saver.delete_thread, "t")
        saver.close()  # the server has one connection at a time
        await saver.adelete_thread("t")


async def test_tls_is_checked(secure: str) -> None:
    """At once: trying again would not help."""
    transport = SyncTransport(secure)
    with pytest.raises(errors.StorageConnectionError, match="certificate verify failed"):
        await asyncio.to_thread(transport.send, GET)
    with pytest.raises(errors.StorageConnectionError, match="certificate verify failed"):
        await AsyncTransport(secure).send(GET)
