"""Sessions: every call, every error."""

from __future__ import annotations

import http.client
import json
import re
import threading
import time
from typing import Any

import pytest
from conftest import Answer, Server

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


def test_put_creates_the_record(server: Server, uid: str) -> None:
    answer = server.put(f"/sessions/{uid}", {"user_id": "ann", "metadata": None})
    assert answer.status == 201
    s = answer.json()
    for name in ("created_at", "updated_at", "last_activity_at"):
        assert TIME.fullmatch(s.pop(name))
    assert s == {"session_id": uid, "user_id": "ann", "status": "active", "metadata": {}, "version": 1,
                 "metrics": {"request_count": 0, "total_processing_time": 0.0, "error_count": 0}}
    assert answer.headers["ETag"] == '"1"'
    got = server.get(f"/sessions/{uid}")
    assert got.json() == answer.json() and got.headers["ETag"] == '"1"'


def test_put_again_keeps_what_the_document_says(server: Server, uid: str) -> None:
    first = server.session(uid, a=1)
    server.patch(f"/sessions/{uid}", {"increment_requests": True, "updates": {"status": "paused"}})
    answer = server.put(f"/sessions/{uid}", {"user_id": "bob", "metadata": {"b": 2}})
    assert answer.status == 200
    s = answer.json()
    assert s["user_id"] == "bob" and s["metadata"] == {"b": 2} and s["status"] == "paused"
    assert s["created_at"] == first["created_at"] and s["updated_at"] > first["updated_at"]
    assert s["metrics"]["request_count"] == 1 and s["version"] == 3


def test_merges_make_no_more_members_than_are_listed(server: Server, uid: str) -> None:
    def merge(members: dict[str, int]) -> Answer:
        return server.patch(f"/sessions/{uid}", {"updates": {"metadata_merge": members}})

    full = dict.fromkeys(map(str, range(262144)), 0)
    over = full | {"x": 0}
    server.put(f"/sessions/{uid}", {"user_id": "u", "metadata": full})
    assert merge({"7": 1}).status == 200
    refused = [merge({"x": 1}), merge(over)]
    server.put(f"/sessions/{uid}", {"user_id": "u", "metadata": over}) # opaque, and so allowed
    refused.append(merge({"7": 1}))
    for answer in refused:
        assert (answer.status, answer.code, answer.pointers) == (413, "too_large", ["/updates/metadata_merge"])
    assert server.get(f"/sessions/{uid}").json()["metadata"] == over


def test_merges_make_no_more_than_a_body_holds(own: Any) -> None:
    server = own("--max-body", "100KiB")
    server.session("s")
    merges = [server.patch("/sessions/s", {"updates": {"metadata_merge": {str(i): "x" * 40_000}},
                                           "increment_requests": True}) for i in range(4)]
    assert [answer.status for answer in merges] == [200, 200, 413, 413]
    assert merges[2].code == "too_large" and merges[2].pointers == ["/updates/metadata_merge"]
    session = server.get("/sessions/s").json()
    assert list(session["metadata"]) == ["0", "1"] and session["metrics"]["request_count"] == 2
    assert server.patch("/sessions/s", {"updates": {"metadata_merge": {"0": 1, "2": 2}}}).status == 200


def test_put_with_context(server: Server, uid: str) -> None:
    body = {"user_id": "u", "metadata": {"k": [1, 2]}}
    assert server.put(f"/sessions/{uid}?with_context=true", body).status == 201
    assert server.get(f"/sessions/{uid}/context").json()["context"] == {"k": [1, 2]}
    server.put(f"/sessions/{uid}?with_context=true", {"user_id": "u", "metadata": {"k": 3}})
    got = server.get(f"/sessions/{uid}/context").json()
    assert got["version"] == 1 and got["context"] == {"k": [1, 2]}


def test_post(server: Server, uid: str) -> None:
    answer = server.post("/sessions", {"session_id": uid, "user_id": "u"})
    assert answer.status == 201 and answer.headers["Location"].endswith("/sessions/" + uid)
    again = server.post("/sessions", {"session_id": uid, "user_id": "u"})
    assert again.status == 409 and again.code == "session_exists"
    made = server.post("/sessions", {"user_id": "u"})
    assert made.status == 201
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
                        made.json()["session_id"])
    assert server.get(made.headers["Location"]).json() == made.json()


