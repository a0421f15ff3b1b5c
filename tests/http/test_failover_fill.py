"""A fallback is filled while clients write and remove: both stores end up the same, and all can be read."""

from __future__ import annotations

import base64
import contextlib
import random
import threading
import time
from typing import Any

from conftest import Server
from filling import must
from pairs import Pair, pairs, until_normal

THREADS, STEPS, KEPT = 60, 30, 2
BUSY, REMOVERS, ROUNDS = 2, 3, 100  # REMOVERS: threads of each client that removes
PAUSE = 0.05  # after each round, so that the copies of removals keep pace


pair = pairs("sqlite-postgres", "sqlite-redis", "postgres-sqlite")


def put(server: Server, thread: str, k: int, conn: Any) -> None:
    """Puts step k of a graph: a list that grows, and what never changes."""
    text = "".join(random.Random(f"{thread} {i}").choices("abcdefgh", k=100)[0] * 30 for i in range(k + 1))
    body: dict[str, Any] = {
        "checkpoint": {"id": f"c{k:04}", "channel_versions": {"list": k, "fixed": 1}, "text": text[:300]},
        "metadata": {"step": k, "run_id": f"{thread}-{k % 4}"},
        "values": [{"channel": "list", "version": k, "type": "t", "base64": base64.b64encode(text.encode()).decode()}],
    }
    if k == 0:
        body["values"].append({"channel": "fixed", "version": 1, "type": "t", "base64": "YQ=="})
    else:
        body["parent_checkpoint_id"] = f"c{k - 1:04}"
    must(server.put(f"/checkpoints/{thread}/c{k:04}", body, conn=conn))


class Remover(threading.Thread):
    """Goes on with threads of its own, and removes what came before."""

    def __init__(self, server: Server, threads: list[str]) -> None:
        super().__init__(daemon=True)
        self.server, self.threads = server, threads
        self.steps = dict.fromkeys(threads, STEPS)
        self.wrong: list[object] = []

    def work(self, thread: str, conn: Any) -> None:
        k = self.steps[thread]
        how = random.randrange(3)
        if how:
            put(self.server, thread, k, conn)
            self.steps[thread] = k + 1
        if how == 1:
            must(self.server.post("/maintenance/prune", {"thread_ids": [thread], "keep_last": KEPT}, conn=conn))
        elif how == 2:
            must(self.server.post("/maintenance/delete-runs", {"run_ids": [f"{thread}-{(k + 2) % 4}"]}, conn=conn))
        elif random.random() < 0.2:
            must(self.server.delete(f"/threads/{thread}", conn=conn))
            put(self.server, thread, 0, conn)
            self.steps[thread] = 1

    def run(self) -> None:
        try:
            with contextlib.closing(self.server.connect()) as conn:
                for _ in range(ROUNDS):
                    self.work(random.choice(self.threads), conn)
                    time.sleep(PAUSE)
        except BaseException as e:
            self.wrong.append(e)


def contents(server: Server, threads: list[str]) -> dict[str, Any]:
    found = {}
    for thread in threads:
        for item in must(server.get(f"/checkpoints?thread_id={thread}&limit=1000")).json()["items"]:
            path = f"/checkpoints/{thread}/{item['checkpoint_id']}"
            found[path] = must(server.get(path)).json()
    return found


def test_a_fallback_is_filled_while_checkpoints_go(pair: Pair, own: Any) -> None:
    threads = [f"t{i:02}" for i in range(THREADS)]
    server: Server = own(primary=pair.urls[0])
    with contextlib.closing(server.connect()) as conn:
        for thread in threads:
            for k in range(STEPS):
                put(server, thread, k, conn)
    assert server.stop() == 0
    server = own(*pair.args(), primary=pair.urls[0], start=False)
    server.start()
    removers = [Remover(server, threads[i * BUSY:(i + 1) * BUSY]) for i in range(REMOVERS)]
    for remover in removers:
        remover.start()
    for remover in removers:
        remover.join()
        assert not remover.wrong, remover.wrong
    until_normal(server)
    here = contents(server, threads)
    assert here and server.stop() == 0
    pair.verify()
    fallback: Server = own(primary=pair.urls[1])
    assert contents(fallback, threads) == here
    assert fallback.stop() == 0
