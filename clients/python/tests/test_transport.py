from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import re
import socket
import ssl
import threading
import time
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from stores import free_port

from stateward import _idle, _refusals, _retry, errors
from stateward._async import AsyncTransport
from stateward._sync import SyncTransport
from stateward.transport import Address, Request, Response, json_bytes, path, segment
from tests.raw_server import HANG_UP, Then, answer, problem, serving

Send = Callable[[Request], Awaitable[Response]]
Connect = Callable[..., contextlib.AbstractAsyncContextManager[Send]]

GET = Request("GET", "/x")
PUT = Request("PUT", "/x", b"{}", {"Content-Type": "application/json"})
ONCE = Request("POST", "/x", b"{}", idempotent=False)


@contextlib.asynccontextmanager
async def _sync(url: str, token: str | None = None) -> AsyncIterator[Send]:
    transport = SyncTransport(url, token)

    async def send(request: Request) -> Response:
        return await asyncio.to_thread(transport.send, request)

    yield send
    transport.close()


@contextlib.asynccontextmanager
async def _async(url: str, token: str | None = None) -> AsyncIterator[Send]:
    transport = AsyncTransport(url, token)
    yield transport.send
    await transport.aclose()


@pytest.fixture(params=["sync", "async"])
def connect(request: pytest.FixtureRequest) -> Connect:
    return _sync if request.param == "sync" else _async


@pytest.fixture(autouse=True)
def no_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_retry, "_DELAYS", (0.0, 0.0, 0.0))


async def test_sends_what_it_is_given(connect: Connect) -> None:
    with serving(answer(200, {"a": 1}, X_Thing="yes")) as server:
        async with connect(server.url + "/base/", "secret") as send:
            response = await send(PUT)
    assert (response.status, response.body) == (200, b'{"a": 1}')
    assert response.headers["x-thing"] == "yes"
    (seen,) = server.seen
    assert seen.line == "PUT /base/x HTTP/1.1"
    assert seen.headers["authorization"] == "Bearer secret"
    assert seen.headers["content-type"] == "application/json"
    assert seen.body == b"{}"


async def test_keeps_the_path_as_it_is(connect: Connect) -> None:
    target = path("sessions", "a/b", "c:d", query={"ns": "x y/ü|1:2", "flag": True, "no": None})
    with serving(answer()) as server:
        async with connect(server.url) as send:
            await send(Request("GET", target))
    assert server.seen[0].line == f"GET {target} HTTP/1.1"
    assert target == "/sessions/~YS9i/c:d?ns=x%20y%2F%C3%BC%7C1%3A2&flag=true"


async def test_one_connection_serves_many_requests(connect: Connect) -> None:
    with serving(answer()) as server:
        async with connect(server.url) as send:
            for _ in range(5):
                await send(GET)
    assert server.connections == 1


async def test_503_is_repeated(connect: Connect) -> None:
    with serving(problem(503, "overloaded"), problem(503, "overloaded"), answer()) as server:
        async with connect(server.url) as send:
            assert (await send(ONCE)).status == 200
    assert len(server.seen) == 3


async def test_503_is_repeated_three_times_only(connect: Connect) -> None:
    with serving(problem(503, "storage_unavailable", "no store")) as server:
        async with connect(server.url) as send:
            with pytest.raises(errors.StorageConnectionError) as caught:
                await send(GET)
    assert len(server.seen) == 4
    assert str(caught.value) == "Failed to connect to storage: no store"
    assert (caught.value.code, caught.value.status) == ("storage_unavailable", 503)
    assert caught.value.request_id == "r-1"


