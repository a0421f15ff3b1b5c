"""kill -9: nothing acknowledged is lost, nothing is doubled."""

from __future__ import annotations

import http.client
import random
import sqlite3
import threading
import time
from typing import Any

from conftest import Server

ROUNDS, CLIENTS = 4, 16


def write_until_dead(server: Server, client: int, round_: int, journal: dict[str, set[str]]) -> None:
    """Appends, counts and puts; notes each id once it is acknowledged."""
    conn, i = server.connect(), 0
    name = f"s{client}"
    while True:
        i += 1
        id_ = f"{round_}-{i}"
        try:
            kind = i % 3
            if kind == 0:
                answer = server.post(f"/conversations/{name}/messages",
                                     {"role": "u", "content": id_, "id": id_}, conn=conn)
                ok, where = answer.status == 201, "messages"
            elif kind == 1:
                answer = server.put(f"/checkpoints/{name}/{id_}", {"checkpoint_data": id_}, conn=conn)
                ok, where = answer.status == 201, "checkpoints"
            else:
                answer = server.patch(f"/sessions/{name}", {"increment_requests": True}, conn=conn,
                                      headers={"Idempotency-Key": id_})
                ok, where = answer.status == 200, "increments"
        except (OSError, http.client.HTTPException):
            journal["tried"].add(id_)
            return
        assert ok, answer.body
        journal[where].add(id_)


def test_kill(own: Any) -> None:
    server: Server = own()
    journals = [{"messages": set(), "checkpoints": set(), "increments": set(), "tried": set()}
                for _ in range(CLIENTS)]
    for c in range(CLIENTS):
        server.session(f"s{c}")
    for round_ in range(ROUNDS):
        threads = [threading.Thread(target=write_until_dead, args=(server, c, round_, journals[c]))
                   for c in range(CLIENTS)]
        for t in threads:
            t.start()
        time.sleep(random.uniform(0.2, 0.8))
        server.kill()
        for t in threads:
            t.join()
        server.start()
    for c, journal in enumerate(journals):
        name = f"s{c}"
        contents = [m["content"] for m in server.get(f"/conversations/{name}/messages?limit=0").json()["messages"]]
        assert len(contents) == len(set(contents)) and journal["messages"] <= set(contents)
        assert set(contents) <= journal["messages"] | journal["tried"]
        stored: set[str] = set()
        cursor = ""
        while True:
            page = server.get(f"/checkpoints?thread_id={name}&limit=1000{cursor}").json()
            stored |= {i["checkpoint_id"] for i in page["items"]}
            if page["next_cursor"] is None:
                break
            cursor = "&cursor=" + page["next_cursor"]
        assert journal["checkpoints"] <= stored <= journal["checkpoints"] | journal["tried"]
        count = server.get(f"/sessions/{name}").json()["metrics"]["request_count"]
        assert len(journal["increments"]) <= count <= len(journal["increments"] | journal["tried"])
    assert sum(len(j["messages"]) for j in journals) > CLIENTS
    server.stop()
    path = server.primary.removeprefix("sqlite:")
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
