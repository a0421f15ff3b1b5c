"""Faults of the Python storage layer that this service replaces: none may happen here."""

from __future__ import annotations

import threading
import time
from typing import Any

from conftest import Server


def test_500_concurrent_appends_are_all_stored(server: Server, uid: str) -> None:
    """It acknowledged appends in process memory when its store failed: 20 of 500 were stored."""
    server.session(uid)
    bad: list[Any] = []

    def run(k: int) -> None:
        conn = server.connect()
        for i in range(25):
            answer = server.post(f"/conversations/{uid}/messages", {"role": "u", "content": [k, i]}, conn=conn)
            if answer.status != 201:
                bad.append(answer)

    threads = [threading.Thread(target=run, args=(k,)) for k in range(20)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    got = [m["content"] for m in server.get(f"/conversations/{uid}/messages?limit=0").json()["messages"]]
    assert not bad and len(got) == 500
    for k in range(20):
        assert [i for j, i in got if j == k] == list(range(25))


def test_each_session_expires_by_itself(fresh: Any) -> None:
    """It set one time to live on a hash that all sessions shared: any write kept all of them alive."""
    server: Server = fresh("--session-ttl", "2s")
    server.session("idle")
    for _ in range(6):
        time.sleep(0.5)
        server.session("busy")
        server.patch("/sessions/busy", {})
    assert server.get("/sessions/idle").status == 404
    assert server.get("/sessions/busy").status == 200


def test_context_is_kept_whole(server: Server, uid: str) -> None:
    """It lost half of a task context, and storing one always returned False."""
    server.session(uid)
    context = {"user_id": uid, "chat_id": "c", "metadata": {"a": [1, 2.5, None]}, "task_dir": "/tmp/x",
               "file_changes": [{"path": "a", "operation": "write"}], "model": {"deep": {"er": True}}}
    assert server.put(f"/sessions/{uid}/context", {"context": context}).json() == {"version": 1}
    assert server.get(f"/sessions/{uid}/context").json()["context"] == context


def test_sessions_are_read_by_key_among_many(fresh: Any) -> None:
    """It read a whole hash, so one session cost more the more there were."""
    server: Server = fresh()
    for start in range(0, 10000, 1000):
        body = {"sessions": [{"session_id": f"s{start + i}", "user_id": f"u{i % 7}"} for i in range(1000)]}
        assert server.post("/batch/sessions/create", body).status == 200
    assert server.get("/sessions/s9999").json()["user_id"] == "u5"
    page = server.get("/sessions?user_id=u3&limit=1000").json()
    assert len(page["items"]) == 1000 and page["next_cursor"]
    assert server.get("/stats?fresh=true").json()["total_sessions"] == 10000
