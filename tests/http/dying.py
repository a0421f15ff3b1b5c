"""Clients that record what was acknowledged while the store below the service dies under them."""

from __future__ import annotations

import base64
import contextlib
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
MORE = 4  # rounds of a client with one step of a graph, and one session and one thread that are deleted


def until(done: Callable[[], bool]) -> None:
    for _ in range(1200):
        if done():
            return
        time.sleep(0.05)
    raise AssertionError("it never was")


class Client(threading.Thread):
    """Appends, counts and puts, at times also a step of a graph, and what is deleted at once. What is in doubt or
    was not done it sends again, unchanged; but not all deletions that are in doubt."""

    def __init__(self, server: Server, id_: str, ending: threading.Event, mortal: bool) -> None:
        super().__init__(daemon=True)  # ends with a test that fails
        self.server, self.id, self.ending = server, id_, ending
        self.mortal = mortal  # the service may die too: what is refused or broken off is sent again
        self.done: list[str] = []  # each was acknowledged four times: message, two counts, checkpoint
        self.steps = 0  # of the graph, each with values, a write and a context
        self.removed: list[str] = []  # sessions and threads whose deletion was acknowledged
        self.doubted: list[str] = []
        self.acknowledged = self.failed = 0
        self.wrong: list[bytes] = []

    def once(self, method: str, path: str, body: Any = None, **headers: str) -> int:
        """The status. A connection that breaks leaves in doubt what was asked; one that is refused does not."""
        try:
            answer = self.server.call(method, path, body, headers=headers)
        except (OSError, http.client.HTTPException) as e:
            if not self.mortal:
                raise
            self.failed += 1
            time.sleep(0.05)
            return 503 if isinstance(e, ConnectionRefusedError) else 504
        if answer.status < 300:
            self.acknowledged += 1
        elif answer.status not in (503, 504) or (answer.status == 503 and not answer.headers["Retry-After"]):
            self.wrong.append(answer.body)
        else:
            self.failed += 1
            time.sleep(0.02)
        return answer.status

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> None:
        while self.once(method, path, body, **headers) >= 300 and not self.wrong:
            pass

    def remove(self, path: str) -> None:
        while (status := self.once("DELETE", path)) >= 300 and not self.wrong:
            if status == 504 and random.random() < 0.5:
                self.doubted.append(path)
                return
        self.removed.append(path)

    def run(self) -> None:
        while not self.ending.is_set() and not self.wrong:
            name = f"{self.id}-{len(self.done)}"
            self.send("POST", f"/conversations/{self.id}/messages", {"role": "user", "content": name, "id": name})
            for session in (self.id, HOT):
                self.send("PATCH", f"/sessions/{session}", {"increment_requests": True}, **{"Idempotency-Key": name})
            self.send("PUT", f"/checkpoints/{self.id}/{name}", {"checkpoint_data": name})
            if len(self.done) % MORE == 0:
                self.step()
            if len(self.done) % MORE == MORE // 2:
                self.come_and_go(name)
            self.done.append(name)

    def step(self) -> None:
        k, thread = self.steps, self.id + "-graph"
        self.send("PUT", f"/checkpoints/{thread}/c{k:06}", {
            "checkpoint": {"channel_versions": {"list": k, "fixed": 0}}, "metadata": {"step": k},
            "values": [value for value in self.values(k) if value["version"] == k]})
        self.send("PUT", f"/writes/{thread}/c{k:06}/task", {"writes": [self.write(k)]})
        self.send("PUT", f"/sessions/{self.id}/context", {"context": {"step": k}})
        self.steps += 1

    def values(self, k: int) -> list[dict[str, Any]]:
        """What step k refers to: a list that grows, and what came with the first step."""
        text = " ".join(f"{self.id} says {i}." for i in range(max(0, k - 30), k + 1))
        return [{"channel": channel, "version": version, "type": "t", "base64": base64.b64encode(data).decode()}
                for channel, version, data in (("list", k, text.encode()), ("fixed", 0, self.id.encode()))]

    def write(self, k: int) -> dict[str, Any]:
        return {"idx": 0, "channel": "list", "type": "t", "base64": base64.b64encode(b"%d" % k).decode()}

    def come_and_go(self, name: str) -> None:
        self.send("PUT", f"/sessions/{name}", {"user_id": self.id})
        self.send("POST", f"/conversations/{name}/messages", {"role": "user", "content": name, "id": name})
        self.remove(f"/sessions/{name}")
        self.send("PUT", f"/checkpoints/{name}/c", {
            "checkpoint": {"channel_versions": {"list": 0, "fixed": 0}}, "values": self.values(0)})
        self.send("PUT", f"/writes/{name}/c/task", {"writes": [self.write(0)]})
        self.remove(f"/threads/{name}")

    def check(self, server: Server) -> None:
        """All that was acknowledged is there, once, in order; and what was deleted is not."""
        assert not self.wrong, self.wrong
        messages = server.get(f"/conversations/{self.id}/messages?limit=0").json()["messages"]
        assert [m["content"] for m in messages] == self.done
        assert all(a["seq"] < b["seq"] for a, b in zip(messages, messages[1:], strict=False))
        count = counted(server, self.id)
        assert count == len(self.done), (self.id, count, len(self.done))
        found = [item for item, _ in listed(server, self.id)]
        assert all(item["checkpoint_data"] == item["checkpoint_id"] for item in found)
        assert [item["checkpoint_id"] for item in found] == self.done
        self.check_graph(server)
        self.check_removed(server)

    def check_graph(self, server: Server) -> None:
        found = listed(server, self.id + "-graph")
        assert [item["checkpoint_id"] for item, _ in found] == [f"c{k:06}" for k in range(self.steps)]
        for k, (item, values) in enumerate(found):
            got = [values[i] for i in item["values"]]
            assert sorted(got, key=lambda value: str(value["channel"]), reverse=True) == self.values(k), (self.id, k)
            assert item["writes"] == [{"task_id": "task", "task_path": "", **self.write(k)}], (self.id, k)
        context = server.get(f"/sessions/{self.id}/context")
        assert not self.steps or context.json()["context"] == {"step": self.steps - 1}, (self.id, context.body)

    def check_removed(self, server: Server) -> None:
        """Of a deletion in doubt all was made or nothing."""
        with contextlib.closing(server.connect()) as conn:
            for path, may_stay in [*((p, False) for p in self.removed), *((p, True) for p in self.doubted)]:
                _, kind, id_ = path.split("/")
                there = server.get(path, conn=conn).status
                rest, member = ((f"/conversations/{id_}/messages", "messages") if kind == "sessions" else
                                (f"/writes/{id_}/c", "writes"))
                left = len(server.get(rest, conn=conn).json()[member])
                assert (there, left) == (404, 0) or (may_stay and (there, left) == (200, 1)), (path, there, left)


