"""Calls that were carried out, and whose answer was lost, or replaced by a proxy's 503."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import pytest

from stateward import AsyncClient, Client, _retry, errors
from tests.conftest import Server
from tests.raw_server import HANG_UP, answer

Call = Callable[..., Awaitable[Any]]


class Lossy:
    """Passes requests on, one on a connection, and keeps the answer to itself when told so."""

    def __init__(self, port: int, instead: bytes) -> None:
        self._port = port
        self._instead = instead
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()
        self.lose = 0
        """So many answers will be lost."""
        self.passed = 0
        """So many requests have been passed on."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with client, socket.create_connection(("127.0.0.1", self._port)) as service:
                self._one(client, service)

    def _one(self, client: socket.socket, service: socket.socket) -> None:
        request = client.recv(1 << 16)  # the clients send these small ones in one piece
        head, rest = request.split(b"\r\n\r\n", 1)
        self.passed += 1
        service.sendall(head + b"\r\nConnection: close\r\n\r\n" + rest)
        answer = b""
        while part := service.recv(1 << 16):
            answer += part
        if self.lose:
            self.lose -= 1
            client.sendall(self._instead)
        else:
            client.sendall(answer)


@pytest.fixture(scope="module")
def small_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("lossy"), "memory:").start()
    yield server
    server.stop()


FOREIGN_503 = answer(503, b"upstream error", Content_Type="text/plain", Connection="close")


@pytest.fixture(params=[HANG_UP, FOREIGN_503])
def lossy(request: pytest.FixtureRequest, small_server: Server) -> Iterator[Lossy]:
    proxy = Lossy(small_server.port, request.param)
    yield proxy
    proxy.close()


@pytest.fixture(params=["sync", "async"])
async def call(request: pytest.FixtureRequest, lossy: Lossy) -> AsyncIterator[Call]:
    if request.param == "async":
        async with AsyncClient(lossy.url) as client:
            yield lambda name, *args, **kwargs: getattr(client, name)(*args, **kwargs)
    else:
        with Client(lossy.url) as sync:

            async def run(name: str, *args: Any, **kwargs: Any) -> Any:
                return getattr(sync, name)(*args, **kwargs)

            yield run


@pytest.fixture(autouse=True)
def no_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_retry, "_DELAYS", (0.0, 0.0, 0.0))


@contextlib.contextmanager
def sent_once(lossy: Lossy) -> Iterator[None]:
    """Loses the answer to the call, which must not be repeated."""
    before, lossy.lose = lossy.passed, 1
    with pytest.raises(errors.OutcomeUnknown):
        yield
    assert lossy.passed == before + 1


async def test_changes_with_a_condition(call: Call, lossy: Lossy, uid: Callable[[], str]) -> None:
    id_ = uid()
    with sent_once(lossy):
        await call("put_session", id_, "u-1", if_absent=True)
    made = await call("get_session", id_)
    with sent_once(lossy):
        await call("put_session", id_, "u-2", if_match=made["version"])
    put = await call("get_session", id_)
    assert put["user_id"] == "u-2"
    with sent_once(lossy):
        await call("end_session", id_, if_match=put["version"])
    ended = await call("get_session", id_)
    assert ended["status"] == "completed"
    with sent_once(lossy):
        await call("delete_session", id_, if_match=ended["version"])
    with pytest.raises(errors.SessionNotFoundError):
        await call("get_session", id_)


async def test_contexts(call: Call, lossy: Lossy, uid: Callable[[], str]) -> None:
    id_ = uid()
    await call("put_session", id_, "u")
    with sent_once(lossy):
        await call("put_context", id_, "first")
    with sent_once(lossy):
        await call("put_context", id_, "second", if_match=1)
    with sent_once(lossy):
        await call("share_context", id_, id_, 1)
    versions = await call("list_context_versions", id_)
    assert [version["version"] for version in versions] == [3, 2, 1]


async def test_changes_that_may_be_repeated(
    call: Call, lossy: Lossy, uid: Callable[[], str]
) -> None:
    id_ = uid()
    lossy.lose = 1
    await call("put_session", id_, "u")
    lossy.lose = 1
    made = await call("get_session", id_)
    lossy.lose = 1
    await call("update_session", id_, increment_requests=True, if_match=made["version"])
    lossy.lose = 1
    updated = await call("end_session", id_)
    assert (updated["metrics"]["request_count"], updated["status"]) == (1, "completed")
    lossy.lose = 1
    await call("delete_session", id_)
    assert (lossy.lose, lossy.passed) == (0, 10)


async def test_messages(call: Call, lossy: Lossy, uid: Callable[[], str]) -> None:
    id_ = uid()
    await call("put_session", id_, "u")
    lossy.lose = 1
    await call("add_message", id_, "user", 0)
    lossy.lose = 1
    given = [{"role": "user", "content": 1}, {"role": "user", "content": 2, "id": None}]
    receipts = await call("add_messages", id_, given)
    history = (await call("get_messages", id_))["messages"]
    assert [message["content"] for message in history] == [0, 1, 2]
    assert [message["id"] for message in history[1:]] == [receipt["id"] for receipt in receipts]
    assert given[1]["id"] is None