@pytest.mark.parametrize(
    "unknown",
    [
        problem(504, "outcome_unknown"),
        answer(502, b"of a proxy"),
        answer(503, b"of a proxy"),
        answer(503, {"code": "overloaded"}),
        problem(503, "busy"),
    ],
)
async def test_what_leaves_a_doubt_is_repeated_if_that_does_no_harm(
    connect: Connect, unknown: bytes
) -> None:
    with serving(unknown, answer()) as server:
        async with connect(server.url) as send:
            assert (await send(PUT)).status == 200
    with serving(unknown) as server:
        async with connect(server.url) as send:
            with pytest.raises(errors.OutcomeUnknown):
                await send(ONCE)
    assert len(server.seen) == 1


async def test_expected_503_is_an_answer(connect: Connect) -> None:
    with serving(answer(503, {"status": "unhealthy"})) as server:
        async with connect(server.url) as send:
            response = await send(Request("GET", "/health", expected=(503,)))
    assert response.body == b'{"status": "unhealthy"}'
    assert len(server.seen) == 1


async def test_dropped_connection_is_repeated(connect: Connect) -> None:
    with serving(HANG_UP, HANG_UP, answer()) as server:
        async with connect(server.url) as send:
            assert (await send(PUT)).status == 200


async def test_cut_answer_is_repeated(connect: Connect) -> None:
    with serving(Then(answer(200, b"whole")[:-2]), answer(200, b"whole")) as server:
        async with connect(server.url) as send:
            assert (await send(GET)).body == b"whole"


async def test_what_must_not_happen_twice_is_not_repeated(connect: Connect) -> None:
    with serving(HANG_UP, answer()) as server:
        async with connect(server.url) as send:
            with pytest.raises(errors.OutcomeUnknown) as caught:
                await send(ONCE)
    assert len(server.seen) == 1
    assert str(caught.value).startswith("No answer from storage: ")
    assert (caught.value.code, caught.value.status) == ("outcome_unknown", 0)


async def test_changes_without_an_answer_are_in_doubt(connect: Connect) -> None:
    full = problem(503, "storage_unavailable", "no store")
    for answers in ((HANG_UP,), (HANG_UP, full), (problem(504, "outcome_unknown"), full)):
        with serving(*answers) as server:
            async with connect(server.url) as send:
                with pytest.raises(errors.OutcomeUnknown) as caught:
                    await send(PUT)
        assert caught.value.code == "outcome_unknown"
        assert len(server.seen) == 4


async def test_later_refusals_of_a_connection_leave_the_doubt(connect: Connect) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            listener.close()
            with connection:
                connection.recv(1000)

        thread = threading.Thread(target=serve)
        thread.start()
        async with connect(f"http://127.0.0.1:{listener.getsockname()[1]}") as send:
            with pytest.raises(errors.OutcomeUnknown, match="Errno"):
                await send(PUT)
        thread.join()


async def test_reading_is_never_in_doubt(connect: Connect) -> None:
    for request in (GET, Request("POST", "/x", b"{}", reads=True)):
        with serving(HANG_UP) as server:
            async with connect(server.url) as send:
                with pytest.raises(errors.StorageConnectionError):
                    await send(request)


async def test_connection_closed_while_idle_goes_unnoticed(connect: Connect) -> None:
    with serving(Then(answer()), Then(answer()), answer()) as server:
        async with connect(server.url) as send:
            for _ in range(3):
                await send(ONCE)
                await asyncio.sleep(0.05)  # for the FIN
    assert server.connections == 3


@pytest.mark.parametrize("body", [b"first", bytes(1 << 20)])
async def test_what_follows_an_answer_is_not_the_next_one(connect: Connect, body: bytes) -> None:
    double = answer(200, body) + answer(200, b"stray")
    with serving(double, answer(200, b"second"), answer(200, b"third")) as server:
        async with connect(server.url) as send:
            assert [(await send(GET)).body for _ in range(3)] == [body, b"second", b"third"]
    assert server.connections == 2


