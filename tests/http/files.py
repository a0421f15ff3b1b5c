"""Files of SQLite whose bytes change, and what is answered from them."""

from __future__ import annotations

import pathlib
from typing import Any

from conftest import Server


def flip(path: pathlib.Path, at: int) -> None:
    with open(path, "r+b") as f:
        f.seek(at)
        byte = f.read(1)[0]
        f.seek(at)
        f.write(bytes([byte ^ 0xff]))


SESSIONS = 40


def known_answers(server: Server) -> dict[str, bytes]:
    """Makes a store of many pages. Returns what its records read as."""
    for k in range(SESSIONS):
        server.session(f"s{k}", text=f"{k}" * 50)
        messages = [{"role": "u", "content": f"{k}-{i} " + "y" * 300} for i in range(40)]
        assert server.post(f"/conversations/s{k}/messages", {"messages": messages}).status == 201
        assert server.put(f"/checkpoints/s{k}/1", {"checkpoint_data": f"{k}" * 5000}).status == 201
        assert server.put(f"/sessions/s{k}/context", {"context": f"{k}" * 9000}).status == 200
    return ask(server)


def ask(server: Server) -> dict[str, Any]:
    paths = [p.format(k=k) for k in range(SESSIONS)
             for p in ("/sessions/s{k}", "/conversations/s{k}/messages?limit=1000", "/checkpoints/s{k}/1",
                       "/sessions/s{k}/context")]
    paths += ["/sessions?limit=100", "/threads", "/sessions/none", "/conversations/none/messages"]
    answers: dict[str, Any] = {}
    for path in paths:
        answer = server.get(path)
        if answer.status in (200, 404):
            answers[path] = answer.body if answer.status == 200 else answer.code
        else:
            assert (answer.status, answer.code) == (500, "storage_error"), (path, answer.body)
            answers[path] = None
    return answers


def refused(server: Server) -> str:
    """The last words of a server that does not start."""
    server.start(wait=False)
    assert server.process
    assert server.process.wait(30) == 1, server.log()
    return server.log()
