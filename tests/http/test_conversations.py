"""Conversations and task contexts."""

from __future__ import annotations

import json

import pytest
from conftest import Server


def post(server: Server, uid: str, content: object, **kw: object) -> dict[str, object]:
    answer = server.post(f"/conversations/{uid}/messages", {"role": "user", "content": content, **kw})
    assert answer.status in (200, 201), answer.body
    return answer.json()["messages"][0]


def history(server: Server, uid: str, query: str = "") -> dict[str, object]:
    answer = server.get(f"/conversations/{uid}/messages{query}")
    assert answer.status == 200, answer.body
    return answer.json()


def contents(page: dict[str, object]) -> list[object]:
    return [m["content"] for m in page["messages"]]  # type: ignore[attr-defined]


def test_append_and_read(server: Server, uid: str) -> None:
    server.session(uid)
    answer = server.post(f"/conversations/{uid}/messages",
                         {"role": "user", "content": "Hello", "metadata": {"k": 1}, "id": "m-1"})
    assert answer.status == 201
    ref = answer.json()["messages"][0]
    assert ref["id"] == "m-1" and ref["created"] is True
    page = history(server, uid)
    assert page["messages"] == [{"id": "m-1", "seq": ref["seq"], "role": "user", "content": "Hello",
                                 "timestamp": ref["timestamp"], "metadata": {"k": 1}}]
    assert page["next_before"] is None


def test_sixty_messages_default_read(server: Server, uid: str) -> None:
    """The newest fifty, oldest first."""
    server.session(uid)
    for i in range(60):
        post(server, uid, i)
    page = history(server, uid)
    assert contents(page) == list(range(10, 60))
    older = history(server, uid, f"?before={page['next_before']}")
    assert contents(older) == list(range(10)) and older["next_before"] is None


def test_more_than_a_thousand(server: Server, uid: str) -> None:
    server.session(uid)
    for start in (0, 600, 1200):
        batch = [{"role": "user", "content": start + i} for i in range(600)]
        assert server.post(f"/conversations/{uid}/messages", {"messages": batch}).status == 201
    assert contents(history(server, uid, "?limit=0")) == list(range(1800))
    assert contents(history(server, uid, "?limit=1000")) == list(range(800, 1800))
    seqs = [m["seq"] for m in history(server, uid, "?limit=0")["messages"]]  # type: ignore[attr-defined]
    assert seqs == sorted(set(seqs))


def test_all_of_big_messages(server: Server, uid: str) -> None:
    """Pages end early if they hold much; the stream of all messages goes on with the next page."""
    for i in range(8):
        server.post(f"/conversations/{uid}/messages?require_session=false",
                    {"role": "user", "content": str(i) + "x" * 5_000_000})
    everything = history(server, uid, "?limit=0")
    assert [c[0] for c in contents(everything)] == list("01234567")
    newest = history(server, uid, "?limit=50")
    assert 0 < len(contents(newest)) < 8 and newest["next_before"]
    assert contents(newest) == contents(everything)[-len(contents(newest)):]


def test_pages_both_ways(server: Server, uid: str) -> None:
    server.session(uid)
    for i in range(10):
        post(server, uid, i)
    back, query = [], "?limit=3"
    while True:
        page = history(server, uid, query)
        back = contents(page) + back
        if page["next_before"] is None:
            break
        query = f"?limit=3&before={page['next_before']}"
    assert back == list(range(10))
    first = history(server, uid, f"?limit=4&before={history(server, uid, '?limit=6')['next_before']}")
    assert contents(first) == [0, 1, 2, 3]
    after = history(server, uid, f"?limit=3&after={first['next_after']}")
    assert contents(after) == [4, 5, 6]
    last = history(server, uid, f"?limit=9&after={after['next_after']}")
    assert contents(last) == [7, 8, 9]
    assert contents(history(server, uid, f"?after={last['next_after']}")) == []
    post(server, uid, 10)
    assert contents(history(server, uid, f"?after={last['next_after']}")) == [10]
    between = history(server, uid, f"?after={first['next_after']}&before={last['next_before']}")
    assert contents(between) == [4, 5, 6]