async def test_what_comes_later_is_not_the_next_answer(connect: Connect) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        go_on, said = threading.Event(), threading.Event()

        def serve() -> None:
            first, _ = listener.accept()
            with first:
                first.recv(1000)
                first.sendall(answer(200, b"first"))
                go_on.wait(5)
                first.sendall(answer(200, b"stray"))
                said.set()
                second, _ = listener.accept()
                with second:
                    second.recv(1000)
                    second.sendall(answer(200, b"second"))

        thread = threading.Thread(target=serve)
        thread.start()
        async with connect(f"http://127.0.0.1:{listener.getsockname()[1]}") as send:
            assert (await send(GET)).body == b"first"
            go_on.set()
            await asyncio.to_thread(said.wait, 5)
            await asyncio.sleep(0.05)  # the loop takes it
            assert (await send(GET)).body == b"second"
        await asyncio.to_thread(thread.join)


async def test_connections_of_busier_times_are_closed(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service has ended them; those that are still in use come before them."""
    monkeypatch.setattr(_idle, "_LOOK", 0.0)
    ended: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            burst = [listener.accept()[0] for _ in range(4)]
            for connection in burst:
                connection.settimeout(5)
                connection.recv(1000)
            for connection in burst:
                connection.sendall(answer())
                time.sleep(0.05)  # they are idle in this order
            for connection in burst[:-1]:
                connection.shutdown(socket.SHUT_WR)
            burst[-1].recv(1000)
            burst[-1].sendall(answer())
            ended.extend(connection.recv(1000) for connection in burst[:-1])
            for connection in burst:
                connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        async with connect(f"http://127.0.0.1:{listener.getsockname()[1]}") as send:
            await asyncio.gather(*(send(GET) for _ in range(4)))
            await asyncio.sleep(0.2)
            await send(GET)
            await asyncio.to_thread(thread.join)
    assert ended == [b""] * 3


async def test_closed_before_the_loop_has_looked(connect: Connect) -> None:
    with serving(Then(answer()), answer()) as server:
        async with connect(server.url) as send:
            await send(ONCE)
            time.sleep(0.05)  # not the loop's
            await send(ONCE)
    assert server.connections == 2


async def test_refused_connection(connect: Connect) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    async with connect(f"http://127.0.0.1:{port}") as send:
        with pytest.raises(errors.StorageConnectionError) as caught:
            await send(GET)
    assert str(caught.value).startswith("Failed to connect to storage: ")
    assert caught.value.status == 0


async def test_only_the_first_call_waits_for_a_service_that_is_gone(
    connect: Connect, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_retry, "_OUTAGE", 60.0)
    caplog.set_level("INFO", "stateward")
    port = free_port()

    async def repeats(send: Send) -> int:
        caplog.clear()
        with pytest.raises(errors.StorageConnectionError):
            await send(GET)
        return len(caplog.messages)

    async with connect(f"http://127.0.0.1:{port}") as send:
        assert [await repeats(send) for _ in range(3)] == [3, 0, 0]
        with serving(Then(answer()), port=port):
            assert (await send(GET)).status == 200
        assert [await repeats(send) for _ in range(2)] == [3, 0]


def test_a_call_that_ends_after_close_keeps_no_connection() -> None:
    with serving(answer()) as server:
        transport = SyncTransport(server.url)
        started, go_on = threading.Event(), threading.Event()
        plain = transport._connect

        def connect() -> Any:
            connection = plain()
            started.set()
            go_on.wait(5)
            return connection

        transport._connect = connect  # type: ignore[method-assign]
        thread = threading.Thread(target=transport.send, args=(GET,))
        thread.start()
        started.wait(5)
        transport.close()
        go_on.set()
        thread.join()
        assert not transport._idle.connections


async def test_a_service_that_is_not_there_is_named(connect: Connect) -> None:
    async with connect("http://127.0.0.1:1/base") as send:
        with pytest.raises(errors.StorageConnectionError, match=r"\(http://127\.0\.0\.1:1/base\)$"):
            await send(GET)


def test_a_password_stays_out_of_errors() -> None:
    with pytest.raises(ValueError, match=r"^not an http or https URL: 'postgresql:...'$"):
        SyncTransport("postgresql://me:secret@host/db")


async def test_large_bodies(connect: Connect) -> None:
    large = os.urandom(1 << 16) * 48
    with serving(HANG_UP, answer(200, large)) as server:
        async with connect(server.url) as send:
            response = await send(Request("PUT", "/x", large))
    assert response.body == large
    assert [seen.body for seen in server.seen] == [large, large]


@pytest.mark.parametrize(("code", "kind"), _refusals._BY_CODE.items())
async def test_codes_are_exceptions(code: str, kind: type[Exception]) -> None:
    with serving(problem(400, code)) as server:
        async with _sync(server.url) as send:
            with pytest.raises(kind) as caught:
                await send(Request("GET", "/x", session_id="s-1"))
    assert type(caught.value) is kind
    texts = {
        "session_not_found": "Session s-1 not found",
        "storage_unavailable": "Failed to connect to storage: why",
    }
    assert str(caught.value) == texts.get(code, "why")


async def test_answer_before_the_body_is_read(connect: Connect) -> None:
    # The service refuses a large body by its Content-Length, and closes.
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            for _ in range(2):
                connection, _ = listener.accept()
                with connection:
                    connection.recv(1000)
                    connection.sendall(problem(413, "too_large"))
                    connection.shutdown(socket.SHUT_WR)
                    with contextlib.suppress(ConnectionResetError):
                        while connection.recv(1 << 20):
                            pass

        thread = threading.Thread(target=serve)
        thread.start()
        async with connect(f"http://127.0.0.1:{listener.getsockname()[1]}") as send:
            for _ in range(2):  # on a connection of its own each
                with pytest.raises(errors.TooLargeError):
                    await send(Request("PUT", "/x", bytes(1 << 24)))
        await asyncio.to_thread(thread.join)


def test_threads_share_a_transport() -> None:
    with serving(answer()) as server:
        transport = SyncTransport(server.url)
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(lambda _: transport.send(GET), range(800)))
        transport.close()
        transport.close()
    assert len(server.seen) == 800
    assert server.connections <= 16


def test_fork() -> None:
    with serving(answer()) as server:
        transport = SyncTransport(server.url)
        transport.send(GET)
        child = os.fork()
        if child == 0:
            with contextlib.suppress(BaseException), warnings.catch_warnings(record=True) as left:
                warnings.simplefilter("always")
                status = transport.send(PUT).status
                gc.collect()
                os._exit(status - 200 + len(left))
            os._exit(1)
        assert os.waitpid(child, 0)[1] == 0
        transport.send(GET)
        transport.close()
    first, of_child, last = server.seen
    assert first.connection == last.connection != of_child.connection


def test_loop_after_loop() -> None:
    """Those that asyncio.run() ends leave no open socket, which would be a warning."""
    with serving(answer()) as server:
        transport = AsyncTransport(server.url)
        for _ in range(3):
            asyncio.run(transport.send(GET))
            gc.collect()
        assert len(transport._pools) == 1
        asyncio.run(transport.aclose())
        gc.collect()
        assert not transport._pools
    assert server.connections == 3


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # sockets of a loop that is just left
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_loop_that_is_only_closed() -> None:
    with serving(answer()) as server:
        transport = AsyncTransport(server.url)
        loop = asyncio.new_event_loop()
        loop.run_until_complete(transport.send(GET))
        loop.close()
        asyncio.run(transport.send(GET))
        asyncio.run(transport.aclose())
        gc.collect()
        assert not transport._pools


async def test_a_transport_that_is_forgotten_closes_its_connections() -> None:
    with serving(answer()) as server:
        transport = AsyncTransport(server.url)
        await transport.send(GET)
        (pool,) = transport._pools.values()
        (connection,) = pool.idle.connections
        del transport, pool
        for _ in range(10):
            gc.collect()
            await asyncio.sleep(0.01)
        assert not connection.usable


def test_loops_at_once() -> None:
    with serving(answer()) as server:
        transport = AsyncTransport(server.url)

        async def many() -> None:
            await asyncio.gather(*(transport.send(GET) for _ in range(20)))
            await transport.aclose()

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: asyncio.run(many()), range(8)))
    assert len(server.seen) == 160


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("abc", "abc"),
        ("A-z_0.9:x", "A-z_0.9:x"),
        ("...", "..."),
        (".", "~Lg"),
        ("..", "~Li4"),
        ("~a", "~fmE"),
        ("a~", "~YX4"),
        ("a/b", "~YS9i"),
        ("a b", "~YSBi"),
        ("a%2Fb", "~YSUyRmI"),
        ("ü", "~w7w"),
        ("a\n", "~YQo"),
        ("", "~"),
    ],
)
def test_segments(text: str, expected: str) -> None:
    assert segment(text) == expected


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:80",
        "ftp://x",
        "http://",
        "http://u@x",
        "http://x?q=1",
        "http://x#f",
        "http://x:0",
    ],
)
def test_urls_that_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="URL"):
        Address.parse(url, None)


@pytest.mark.parametrize("url", ["localhost", "localhost:8080", "a-b.c:1/", "[::1]:8080", "[::1]"])
def test_urls_without_a_scheme(url: str) -> None:
    with pytest.raises(ValueError, match=rf" \(did you mean http://{re.escape(url)}\?\)$"):
        Address.parse(url, None)
    assert Address.parse("http://" + url, None).host in url


@pytest.mark.parametrize("kind", [SyncTransport, AsyncTransport])
def test_timeouts(kind: type[SyncTransport | AsyncTransport]) -> None:
    """What cannot be waited for is refused here, and not by the first call."""
    wrong: list[Any] = [None, 0, -1, float("nan"), "5"]
    for timeout in wrong:
        with pytest.raises(ValueError, match="timeout is not a number of seconds above 0"):
            kind("http://127.0.0.1:1", timeout=timeout)


async def test_a_time_out_may_be_endless() -> None:
    with serving(answer()) as server:
        transport = SyncTransport(server.url, timeout=float("inf"))
        assert (await asyncio.to_thread(transport.send, GET)).status == 200
        transport.close()
        other = AsyncTransport(server.url, timeout=float("inf"))
        assert (await other.send(GET)).status == 200
        await other.aclose()


def test_urls() -> None:
    assert Address.parse("https://x", None).url == "https://x:443"
    assert Address.parse("http://[::1]:8080/a/", None).url == "http://[::1]:8080/a"


def test_json_bytes() -> None:
    assert json_bytes({"a": ["ü", 2**70, 1.0]}) == '{"a":["ü",1180591620717411303424,1.0]}'.encode()
    assert json_bytes("\ud83d") == b'"\\ud83d"'
    with pytest.raises(ValueError, match="JSON"):
        json_bytes(float("nan"))


class TestAttempts:
    DROPPED = _retry.NoAnswer(OSError("x"), sent=True)
    UNSENT = _retry.NoAnswer(OSError("x"), sent=False)

    @pytest.fixture(autouse=True)
    def clock(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.outage = _retry.Outage()
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        monkeypatch.setattr(_retry, "_DELAYS", (0.1, 0.5, 2.0))
        monkeypatch.setattr("random.uniform", lambda low, high: (low + high) / 2)

    def test_delays_grow(self) -> None:
        attempts = _retry.Attempts(GET, self.outage)
        delays = [attempts.after_failure(self.DROPPED) for _ in range(4)]
        assert delays == [0.1, 0.5, 2.0, None]

    def test_reused_connection_at_once(self) -> None:
        attempts = _retry.Attempts(GET, self.outage)
        reused = _retry.NoAnswer(OSError("x"), sent=True, reused=True)
        assert [attempts.after_failure(reused) for _ in range(4)] == [0.0, 0.5, 2.0, None]

    @pytest.mark.parametrize(
        ("error", "final"),
        [
            (ssl.SSLCertVerificationError(), True),
            (ssl.SSLError(1, "WRONG_VERSION_NUMBER"), True),
            (ssl.SSLEOFError(), False),
            (ssl.SSLZeroReturnError(), False),
        ],
    )
    def test_final(self, error: ssl.SSLError, final: bool) -> None:
        delay = _retry.Attempts(GET, self.outage).after_failure(_retry.NoAnswer(error, sent=False))
        assert (delay is None) == final
        assert (
            _retry.Attempts(GET, self.outage).after_failure(_retry.NoAnswer(error, sent=True))
            == 0.1
        )

    def test_not_sent_is_always_repeated(self) -> None:
        assert _retry.Attempts(ONCE, self.outage).after_failure(self.UNSENT) == 0.1

    def test_outage(self) -> None:
        earlier = _retry.Attempts(GET, self.outage)
        attempts = _retry.Attempts(GET, self.outage)
        delays = [attempts.after_failure(self.UNSENT) for _ in range(4)]
        assert delays == [0.1, 0.5, 2.0, None]
        self.now += 0.9
        later = _retry.Attempts(GET, self.outage)
        assert later.after_failure(self.UNSENT) is None
        assert earlier.after_failure(self.UNSENT) == 0.1
        self.now += 0.2
        assert _retry.Attempts(GET, self.outage).after_failure(self.UNSENT) == 0.1

    def test_an_outage_ends_with_a_connection(self) -> None:
        self.outage.begin()
        attempts = _retry.Attempts(GET, self.outage)
        self.outage.end()
        assert attempts.after_failure(self.DROPPED) == 0.1
        assert attempts.after_failure(self.UNSENT) == 0.5

    def test_lost_answers_are_no_outage(self) -> None:
        attempts = _retry.Attempts(GET, self.outage)
        assert [attempts.after_failure(self.DROPPED) for _ in range(4)][-1] is None
        assert not self.outage.lasts

    def test_waits_are_logged(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level("INFO", "stateward")
        attempts = _retry.Attempts(Request("PUT", "/threads/t/x?ns=a"), self.outage)
        attempts.after_failure(_retry.NoAnswer(OSError("gone"), sent=True, reused=True))
        assert not caplog.messages  # an idle connection that was closed: there is no wait
        attempts.after_failure(_retry.NoAnswer(TimeoutError(), sent=True))
        attempts.after_answer(Response(503, {"retry-after": "1"}, b""))
        attempts.after_answer(Response(503, {}, b""))
        attempts.after_answer(Response(404, {}, b""))
        assert caplog.messages == [
            "PUT /threads/t/x is repeated in 0.5 s: TimeoutError",
            "PUT /threads/t/x is repeated in 2.0 s: HTTP 503",
        ]

    def test_budget(self) -> None:
        attempts = _retry.Attempts(GET, self.outage)
        self.now = 9.95
        assert attempts.after_failure(self.DROPPED) is None
        self.now = 9.85
        assert attempts.after_failure(self.DROPPED) == 0.1

    @pytest.mark.parametrize(
        ("text", "delay"), [("2", 2.1), ("0", 0.1), ("-1", 0.1), ("Mon, 01 Jan", 0.1), ("11", None)]
    )
    def test_retry_after(self, text: str, delay: float | None) -> None:
        response = Response(503, {"retry-after": text}, b"")
        assert _retry.Attempts(GET, self.outage).after_answer(response) == delay

    def test_other_answers(self) -> None:
        for status in (400, 404, 409, 429, 500, 501):
            assert _retry.Attempts(GET, self.outage).after_answer(Response(status, {}, b"")) is None
