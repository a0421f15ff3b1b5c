"""A Redis that dies, hangs, refuses: what clients see, and that the service goes on by itself."""

from __future__ import annotations

import pathlib
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import stores
from conftest import Answer, Server

DEATHS = 15


@pytest.fixture
def redis() -> Iterator[stores.Redis]:
    with stores.redis() as server:
        yield server


def put(s: Server, id_: str) -> Answer:
    return s.put(f"/sessions/{id_}", {"user_id": "u"})


def until(s: Server, id_: str) -> None:
    """Tries until a write succeeds."""
    for _ in range(500):
        if put(s, id_).status in (200, 201):
            return
        time.sleep(0.02)
    raise AssertionError("the service did not recover: " + s.log()[-2000:])


def refused(answer: Answer, *words: str) -> None:
    assert answer.status == 503 and answer.code == "storage_unavailable", answer.body
    assert answer.headers["Retry-After"]
    for word in words:
        assert word in answer.json()["detail"], answer.body


def test_killed_and_back(redis: stores.Redis, own: Any) -> None:
    s = own(primary=redis.url())
    assert put(s, "a").status == 201
    redis.signal(signal.SIGKILL)
    refused(put(s, "b"))
    assert s.get("/health/live").status == 200
    redis.start()
    until(s, "c")
    assert s.get("/sessions/a").status == 200
    assert s.process.poll() is None


def test_a_restart_between_requests_is_not_seen(redis: stores.Redis, own: Any) -> None:
    """Scripts are forgotten by it as well."""
    s = own(primary=redis.url())
    assert put(s, "a").status == 201
    redis.signal(signal.SIGKILL)
    redis.start()
    assert put(s, "b").status in (201, 503)
    until(s, "b")
    redis.answers("SCRIPT", "FLUSH")
    assert put(s, "c").status == 201


def test_hangs(redis: stores.Redis, own: Any) -> None:
    s = own("--store-timeout", "300ms", primary=redis.url())
    assert put(s, "a").status == 201
    redis.signal(signal.SIGSTOP)
    try:
        first = put(s, "b")
        assert first.status in (503, 504), first.body
        for _ in range(3):
            assert s.get("/sessions/a").status == 503
        assert s.get("/health/live").status == 200
    finally:
        redis.signal(signal.SIGCONT)
    until(s, "b")


def test_read_only(redis: stores.Redis, own: Any) -> None:
    s = own(primary=redis.url())
    assert put(s, "a").status == 201
    redis.answers("REPLICAOF", "127.0.0.1", "1")
    refused(put(s, "b"), "read-only replica")
    assert s.get("/sessions/a").status in (200, 503)
    redis.answers("REPLICAOF", "NO", "ONE")
    until(s, "b")


def test_memory_is_full(redis: stores.Redis, own: Any) -> None:
    s = own(primary=redis.url())
    assert put(s, "a").status == 201
    redis.answers("CONFIG", "SET", "maxmemory", "1")
    refused(put(s, "b"), "maxmemory")
    assert s.get("/sessions/a").status == 200
    redis.answers("CONFIG", "SET", "maxmemory", "0")
    assert put(s, "b").status == 201


def test_password_changes(redis: stores.Redis, own: Any) -> None:
    s = own(primary=redis.url())
    assert put(s, "a").status == 201
    redis.answers("CONFIG", "SET", "requirepass", "geheim")
    redis.password = "geheim"
    redis.answers("CLIENT", "KILL", "TYPE", "normal")
    refused(put(s, "b"), "password")
    redis.answers("CONFIG", "SET", "requirepass", "")
    redis.password = ""
    until(s, "b")


def test_wrong_password(own: Any) -> None:
    with stores.redis() as server:
        server.answers("CONFIG", "SET", "requirepass", "richtig")
        s = own(primary=f"redis://:falsch@127.0.0.1:{server.port}/0", start=False)
        s.start(wait=False)
        assert s.process.wait(10) != 0
        assert "password" in s.log() and "falsch" not in s.log()
        server.password = "richtig"