def test_one_id_twice(server: Server, uid: str) -> None:
    server.session(uid)
    first = post(server, uid, "one", id="same")
    answer = server.post(f"/conversations/{uid}/messages", {"role": "x", "content": "two", "id": "same"})
    assert answer.status == 200
    again = answer.json()["messages"][0]
    assert again["created"] is False and again["seq"] == first["seq"]
    assert contents(history(server, uid)) == ["one"]
    both = server.post(f"/conversations/{uid}/messages",
                       {"messages": [{"role": "u", "content": 1, "id": "n"},
                                     {"role": "u", "content": 2, "id": "n"},
                                     {"role": "u", "content": 3, "id": "same"}]})
    assert both.status == 201
    assert [m["created"] for m in both.json()["messages"]] == [True, False, False]
    assert contents(history(server, uid)) == ["one", 1]


def test_the_same_id_elsewhere(server: Server, uid: str) -> None:
    for s in (uid, uid + "-2"):
        server.session(s)
        assert post(server, s, s, id="m")["created"] is True


def test_without_session(server: Server, uid: str) -> None:
    refused = server.post(f"/conversations/{uid}/messages", {"role": "user", "content": 1})
    assert refused.status == 404 and refused.code == "session_not_found"
    assert contents(history(server, uid)) == []
    kept = server.post(f"/conversations/{uid}/messages?require_session=false",
                       {"role": "user", "content": 1})
    assert kept.status == 201 and contents(history(server, uid)) == [1]
    assert server.get(f"/sessions/{uid}").status == 404
    server.session(uid)
    assert contents(history(server, uid)) == [1]


def test_large_and_odd_content(server: Server, uid: str) -> None:
    server.session(uid)
    values = ["", "\u0000", "x" * (1 << 20), "😀", {"parts": [1, None]}, None, False]
    for v in values:
        post(server, uid, v)
    assert contents(history(server, uid)) == values


def test_trim(server: Server, uid: str) -> None:
    server.session(uid)
    for i in range(10):
        post(server, uid, i)
    page = history(server, uid, "?limit=4")
    removed = server.delete(f"/conversations/{uid}/messages?before={page['next_before']}&keep_last=8")
    assert removed.status == 200 and removed.json() == {"removed": 2}
    assert server.delete(f"/conversations/{uid}/messages?before={page['next_before']}").json() == {"removed": 4}
    assert contents(history(server, uid)) == [6, 7, 8, 9]
    assert server.delete(f"/conversations/{uid}/messages?keep_last=1").json() == {"removed": 3}
    assert server.delete(f"/conversations/{uid}/messages?keep_last=0").json() == {"removed": 1}
    assert server.delete(f"/conversations/{uid}-no/messages?keep_last=0").json() == {"removed": 0}
    assert server.delete(f"/conversations/{uid}/messages").status == 400
    first = post(server, uid, "again")
    assert first["created"] is True


def test_streamed_history(server: Server, uid: str) -> None:
    server.session(uid)
    text = "x" * 2000
    for start in range(0, 6000, 1000):
        batch = [{"role": "user", "content": [start + i, text]} for i in range(1000)]
        assert server.post(f"/conversations/{uid}/messages", {"messages": batch}).status == 201
    answer = server.get(f"/conversations/{uid}/messages?limit=0")
    assert answer.headers["Transfer-Encoding"] == "chunked"
    assert [c[0] for c in contents(answer.json())] == list(range(6000))  # type: ignore[index]


@pytest.mark.parametrize(("body", "pointer"), [
    ({"content": 1}, "/role"), ({"role": "", "content": 1}, "/role"), ({"role": "u"}, "/content"),
    ({"role": "x" * 65, "content": 1}, "/role"), ({"role": "u", "content": 1, "id": ""}, "/id"),
    ({"role": "u", "content": 1, "metadata": 5}, "/metadata"), ({"role": "u", "content": 1, "x": 1}, "/x"),
    ({"messages": []}, "/messages"), ({"messages": [{"role": "u"}]}, "/messages/0/content"),
    ({"messages": [1]}, "/messages/0"),
    ({"messages": [{"role": "u", "content": 1}] * 1001}, "/messages"),
])
def test_invalid(server: Server, uid: str, body: object, pointer: str) -> None:
    server.session(uid)
    answer = server.post(f"/conversations/{uid}/messages", body)
    assert answer.status == 400 and answer.pointers == [pointer], answer.body
    assert contents(history(server, uid)) == []