def test_post_with_key(server: Server, uid: str) -> None:
    key = {"Idempotency-Key": "k-" + uid}
    first = server.post("/sessions", {"user_id": "u"}, headers=key)
    again = server.post("/sessions", {"user_id": "u"}, headers=key)
    assert first.status == again.status == 201
    assert first.json()["session_id"] == again.json()["session_id"]
    assert first.json()["session_id"][14] == "8"
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    other = server.post("/sessions", {"user_id": "v"}, headers=key)
    assert other.status == 422 and other.code == "key_reused"
    named = {"session_id": uid, "user_id": "u"}
    assert server.post("/sessions", named, headers=key).status == 201
    repeat = server.post("/sessions", named, headers=key)
    assert repeat.status == 201 and repeat.headers["Idempotency-Replayed"] == "true"


def test_patch(server: Server, uid: str) -> None:
    server.session(uid, a=1, b=2)
    answer = server.patch(f"/sessions/{uid}", {
        "updates": {"user_id": "x", "status": "busy", "metadata_merge": {"b": 3, "c": None}},
        "increment_requests": True, "add_processing_time": 0.25, "mark_error": True})
    s = answer.json()
    assert answer.status == 200 and s["user_id"] == "x" and s["status"] == "busy"
    assert s["metadata"] == {"a": 1, "b": 3, "c": None}
    assert s["metrics"] == {"request_count": 1, "total_processing_time": 0.25, "error_count": 1}
    assert s["version"] == 2 and answer.headers["ETag"] == '"2"'
    s = server.patch(f"/sessions/{uid}", {"updates": {"metadata": {"z": 1}}}).json()
    assert s["metadata"] == {"z": 1} and s["version"] == 3


def test_empty_patch_is_a_sign_of_life(server: Server, uid: str) -> None:
    before = server.session(uid)
    after = server.patch(f"/sessions/{uid}", {}).json()
    assert after["last_activity_at"] > before["last_activity_at"]
    assert {**after, "last_activity_at": 0} == {**before, "last_activity_at": 0}


def test_patch_with_key_counts_once(server: Server, uid: str) -> None:
    server.session(uid)
    keys = [{"Idempotency-Key": f"{uid}-{i}"} for i in range(3)]
    for key in keys + keys:
        answer = server.patch(f"/sessions/{uid}", {"increment_requests": True}, headers=key)
        assert answer.status == 200
    assert answer.headers["Idempotency-Replayed"] == "true"
    assert answer.json()["metrics"]["request_count"] == 3
    reused = server.patch(f"/sessions/{uid}", {"mark_error": True}, headers=keys[0])
    assert reused.status == 422 and reused.code == "key_reused"


def test_unknown(server: Server, uid: str) -> None:
    for answer in (server.get(f"/sessions/{uid}"), server.patch(f"/sessions/{uid}", {}),
                   server.post(f"/sessions/{uid}/end", {})):
        assert answer.status == 404 and answer.code == "session_not_found"
        assert uid in answer.json()["detail"] or "session" in answer.json()["detail"].lower()
    assert server.delete(f"/sessions/{uid}").status == 204


def test_end(server: Server, uid: str) -> None:
    server.session(uid)
    assert server.post(f"/sessions/{uid}/end").json()["status"] == "completed"
    assert server.post(f"/sessions/{uid}/end", {"status": "failed"}).json()["status"] == "failed"
    assert server.get(f"/sessions/{uid}").json()["status"] == "failed"


def test_if_match(server: Server, uid: str) -> None:
    server.session(uid)
    stale = server.patch(f"/sessions/{uid}", {"mark_error": True}, headers={"If-Match": '"7"'})
    assert stale.status == 412 and stale.code == "precondition_failed"
    ok = server.patch(f"/sessions/{uid}", {"mark_error": True}, headers={"If-Match": '"1"'})
    assert ok.status == 200
    assert server.put(f"/sessions/{uid}", {"user_id": "u"}, headers={"If-Match": '"1"'}).status == 412
    assert server.patch(f"/sessions/{uid}", {}, headers={"If-Match": "*"}).status == 200
    assert server.put(f"/sessions/{uid}-new", {"user_id": "u"}, headers={"If-Match": "*"}).status == 412
    assert server.delete(f"/sessions/{uid}", headers={"If-Match": '"1"'}).status == 412
    for bad in ("1", '"x"', 'W/"1"', '"1', '""'):
        assert server.patch(f"/sessions/{uid}", {}, headers={"If-Match": bad}).status == 400, bad
    assert server.delete(f"/sessions/{uid}", headers={"If-Match": '"2"'}).status == 204


