"""SIGTERM while many operations wait for a slow disk."""

from __future__ import annotations

import http.client
import pathlib
import time
from typing import Any

import pytest
from conftest import Server
from dying import until
from preload import library
from wire import SANITIZED, Wire, gauge, message

pytestmark = pytest.mark.skipif(SANITIZED, reason="a sanitizer must be loaded first")

REQUESTS = 60  # at 0.3 s each (slow_sync.c)
PAIR = ("--fallback", "memory:", "--single-instance")


@pytest.fixture(scope="module")
def slow_disk(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    return library("slow_sync", tmp_path_factory.mktemp("slow"))


@pytest.fixture
def begin(own: Any, slow_disk: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Starts a server; its disk is slow while the file is there that comes with it."""
    slow = tmp_path / "slow"

    def start(*args: str) -> tuple[Server, pathlib.Path]:
        with monkeypatch.context() as preloading:
            preloading.setenv("SLOW_FILE", str(slow))
            preloading.setenv("LD_PRELOAD", str(slow_disk))
            return own(*args), slow

    return start


def send(server: Server, count: int) -> list[Wire]:
    wires = [Wire(server).send(message(f"/conversations/s{i}/messages?require_session=false",
                                       b'{"role": "u", "content": 1}')) for i in range(count)]
    until(lambda: gauge(server, "requests") > count / 2)
    return wires


def stop(server: Server) -> float:
    began = time.monotonic()
    assert server.stop() == 0
    return time.monotonic() - began


def was_done(wire: Wire) -> bool:
    try:
        return wire.answer().status == 201
    except (http.client.HTTPException, ConnectionError):
        return False


def check(server: Server, slow: pathlib.Path, done: list[int]) -> None:
    slow.unlink()
    server.start()
    for i in done:
        assert len(server.get(f"/conversations/s{i}/messages").json()["messages"]) == 1


@pytest.mark.parametrize("stay", [True, False], ids=["clients_wait", "clients_are_gone"])
@pytest.mark.parametrize("args", [(), PAIR], ids=["one", "pair"])
def test_what_has_not_begun_is_not_waited_for(begin: Any, args: tuple[str, ...], stay: bool) -> None:
    server, slow = begin("--drain-timeout", "1s", "--batch-max-ops", "1", *args)
    until(lambda: server.get("/health").json()["status"] == "healthy")
    slow.touch()
    wires = send(server, REQUESTS)
    if not stay:
        for wire in wires:
            wire.close(reset=True)
    assert stop(server) < 6
    done = [i for i, wire in enumerate(wires) if stay and was_done(wire)]
    assert len(done) < REQUESTS / 2
    check(server, slow, done)


def test_what_is_in_time_is_done_though_its_client_is_gone(begin: Any) -> None:
    server, slow = begin("--batch-max-ops", "1")
    slow.touch()
    for wire in send(server, 10):
        wire.close(reset=True)
    assert 1 < stop(server) < 10
    check(server, slow, list(range(10)))


def test_a_fill_is_not_waited_for(begin: Any, own: Any, tmp_path: pathlib.Path) -> None:
    """It goes on at the next start."""
    alone: Server = own()
    for k in range(3):
        sessions = [{"session_id": f"{k}-{i}", "user_id": "u"} for i in range(1000)]
        assert alone.post("/batch/sessions/create", {"sessions": sessions}).status == 200
    assert alone.stop() == 0
    server, slow = begin("--drain-timeout", "0", "--fallback", f"sqlite:{tmp_path}/fallback.db", "--single-instance")
    slow.touch()
    time.sleep(1)
    send(server, REQUESTS)
    assert stop(server) < 6
    check(server, slow, [])
    until(lambda: server.get("/health").json()["status"] == "healthy")