@pytest.mark.parametrize("query", ["limit=-1", "limit=1001", "before=x", "after=!", "x=1"])
def test_invalid_query(server: Server, uid: str, query: str) -> None:
    answer = server.get(f"/conversations/{uid}/messages?{query}")
    assert answer.status == 400 and answer.pointers == ["?" + query.split("=")[0]]


# contexts ---------------------------------------------------------------------------------------

def test_context_versions(server: Server, uid: str) -> None:
    server.session(uid)
    for i in range(1, 14):
        answer = server.put(f"/sessions/{uid}/context", {"context": {"step": i}})
        assert answer.status == 200 and answer.json() == {"version": i}
    newest = server.get(f"/sessions/{uid}/context")
    assert newest.json()["context"] == {"step": 13} and newest.headers["ETag"] == '"13"'
    assert newest.json()["session_id"] == uid and newest.json()["version"] == 13
    listed = server.get(f"/sessions/{uid}/context/versions").json()["items"]
    assert [v["version"] for v in listed] == list(range(13, 3, -1))
    assert "context" not in listed[0]
    assert server.get(f"/sessions/{uid}/context?version=4").json()["context"] == {"step": 4}
    gone = server.get(f"/sessions/{uid}/context?version=3")
    assert gone.status == 404 and gone.code == "not_found"
    assert server.get(f"/sessions/{uid}/context", headers={"If-None-Match": '"13"'}).status == 304


def test_context_of_unknown(server: Server, uid: str) -> None:
    refused = server.put(f"/sessions/{uid}/context", {"context": 1})
    assert refused.status == 404 and refused.code == "session_not_found"
    assert server.put(f"/sessions/{uid}/context?require_session=false", {"context": 1}).status == 200
    assert server.get(f"/sessions/{uid}/context").json()["context"] == 1
    server.session(uid + "-s")
    assert server.get(f"/sessions/{uid}-s/context").code == "not_found"
    assert server.get(f"/sessions/{uid}-none/context").code in ("not_found", "session_not_found")


def test_context_shared(server: Server, uid: str) -> None:
    a, b = uid + "-a", uid + "-b"
    server.session(a)
    server.session(b)
    text = '{"big":1180591620717411303424,"z":1,"a":2}'
    server.put(f"/sessions/{a}/context", raw='{"context":%s}' % text)
    server.put(f"/sessions/{a}/context", {"context": "second"})
    shared = server.put(f"/sessions/{b}/context", {"from": {"session_id": a, "version": 1}})
    assert shared.status == 200 and shared.json() == {"version": 1}
    assert text.encode() in server.get(f"/sessions/{b}/context").body
    assert server.put(f"/sessions/{b}/context", {"from": {"session_id": a}}).json() == {"version": 2}
    assert server.get(f"/sessions/{b}/context").json()["context"] == "second"
    missing = server.put(f"/sessions/{b}/context", {"from": {"session_id": a, "version": 9}})
    assert missing.status == 404
    assert server.put(f"/sessions/{b}/context", {"from": {"session_id": uid + "-no"}}).status == 404


def test_context_if_match(server: Server, uid: str) -> None:
    server.session(uid)
    server.put(f"/sessions/{uid}/context", {"context": 1})
    assert server.put(f"/sessions/{uid}/context", {"context": 2}, headers={"If-Match": '"2"'}).status == 412
    assert server.put(f"/sessions/{uid}/context", {"context": 2}, headers={"If-Match": '"1"'}).status == 200


@pytest.mark.parametrize("body", [{}, {"context": 1, "from": {"session_id": "x"}}, {"from": {}},
                                  {"from": {"session_id": "x", "version": 0}}, {"from": 1}])
def test_context_invalid(server: Server, uid: str, body: object) -> None:
    server.session(uid)
    answer = server.put(f"/sessions/{uid}/context", body)
    assert answer.status == 400 and answer.code == "invalid_request", json.dumps(body)
