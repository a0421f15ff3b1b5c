"""Clients that record what was acknowledged while the store below the service dies under them."""

from __future__ import annotations

import http.client
import random
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import stores
from conftest import Answer, Server

CLIENTS = 8
HOT = "hot"


def until(done: Callable[[], bool]) -> None:
    for _ in range(1200):
        if done():
            return
        time.sleep(0.05)
    raise AssertionError("it never was")


class Client(threading.Thread):
    """Appends, counts and puts. What is in doubt or was not done it sends again, unchanged."""

    def __init__(self, server: Server, id_: str, ending: threading.Event, mortal: bool) -> None:
        super().__init__(daemon=True)  # ends with a test that fails
        self.server, self.id, self.ending = server, id_, ending
        self.mortal = mortal  # the service may die too: what is refused or broken off is sent again
        self.done: list[str] = []  # each was acknowledged thrice: message, count, checkpoint
        self.failed = 0
        self.wrong: list[bytes] = []

    def send(self, method: str, path: str, body: Any, **headers: str) -> None:
        while True:
            try:
                answer = self.server.call(method, path, body, headers=headers)
            except (OSError, http.client.HTTPException):
                if not self.mortal:
                    raise
                self.failed += 1
                time.sleep(0.05)
                continue
            if answer.status < 300:
                return
            if answer.status not in (503, 504) or (answer.status == 503 and not answer.headers["Retry-After"]):
                self.wrong.append(answer.body)
                return
            self.failed += 1
            time.sleep(0.02)

    def run(self) -> None:
        while not self.ending.is_set() and not self.wrong:
            name = f"{self.id}-{len(self.done)}"
            self.send("POST", f"/conversations/{self.id}/messages", {"role": "user", "content": name, "id": name})
            for session in (self.id, HOT):
                self.send("PATCH", f"/sessions/{session}", {"increment_requests": True}, **{"Idempotency-Key": name})
            self.send("PUT", f"/checkpoints/{self.id}/{name}", {"checkpoint_data": name})
            self.done.append(name)

    def check(self) -> None:
        """All that was acknowledged is there, once, in order."""
        assert not self.wrong, self.wrong
        messages = self.server.get(f"/conversations/{self.id}/messages?limit=0").json()["messages"]
        assert [m["content"] for m in messages] == self.done
        assert all(a["seq"] < b["seq"] for a, b in zip(messages, messages[1:], strict=False))
        count = counted(self.server, self.id)
        assert count == len(self.done), (self.id, count, len(self.done))
        assert checkpoints(self.server, self.id) == self.done


def counted(server: Server, session: str) -> int:
    return int(server.get(f"/sessions/{session}").json()["metrics"]["request_count"])


def checkpoints(server: Server, thread: str) -> list[str]:
    """The ids of a thread's checkpoints, oldest first."""
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = server.get(f"/checkpoints?thread_id={thread}&limit=1000{cursor}").json()
        assert all(item["checkpoint_data"] == item["checkpoint_id"] for item in page["items"])
        found += [item["checkpoint_id"] for item in page["items"]]
        cursor = page["next_cursor"] and "&cursor=" + page["next_cursor"]
    return found[::-1]


class Load:
    """Clients at work on one service, or on several that share a store."""

    def __init__(self, *servers: Server, mortal: bool = False, clients: int = CLIENTS) -> None:
        self.servers = servers
        self.processes = [server.process for server in servers]
        self.ending = threading.Event()
        self.clients = [Client(servers[i % len(servers)], f"client{i}", self.ending, mortal)
                        for i in range(clients)]
        for session in (HOT, *(client.id for client in self.clients)):
            servers[0].session(session)
        for client in self.clients:
            client.start()

    @property
    def failed(self) -> int:
        return sum(client.failed for client in self.clients)

    @property
    def acknowledged(self) -> int:
        return 4 * sum(len(client.done) for client in self.clients)

    def more(self) -> None:
        """Waits until each client has got something through."""
        before = [len(client.done) for client in self.clients]
        until(lambda: all(client.wrong or len(client.done) > n
                          for client, n in zip(self.clients, before, strict=True)))

    def end(self) -> None:
        """Ends the clients: nothing that was answered is lost, nothing is there twice, no service has ended."""
        self.ending.set()
        for client in self.clients:
            client.join()
        for client in self.clients:
            client.check()
        assert counted(self.servers[-1], HOT) == sum(len(client.done) for client in self.clients)
        for server, process in zip(self.servers, self.processes, strict=True):
            assert server.process is process and process and process.poll() is None


def kill(store: stores.Postgres | stores.Redis) -> None:
    store.kill()
    store.start()


def hang(load: Load, store: stores.Postgres | stores.Redis) -> None:
    """Stops the store until the clients notice."""
    failed = load.failed
    store.signal(signal.SIGSTOP)
    until(lambda: load.failed > failed)
    store.signal(signal.SIGCONT)


def deaths(load: Load, store: stores.Postgres | stores.Redis, kills: int, hangs: int,
           tell: Callable[[int], None] = lambda done: None) -> None:
    """Kills and hangs in random order, each after all clients have got through again."""
    order = [True] * kills + [False] * hangs
    random.shuffle(order)
    for done, killed in enumerate(order, 1):
        load.more()
        time.sleep(random.uniform(0, 0.1))
        if killed:
            kill(store)
        else:
            hang(load, store)
        tell(done)
    load.more()


def refused(answer: Answer, *words: str) -> None:
    """The store cannot be used: nothing was done, and the answer says when to come back."""
    assert answer.status == 503 and answer.code == "storage_unavailable", answer.body
    assert answer.headers["Retry-After"]
    for word in words:
        assert word in answer.json()["detail"], answer.body