def counted(server: Server, session: str) -> int:
    return int(server.get(f"/sessions/{session}").json()["metrics"]["request_count"])


def listed(server: Server, thread: str) -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """A thread's checkpoints, oldest first, each with the values of its page."""
    found: list[tuple[dict[str, Any], list[dict[str, Any]]]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = server.get(f"/checkpoints?thread_id={thread}&limit=1000&values=true{cursor}").json()
        found += [(item, page["values"]) for item in page["items"]]
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
        return sum(client.acknowledged for client in self.clients)

    def more(self) -> None:
        """Waits until each client has got something through."""
        before = [len(client.done) for client in self.clients]
        until(lambda: all(client.wrong or len(client.done) > n
                          for client, n in zip(self.clients, before, strict=True)))

    def rest(self) -> None:
        """Ends the clients."""
        self.ending.set()
        for client in self.clients:
            client.join()

    def check(self, server: Server) -> None:
        """Nothing that was answered is lost, nothing is there twice, nothing that was deleted is there."""
        for client in self.clients:
            client.check(server)
        count, done = counted(server, HOT), sum(len(client.done) for client in self.clients)
        assert count == done, (HOT, count, done)

    def end(self) -> None:
        """The same at the end, and no service has ended."""
        self.rest()
        for server, process in zip(self.servers, self.processes, strict=True):
            self.check(server)
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