def test_if_none_match(server: Server, uid: str) -> None:
    server.session(uid)
    same = server.get(f"/sessions/{uid}", headers={"If-None-Match": '"1"'})
    assert same.status == 304 and same.body == b"" and same.headers["ETag"] == '"1"'
    assert server.get(f"/sessions/{uid}", headers={"If-None-Match": '"2", "1"'}).status == 304
    assert server.get(f"/sessions/{uid}", headers={"If-None-Match": "*"}).status == 304
    assert server.get(f"/sessions/{uid}", headers={"If-None-Match": '"2"'}).status == 200


def test_concurrent_increments(server: Server, uid: str) -> None:
    server.session(uid)
    failures: list[object] = []

    def run() -> None:
        conn = server.connect()
        for _ in range(10):
            answer = server.patch(f"/sessions/{uid}", {"increment_requests": True,
                                                       "add_processing_time": 0.5}, conn=conn)
            if answer.status != 200:
                failures.append(answer)

    threads = [threading.Thread(target=run) for _ in range(20)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failures
    metrics = server.get(f"/sessions/{uid}").json()["metrics"]
    assert metrics["request_count"] == 200 and metrics["total_processing_time"] == 100.0


def test_delete(server: Server, uid: str) -> None:
    server.session(uid)
    server.post(f"/conversations/{uid}/messages", {"role": "user", "content": "x"})
    server.put(f"/sessions/{uid}/context", {"context": 1})
    server.put(f"/checkpoints/{uid}/c", {"checkpoint_data": 1})
    assert server.delete(f"/sessions/{uid}").status == 204
    assert server.get(f"/sessions/{uid}").status == 404
    assert server.get(f"/conversations/{uid}/messages").json()["messages"] == []
    assert server.get(f"/sessions/{uid}/context").status == 404
    assert server.get(f"/checkpoints/{uid}/c").status == 200
    server.session(uid)
    assert server.get(f"/conversations/{uid}/messages").json()["messages"] == []
    assert server.get(f"/sessions/{uid}/context").status == 404
    assert server.delete(f"/sessions/{uid}?threads=true").status == 204
    assert server.get(f"/checkpoints/{uid}/c").status == 404


def test_list(server: Server, uid: str) -> None:
    ids = [f"{uid}-{i}" for i in range(25)]
    for id_ in ids:
        assert server.put(f"/sessions/{id_}", {"user_id": uid}).status == 201
    server.post(f"/sessions/{ids[3]}/end")
    server.post(f"/conversations/{ids[5]}/messages", {"role": "u", "content": 0})
    expected = [ids[5], ids[3]] + [i for i in reversed(ids) if i not in (ids[5], ids[3])]
    seen, cursor, pages = [], "", 0
    while True:
        page = server.get(f"/sessions?user_id={uid}&limit=10{cursor}").json()
        seen += [s["session_id"] for s in page["items"]]
        pages += 1
        if page["next_cursor"] is None:
            break
        cursor = "&cursor=" + page["next_cursor"]
    assert seen == expected and pages == 3
    ended = server.get(f"/sessions?user_id={uid}&status=completed").json()["items"]
    assert [s["session_id"] for s in ended] == [ids[3]]
    for status in ("", "x" * 65):
        refused = server.get(f"/sessions?status={status}")
        assert refused.status == 400 and refused.pointers == ["?status"]
    everyone = server.get("/sessions?limit=2").json()["items"]
    assert [s["session_id"] for s in everyone] == expected[:2]


def test_batch(server: Server, uid: str) -> None:
    sessions = [{"session_id": f"{uid}-{i}", "user_id": "u", "metadata": {"i": i}} for i in range(150)]
    answer = server.post("/batch/sessions/create", {"sessions": sessions})
    assert answer.status == 200, answer.body
    results = answer.json()["results"]
    assert [r["session"]["metadata"]["i"] for r in results] == list(range(150))
    assert all(r["created"] for r in results)
    again = server.post("/batch/sessions/create", {"sessions": sessions[:1]}).json()["results"]
    assert again[0]["created"] is False
    ids = [f"{uid}-149", f"{uid}-none", f"{uid}-0", f"{uid}-0"]
    got = server.post("/batch/sessions/get", {"session_ids": ids}).json()["sessions"]
    assert [s and s["session_id"] for s in got] == [ids[0], None, ids[2], ids[3]]
    too_many = server.post("/batch/sessions/get", {"session_ids": ["x"] * 1001})
    assert too_many.status == 400


@pytest.mark.parametrize("size", [0, 30_000])
def test_batch_get_keeps_the_order(server: Server, uid: str, size: int) -> None:
    """However many rounds it takes, and whether the answer is one piece or a stream."""
    for i in range(50):
        server.session(f"{uid}-{i}", i=i, more="x" * size)
    for n in (0, 1, 4, 5, 20, 21, 84, 85, 300):
        wanted = [None if i % 7 == 3 else i % 50 for i in range(n)]
        ids = [f"{uid}-{i}" for i in wanted]
        answer = server.post("/batch/sessions/get", {"session_ids": ids})
        assert answer.status == 200
        assert [s and s["metadata"]["i"] for s in answer.json()["sessions"]] == wanted
        assert (answer.headers["Content-Length"] is None) == (n * size > 2_000_000)


@pytest.mark.parametrize(("method", "path", "body", "pointer"), [
    ("POST", "/sessions", {}, "/user_id"),
    ("POST", "/sessions", {"user_id": ""}, "/user_id"),
    ("POST", "/sessions", {"user_id": 1}, "/user_id"),
    ("POST", "/sessions", {"user_id": "u", "metadata": []}, "/metadata"),
    ("POST", "/sessions", {"user_id": "u", "extra": 1}, "/extra"),
    ("POST", "/sessions", {"user_id": "u", "session_id": "a\n"}, "/session_id"),
    ("PUT", "/sessions/x", {"user_id": "u", "session_id": "x"}, "/session_id"),
    ("PATCH", "/sessions/x", {"updates": {"created_at": 1}}, "/updates/created_at"),
    ("PATCH", "/sessions/x", {"updates": {"status": ""}}, "/updates/status"),
    ("PATCH", "/sessions/x", {"updates": {"metadata": 1}}, "/updates/metadata"),
    ("PATCH", "/sessions/x", {"increment_requests": 1}, "/increment_requests"),
    ("PATCH", "/sessions/x", {"add_processing_time": -1}, "/add_processing_time"),
    ("PATCH", "/sessions/x", {"add_processing_time": "1"}, "/add_processing_time"),
    ("POST", "/sessions/x/end", {"status": 1}, "/status"),
    ("POST", "/batch/sessions/create", {"sessions": [{"session_id": "a"}]}, "/sessions/0/user_id"),
    ("POST", "/batch/sessions/create", {"sessions": 1}, "/sessions"),
])
def test_invalid(server: Server, method: str, path: str, body: object, pointer: str) -> None:
    answer = server.call(method, path, body)
    assert answer.status == 400 and answer.code == "invalid_request", answer.body
    assert answer.pointers == [pointer], answer.body


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "limit=1&limit=2", "nope=1",
                                   "cursor=zzz", "cursor=", "user_id=%00", "user_id=%zz", "limit=1e1"])