@pytest.mark.parametrize(("url", "words"), [
    ("rediss://127.0.0.1:1/0", "TLS"),
    ("redis://127.0.0.1:x/0", "redis://"),
])
def test_wrong_url(own: Any, url: str, words: str) -> None:
    s = own(primary=url, start=False)
    s.start(wait=False)
    assert s.process.wait(10) != 0
    assert words in s.log()


def test_nobody_is_there_at_start(tmp_path: pathlib.Path, own: Any) -> None:
    server = stores.Redis(tmp_path / "redis")
    s = own(primary=server.url(), start=False).start(wait=False)
    for _ in range(200):
        try:
            if s.get("/health/live").status == 200:
                break
        except OSError:
            time.sleep(0.02)
    refused(put(s, "a"))
    server.start()
    try:
        until(s, "a")
    finally:
        server.stop()


def test_socket_and_database(redis: stores.Redis, own: Any) -> None:
    s = own(primary=f"unix:{redis.folder}/sock?db=3")
    assert put(s, "a").status == 201
    assert redis.answers("DBSIZE") == b":0\r\n"


def test_two_instances(redis: stores.Redis, own: Any) -> None:
    """Each has a number of its own; increments over both count."""
    a, b = own(primary=redis.url()), own(primary=redis.url())
    assert put(a, "s").status == 201
    for _ in range(50):
        for s in (a, b):
            assert s.patch("/sessions/s", {"increment_requests": True}).status == 200
    assert b.get("/sessions/s").json()["metrics"]["request_count"] == 100
    assert redis.answers("EVAL", "return #redis.call('keys', 'aiecs:node:*')", "0") == b":2\r\n"


class Client(threading.Thread):
    """Appends and counts on one session, and keeps a journal of what was answered."""

    def __init__(self, server: Server, id_: str, end: threading.Event) -> None:
        super().__init__()
        self.server, self.id, self.end = server, id_, end
        self.sent: list[str] = []
        self.acknowledged: list[str] = []
        self.counted = 0
        self.wrong: list[bytes] = []

    def repeat(self, method: str, path: str, body: Any, headers: dict[str, str]) -> None:
        """Until it is answered: each request may be repeated."""
        while True:
            answer = self.server.call(method, path, body, headers=headers)
            if answer.status < 300:
                return
            if answer.status not in (503, 504):
                self.wrong.append(answer.body)
                return
            time.sleep(0.01)

    def run(self) -> None:
        while not self.end.is_set():
            message = f"{self.id}-{len(self.sent)}"
            self.sent.append(message)
            self.repeat("POST", f"/conversations/{self.id}/messages",
                        {"role": "user", "content": message, "id": message}, {})
            self.acknowledged.append(message)
            self.repeat("PATCH", f"/sessions/{self.id}", {"increment_requests": True},
                        {"Idempotency-Key": message})
            self.counted += 1


def test_deaths_under_load(redis: stores.Redis, own: Any) -> None:
    """What was answered is there, once, in order, whatever became of the Redis meanwhile."""
    s = own("--store-timeout", "300ms", primary=redis.url())
    end = threading.Event()
    clients = [Client(s, f"s{i}", end) for i in range(4)]
    for client in clients:
        assert put(s, client.id).status == 201
        client.start()
    for round_ in range(DEATHS):
        time.sleep(0.1)
        if round_ % 3 == 2:
            redis.signal(signal.SIGSTOP)
            time.sleep(0.5)
            redis.signal(signal.SIGCONT)
        else:
            redis.signal(signal.SIGKILL)
            redis.start()
    end.set()
    for client in clients:
        client.join()
        assert not client.wrong
        got = s.get(f"/conversations/{client.id}/messages?limit=0").json()["messages"]
        assert [m["content"] for m in got] == client.acknowledged == client.sent
        metrics = s.get(f"/sessions/{client.id}").json()["metrics"]
        assert metrics["request_count"] == client.counted
    assert s.process.poll() is None
