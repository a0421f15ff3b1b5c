"""Ids of any kind, in paths and bodies, are never mixed up."""

from __future__ import annotations

import base64

import pytest
from conftest import Server, seg

IDS = ["a/b", "50%", "a:b", "}", "{x}", "two words", "😀", ".", "..", "batch", "latest", "query", "~", "~x",
       "+", "a+b", "?", "#", "a&b=c", "%2F", "\\", '"', "'; DROP TABLE session; --", "x" * 512, "é" * 256,
       "a\u200b", "\ufeff", "null", "0"]


def tilde(id_: str) -> str:
    return "~" + base64.urlsafe_b64encode(id_.encode()).decode().rstrip("=")


@pytest.mark.parametrize("form", [seg, tilde], ids=["percent", "base64"])
@pytest.mark.parametrize("id_", IDS, ids=range(len(IDS)))
def test_session(server: Server, uid: str, id_: str, form: object) -> None:
    if form is seg and (id_ in (".", "..") or id_.startswith("~")):
        form = tilde  # clients write these so: proxies collapse dots, and '~' has a meaning
    path = form(id_)  # type: ignore[operator]
    assert server.put(f"/sessions/{path}", {"user_id": id_}).status in (200, 201)
    got = server.get(f"/sessions/{path}").json()
    assert got["session_id"] == id_ and got["user_id"] == id_
    assert server.post(f"/conversations/{path}/messages", {"role": "user", "content": 1}).status == 201
    assert server.get(f"/sessions/{tilde(id_)}").json()["session_id"] == id_
    assert server.delete(f"/sessions/{path}").status == 204
    assert server.get(f"/sessions/{path}").status == 404


@pytest.mark.parametrize("id_", IDS, ids=range(len(IDS)))
def test_checkpoint(server: Server, uid: str, id_: str) -> None:
    t, c = tilde(id_ if len(id_) > 200 else uid + id_), tilde(id_)
    ns = seg(id_)
    assert server.put(f"/checkpoints/{t}/{c}?ns={ns}", {"checkpoint_data": id_}).status == 201
    assert server.put(f"/writes/{t}/{c}/{tilde(id_)}?ns={ns}",
                      {"writes": [{"channel": id_, "value": id_}]}).status == 201
    got = server.get(f"/checkpoints/{t}/{c}?ns={ns}").json()
    assert got["checkpoint_id"] == id_ and got["ns"] == id_ and got["checkpoint_data"] == id_
    assert got["writes"] == [{"task_id": id_, "task_path": "", "idx": 0, "channel": id_, "value": id_}]
    assert server.get(f"/threads/{t}/latest?ns={ns}").json()["checkpoint_id"] == id_
    assert server.delete(f"/threads/{t}").status == 204


def test_long_namespace(server: Server, uid: str) -> None:
    """With the longest ids, each byte percent-encoded, it fits into a head."""
    t, c, ns = (uid + "é" * 256)[:256], "é" * 256, "é" * 1024
    at, query = f"{seg(t)}/{seg(c)}", f"?ns={seg(ns)}"
    put = {"checkpoint": {"channel_versions": {"a": "1"}}, "metadata": {},
           "values": [{"channel": "a", "version": "1", "type": "x", "base64": "AA=="}]}
    assert server.put(f"/checkpoints/{at}{query}", put).status == 201
    writes = {"writes": [{"idx": 0, "channel": "a", "type": "x", "base64": "AA=="}]}
    assert server.put(f"/writes/{at}/{seg(c)}{query}", writes).status == 201
    assert server.put(f"/checkpoints/{seg(t)}/{seg(c[1:])}{query}", put).status == 201
    page = server.get(f"/checkpoints{query}&thread_id={seg(t)}&limit=1").json()
    page = server.get(f"/checkpoints{query}&thread_id={seg(t)}&cursor={page['next_cursor']}").json()
    assert [(item["ns"], item["checkpoint_id"]) for item in page["items"]] == [(ns, c[1:])]
    assert server.get(f"/threads/{seg(t)}").json()["namespaces"] == [ns]
    refused = server.put(f"/checkpoints/{at}{query}x", put).json()
    assert refused["errors"] == [{"pointer": "?ns", "detail": "must be at most 2048 bytes long"}]
    assert server.delete(f"/threads/{seg(t)}").status == 204


def test_neighbours(server: Server, uid: str) -> None:
    """'t' does not see 't:x', 't/x', 't%3Ax', 'T' or 't '."""
    others = [uid + x for x in (":x", "/x", "%3Ax", " ", "\u0301")] + [uid.upper()]
    for id_ in [uid, *others]:
        assert server.put(f"/checkpoints/{seg(id_)}/c", {"checkpoint_data": id_}).status == 201
        server.session(id_)
        server.post(f"/conversations/{seg(id_)}/messages", {"role": "user", "content": id_})
    assert server.delete(f"/threads/{uid}").status == 204
    assert server.delete(f"/sessions/{uid}").status == 204
    for id_ in others:
        assert server.get(f"/threads/{seg(id_)}/latest").json()["checkpoint_data"] == id_
        items = server.get(f"/conversations/{seg(id_)}/messages").json()["messages"]
        assert [m["content"] for m in items] == [id_]


@pytest.mark.parametrize("path", [
    "/sessions/%00", "/sessions/%0a", "/sessions/%7F", "/sessions/%C2%80", "/sessions/%zz", "/sessions/%4",
    "/sessions/%ff", "/sessions/%ed%a0%80", "/sessions/" + "x" * 513, "/sessions/~", "/sessions/~!",
    "/sessions/~YQ==", "/sessions/~YR",
])
def test_bad_segment(server: Server, path: str) -> None:
    answer = server.get(path)
    assert answer.status == 400 and answer.code == "invalid_request", answer.body


@pytest.mark.parametrize("id_", ["", "\u0000", "a\nb", "\x7f", "\u0085", "x" * 513, 5, None, ["a"]],
                         ids=range(9))
def test_bad_id_in_body(server: Server, id_: object) -> None:
    answer = server.post("/batch/sessions/get", {"session_ids": [id_]})
    assert answer.status == 400 and answer.code == "invalid_request"
    assert answer.pointers == ["/session_ids/0"]


def test_lone_surrogate_in_id(server: Server) -> None:
    answer = server.post("/sessions", raw='{"user_id":"\\ud83d"}')
    assert answer.status == 400 and answer.pointers == ["/user_id"]


def test_empty_segment(server: Server) -> None:
    assert server.get("/sessions//context").status in (400, 404)