def test_invalid_query(server: Server, query: str) -> None:
    answer = server.get("/sessions?" + query)
    assert answer.status == 400 and answer.code == "invalid_request"
    assert answer.pointers == ["?" + query.split("=")[0]], answer.body


@pytest.mark.parametrize("method, path, word", [
    ("GET", "/sessions?limit=abc", "must be an integer"), ("GET", "/sessions?limit=", "must be an integer"),
    ("GET", "/checkpoints?thread_id=t&values=maybe", "must be true or false"),
    ("POST", "/conversations/c/messages?require_session=False", "must be true or false"),
])
def test_a_wrong_query_is_told_what_is_right(server: Server, method: str, path: str, word: str) -> None:
    answer = server.call(method, path, {"role": "user", "content": "c"} if method == "POST" else None)
    assert answer.status == 400 and answer.json()["detail"].endswith(word), answer.body


@pytest.mark.parametrize("raw", ["[]", "null", '"x"', " 1"])
def test_a_body_that_is_no_object(server: Server, raw: str) -> None:
    answer = server.post("/sessions", raw=raw)
    assert answer.status == 400 and "the body must be a JSON object" in answer.json()["detail"], answer.body


@pytest.mark.parametrize("raw", ["", " ", "{", "[]", "1", '{"user_id":"a","user_id":"b"}',
                                 '{"user_id":"a","user\\u005fid":"b"}', '{"user_id":"a"} x'])
def test_invalid_body(server: Server, raw: str) -> None:
    answer = server.post("/sessions", raw=raw)
    assert answer.status == 400 and answer.code == "invalid_request", answer.body


def test_times_rise(server: Server, uid: str) -> None:
    first = server.session(uid)
    time.sleep(0.002)
    second = server.patch(f"/sessions/{uid}", {"mark_error": True}).json()
    assert second["updated_at"] > first["updated_at"]
    assert second["created_at"] == first["created_at"]


def test_keep_alive(server: Server, uid: str) -> None:
    conn: http.client.HTTPConnection = server.connect()
    for i in range(50):
        answer = server.put(f"/sessions/{uid}", {"user_id": str(i)}, conn=conn)
        assert json.loads(answer.body)["version"] == i + 1
