"""Fills a store with everything: sessions in every state, conversations, contexts, threads of both forms."""

from __future__ import annotations

import base64
from typing import Any

from conftest import Server

AT_ONCE = 250  # sessions or messages in one request
STEPS = 12     # checkpoints of a thread


def must(answer: Any) -> Any:
    assert answer.status in (200, 201, 204), answer.body
    return answer


def fill_sessions(server: Server, sessions: int, messages: int) -> None:
    conn = server.connect()
    ids = [f"s:{k}" for k in range(sessions)]
    for at in range(0, sessions, AT_ONCE):
        batch = [{"session_id": id_, "user_id": f"u{hash(id_) % 7}", "metadata": {"é": [1e3, id_]}}
                 for id_ in ids[at:at + AT_ONCE]]
        must(server.post("/batch/sessions/create", {"sessions": batch}, conn=conn))
    each = max(1, messages // sessions)
    for id_ in ids:
        batch = [{"role": "user", "content": f"{id_} says {k} \0 <ü>"} for k in range(each)]
        must(server.post(f"/conversations/{id_}/messages", {"messages": batch}, conn=conn))
    for k, id_ in enumerate(ids[::10]):
        context = '{"n": 1e400,\n "k": [2]}' if k % 2 else f'{{"k": {k}}}'
        must(server.put(f"/sessions/{id_}/context", raw=f'{{"context": {context}}}',
                        headers={"Content-Type": "application/json"}, conn=conn))
        must(server.patch(f"/sessions/{id_}", {"increment_requests": True, "add_processing_time": 0.1}, conn=conn))
        must(server.post(f"/sessions/{id_}/end", {"status": "done"}, conn=conn))
    for id_ in ids[5::50]:
        must(server.delete(f"/sessions/{id_}", conn=conn))
    must(server.post("/conversations/loose/messages?require_session=false",
                     {"role": "u", "content": {"deep": [None, True]}}, conn=conn))


def fill_thread(server: Server, thread: str, steps: int, conn: Any) -> None:
    parent = None
    for k in range(steps):
        value = base64.b64encode(b"text " * k * 20).decode()
        body = {"checkpoint": {"channel_versions": {"messages": k, "fixed": 1}}, "metadata": {"step": k, "run_id": "r"},
                "values": [{"channel": "messages", "version": k, "type": "msgpack", "base64": value}]}
        if k == 0:
            body["values"].append({"channel": "fixed", "version": 1, "type": "t", "base64": "YQ=="})
        if parent:
            body["parent_checkpoint_id"] = parent
        parent = f"c{k:04}"
        must(server.put(f"/checkpoints/{thread}/{parent}", body, conn=conn))
        must(server.put(f"/writes/{thread}/{parent}/task", {"writes": [
            {"idx": 0, "channel": "messages", "type": "t", "base64": "d3JpdGU="}]}, conn=conn))


def fill(server: Server, sessions: int, messages: int, threads: int) -> None:
    fill_sessions(server, sessions, messages)
    conn = server.connect()
    for k in range(threads):
        fill_thread(server, f"t{k}", STEPS, conn)
        must(server.put(f"/checkpoints/t{k}/d1?ns=doc", {"checkpoint_data": {"k": k}}, conn=conn))
    must(server.delete("/threads/t0", conn=conn))
    must(server.put("/checkpoints/t1/c0003", {"checkpoint": {"channel_versions": {}}, "metadata": {},
                                             "values": []}, conn=conn))
