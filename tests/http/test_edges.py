"""What all calls have in common, and where calls meet."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from conftest import Answer, Server, seg

OPERATIONS = ("get", "put", "post", "patch", "delete")


def operations(server: Server, uid: str) -> list[tuple[str, str, Any]]:
    """For every operation: method, path of a record that exists, example body."""
    server.session(uid)
    server.put(f"/sessions/{uid}/context", {"context": 1})
    server.put(f"/checkpoints/{uid}/c", {"checkpoint_data": 1})
    found = []
    for path, item in server.get("/openapi.json").json()["paths"].items():
        names = (("{id}", uid), ("{t}", uid), ("{c}", "c"), ("{task}", "task"))
        for name, value in names:
            path = path.replace(name, value)
        for method in OPERATIONS:
            if method in item:
                content = item[method].get("requestBody", {}).get("content", {})
                media = content.get("application/json", {})
                examples = [e["value"] for e in media.get("examples", {}).values()]
                found.append((method.upper(), path, media.get("example", *examples[:1])))
    return found


def test_unknown_names_everywhere(server: Server, uid: str) -> None:
    for method, path, body in operations(server, uid):
        answer = server.call(method, path + "?zzz=1", body)
        assert (answer.status, answer.code, answer.pointers) == (400, "invalid_request", ["?zzz"])
        if body is not None:
            answer = server.call(method, path, body | {"zzz": 1})
            assert (answer.status, answer.pointers) == (400, ["/zzz"]), (method, path)
            assert server.call(method, path, [1]).status == 400


def test_texts_of_a_query_may_be_as_long_as_the_document_says(server: Server, uid: str) -> None:
    document = server.get("/openapi.json").json()

    def whole(node: dict[str, Any]) -> dict[str, Any]:
        target: Any = document
        for key in str(node.get("$ref", "#")).split("/")[1:]:
            target = target[key]
        return target if "$ref" in node else node

    tried = set()
    for path, item in document["paths"].items():
        for parameter in map(whole, [*item.get("parameters", []), *item.get("get", {}).get("parameters", [])]):
            most = whole(parameter.get("schema", {})).get("maxLength")
            if "get" in item and parameter["in"] == "query" and most:
                query = path.replace("{t}", uid).replace("{c}", "c") + f"?{parameter['name']}="
                assert b" bytes" not in server.get(query + "x" * most).body, query
                answer = server.get(query + "x" * (most + 1))
                assert answer.pointers == ["?" + parameter["name"]] and b" bytes" in answer.body, query
                tried.add(parameter["name"])
    assert tried == {"user_id", "status", "prefix", "thread_id", "checkpoint_id", "before", "ns"}


def test_head_everywhere(server: Server, uid: str) -> None:
    changing = {"Date", "X-Request-Id", "Content-Length"}
    calls = operations(server, uid)
    for method, path, _ in calls:
        if method != "GET":
            continue
        get, head = server.get(path), server.call("HEAD", path)
        assert (head.status, head.body) == (get.status, b""), path
        assert set(head.headers) == set(get.headers), path
        assert not [k for k in set(get.headers) - changing if get.headers[k] != head.headers[k]]
    with_get = {path for method, path, _ in calls if method == "GET"}
    for path in {path for _, path, _ in calls} - with_get:
        assert server.call("HEAD", path).status == 405


def test_activity_does_not_change_the_etag(server: Server, uid: str) -> None:
    server.session(uid)
    server.put(f"/checkpoints/{uid}-other/c", {"checkpoint_data": 1})

    def read() -> tuple[str, str, str]:
        answer = server.get("/sessions/" + uid)
        assert answer.headers["ETag"] == '"%d"' % answer.json()["version"]
        return (answer.headers["ETag"], answer.json()["updated_at"],
                answer.json()["last_activity_at"])

    def after(call: Callable[[], Answer]) -> tuple[bool, bool]:
        """Whether the version, and whether the last activity, have moved."""
        before = read()
        time.sleep(0.002)
        assert call().status < 300
        now = read()
        assert (now[0] != before[0]) == (now[1] != before[1])
        return now[0] != before[0], now[2] > before[2]

    active: list[Callable[[], Answer]] = [
        lambda: server.patch("/sessions/" + uid, {}),
        lambda: server.post(f"/threads/{uid}-other/copy", {"to": uid}),
        lambda: server.put(f"/checkpoints/{uid}/c", {"checkpoint_data": 1}),
        lambda: server.put(f"/writes/{uid}/c/t", {"writes": [{"channel": "c", "value": 1}]}),
        lambda: server.post(f"/conversations/{uid}/messages", {"role": "u", "content": ""}),
        lambda: server.put(f"/sessions/{uid}/context", {"context": 1}),
    ]
    for call in active:
        assert after(call) == (False, True)
    passive: list[Callable[[], Answer]] = [
        lambda: server.get(f"/sessions/{uid}/context"),
        lambda: server.get(f"/conversations/{uid}/messages"),
        lambda: server.get(f"/threads/{uid}/latest"),
        lambda: server.post("/batch/sessions/get", {"session_ids": [uid]}),
        lambda: server.post(f"/threads/{uid}/copy", {"to": uid + "-copy"}),
    ]
    for call in passive:
        assert after(call) == (False, False)
    changing: list[Callable[[], Answer]] = [
        lambda: server.patch("/sessions/" + uid, {"mark_error": True}),
        lambda: server.post(f"/sessions/{uid}/end"),
        lambda: server.put("/sessions/" + uid, {"user_id": "u"}),
    ]
    for call in changing:
        assert after(call) == (True, True)


@pytest.mark.parametrize("tag", ["1", '"0"', 'W/"1"', '"01"', '"1", "2"', '""', '"a"',
                                 '"99999999999999999999"'])
def test_malformed_if_match(server: Server, uid: str, tag: str) -> None:
    server.session(uid)
    headers = {"If-Match": tag}
    for method, path, body in (("PUT", "", {"user_id": "u"}), ("PATCH", "", {}), ("DELETE", "", None),
                               ("POST", "/end", None), ("PUT", "/context", {"context": 1})):
        answer = server.call(method, f"/sessions/{uid}{path}", body, headers=headers)
        assert (answer.status, answer.code) == (400, "invalid_request")
    assert server.get("/sessions/" + uid).json()["version"] == 1


def test_put_that_only_creates(server: Server, uid: str) -> None:
    path, only = "/sessions/" + uid, {"If-None-Match": "*"}
    assert server.put(path, {"user_id": "a"}, headers=only).status == 201
    answer = server.put(path, {"user_id": "b"}, headers=only)
    assert (answer.status, answer.code) == (412, "precondition_failed")
    assert server.put(path, {"user_id": "b"}, headers=only | {"If-Match": '"1"'}).status == 412
    for tag in ('"1"', "", "**"):
        assert server.put(path, {"user_id": "b"}, headers={"If-None-Match": tag}).status == 400, tag
    assert server.get(path).json()["user_id"] == "a"
    assert server.put(path, {"user_id": "c"}).status == 200
    assert server.put(path, {"user_id": "c"}, headers={"If-Match": '"9"'}).status == 412
    server.delete(path)
    assert server.put(path, {"user_id": "d"}, headers=only).status == 201


FRAME = "application/vnd.stateward.frame"


@pytest.mark.parametrize(("accept", "frame"), [
    (None, False), ("", False), ("*/*", False), ("application/*", False), ("application/json", False),
    (FRAME, True), (FRAME.upper(), True), (FRAME + ";q=0", False), (FRAME + ";q=0.1", True),
    (FRAME + "; q=0.0, */*", False), (f"application/json, {FRAME}", True),
    (f"application/json;q=0.1, {FRAME}", True), (f"application/json, {FRAME};q=0.9", False),
    (f"{FRAME};q=0.5, */*;q=0.6", False), (f"{FRAME};q=0.5, */*;q=0.4", True), (FRAME + "s", False),
    (f'text/x;y="{FRAME}"', False),
])
def test_accept(server: Server, uid: str, accept: str | None, frame: bool) -> None:
    server.put(f"/checkpoints/{uid}/c", {"checkpoint": {}, "values": []})
    answer = server.get(f"/checkpoints/{uid}/c", headers={} if accept is None else {"Accept": accept})
    assert answer.status == 200
    assert answer.headers["Content-Type"] == (FRAME if frame else "application/json")


def test_small_things_beyond_number(server: Server, uid: str) -> None:
    """Lists that would take many times the memory of the body are refused."""
    members = ",".join(f'"{i:x}":1' for i in range(300_000))
    elements = ",".join(["1"] * 300_000)
    for method, path, raw in (("PUT", f"/sessions/{uid}", "{%s}" % members),
                              ("POST", "/batch/sessions/get", '{"session_ids": [%s]}' % elements)):
        answer = server.call(method, path, raw=raw)
        assert (answer.status, answer.code) == (400, "invalid_request")
        assert "at most 262144" in answer.json()["detail"]
    opaque = '{"user_id": "u", "metadata": {%s}}' % members
    assert server.call("PUT", f"/sessions/{uid}", raw=opaque).status == 201
    assert len(server.get(f"/sessions/{uid}").json()["metadata"]) == 300_000


def at_once(call: Callable[[], Answer]) -> list[Answer]:
    with ThreadPoolExecutor(20) as pool:
        return [f.result() for f in [pool.submit(call) for _ in range(20)]]


def replayed(answers: list[Answer]) -> int:
    return sum(a.headers["Idempotency-Replayed"] == "true" for a in answers)


def test_one_key_from_twenty_clients(server: Server, uid: str) -> None:
    key = {"Idempotency-Key": uid}
    answers = at_once(lambda: server.post("/sessions", {"user_id": "u"}, headers=key))
    assert {a.status for a in answers} == {201} and replayed(answers) == 19
    assert len({a.json()["session_id"] for a in answers}) == 1

    answers = at_once(lambda: server.post("/sessions", {"session_id": uid, "user_id": "u"}, headers=key))
    assert {a.status for a in answers} == {201} and replayed(answers) == 19

    body = {"increment_requests": True}
    key = {"Idempotency-Key": uid + "-patch"}
    answers = at_once(lambda: server.patch("/sessions/" + uid, body, headers=key))
    assert {a.status for a in answers} == {200} and replayed(answers) == 19
    assert server.get("/sessions/" + uid).json()["metrics"]["request_count"] == 1


def test_keys_belong_to_a_session_and_a_call(server: Server, uid: str) -> None:
    key = {"Idempotency-Key": uid}
    body = {"increment_requests": True}
    created = {"session_id": uid, "user_id": "u"}
    assert server.post("/sessions", created, headers=key).status == 201
    assert server.patch("/sessions/" + uid, body, headers=key).code == "key_reused"
    server.session(uid + "-2")
    answer = server.patch(f"/sessions/{uid}-2", body, headers=key)
    assert answer.status == 200 and not replayed([answer])

    for i in range(100):
        server.patch("/sessions/" + uid, body, headers={"Idempotency-Key": str(i)})
    answer = server.patch("/sessions/" + uid, body, headers={"Idempotency-Key": "0"})
    assert replayed([answer]) and answer.json()["metrics"]["request_count"] == 100

    # A repeat is no change, so If-Match does not guard it.
    guarded = {"Idempotency-Key": "g", "If-Match": server.get("/sessions/" + uid).headers["ETag"]}
    for count in (0, 1):
        answer = server.patch("/sessions/" + uid, body, headers=guarded)
        assert answer.status == 200 and replayed([answer]) == count

    # A late repeat neither brings back what was deleted nor frees the key.
    server.delete("/sessions/" + uid)
    assert server.post("/sessions", created, headers=key).code == "session_not_found"
    assert server.patch("/sessions/" + uid, body, headers=guarded).code == "session_not_found"
    assert server.patch("/sessions/" + uid, {}, headers=guarded).code == "key_reused"
    assert server.patch("/sessions/" + uid, {}, headers={"Idempotency-Key": "new"}).code == "session_not_found"
    other = {"session_id": uid, "user_id": "other"}
    assert server.post("/sessions", other, headers=key).code == "key_reused"
    assert server.get("/sessions/" + uid).status == 404

    unnamed = {"user_id": "u"}
    key = {"Idempotency-Key": uid + "-unnamed"}
    made = server.post("/sessions", unnamed, headers=key).json()["session_id"]
    server.delete("/sessions/" + made)
    assert server.post("/sessions", unnamed, headers=key).code == "session_not_found"

    # Another request makes the session anew, and repeats find that one.
    assert server.post("/sessions", created).status == 201
    key = {"Idempotency-Key": uid}
    answer = server.post("/sessions", created, headers=key)
    assert answer.status == 201 and replayed([answer])


def test_cursors_belong_to_a_list(server: Server, uid: str) -> None:
    for i in range(3):
        server.put(f"/sessions/{uid}{i}", {"user_id": uid})
        server.put(f"/checkpoints/{uid}/c{i}", {"checkpoint_data": i})
        server.put(f"/checkpoints/{uid}{i}/c", {"checkpoint_data": i})
    server.post(f"/conversations/{uid}/messages?require_session=false",
                {"messages": [{"role": "u", "content": i} for i in range(3)]})
    messages = f"/conversations/{uid}/messages?limit=1"
    lists = [f"/sessions?limit=1&user_id={uid}", f"/threads?limit=1&prefix={uid}",
             f"/checkpoints?limit=1&thread_id={uid}"]
    cursors = {
        **{path + "&cursor=": server.get(path).json()["next_cursor"] for path in lists},
        messages + "&before=": server.get(messages).json()["next_before"],
    }
    for owner, cursor in cursors.items():
        for path in cursors:
            answer = server.get(path + cursor)
            assert answer.status == (200 if path == owner else 400), (owner, path)
        for broken in (cursor[:-1], cursor + "A", "", "%21", "%C3%A9"):
            assert server.get(owner + broken).status == 400


@pytest.mark.parametrize(("path", "queries"), [
    ("/sessions", ["", "user_id={uid}", "status=active", "user_id={uid}&status=active"]),
    ("/threads", ["", "prefix={uid}", "updated_after=2020-01-01T00:00:00Z"]),
    ("/checkpoints", ["", "thread_id={uid}", "ns=", "before={uid}c9", "before={uid}c8", "thread_id={uid}&ns=",
                      "checkpoint_id={uid}c0", "filter=%7B%22a%22:null%7D", "filter=%7B%22b%22:null%7D"]),
])
def test_cursors_belong_to_what_was_asked_for(server: Server, uid: str, path: str, queries: list[str]) -> None:
    """In a list that holds more a cursor of the shorter one would skip what is new to it."""
    for i in range(2):
        server.put(f"/sessions/{uid}{i}", {"user_id": uid})
        for thread in (uid, f"{uid}{i}"):
            server.put(f"/checkpoints/{thread}/{uid}c{i}", {"checkpoint": {}, "values": []})
    lists = [f"{path}?limit=1&{query.format(uid=uid)}".rstrip("&") for query in queries]
    cursors = [server.get(one).json()["next_cursor"] for one in lists]
    for i, one in enumerate(lists):
        for k, cursor in enumerate(cursors):
            answer = server.get(f"{one}&cursor={cursor}")
            assert answer.status == (200 if i == k else 400), (one, lists[k], answer.body)
            assert i == k or answer.pointers == ["?cursor"]


def test_cursors_belong_to_a_conversation(server: Server, uid: str) -> None:
    """A trim at a place in another conversation would remove what nobody has looked at."""
    paths = [f"/conversations/{uid}{i}/messages" for i in range(2)]
    for path in paths:
        server.post(path + "?require_session=false", {"messages": [{"role": "u", "content": i} for i in range(3)]})
    page = server.get(paths[0] + "?limit=1").json()
    streamed = server.get(paths[0] + "?limit=0").json()
    for name, cursor in (("before", page["next_before"]), ("after", page["next_after"]),
                         ("after", streamed["next_after"])):
        assert server.get(f"{paths[0]}?{name}={cursor}").status == 200
        answer = server.get(f"{paths[1]}?{name}={cursor}")
        assert (answer.status, answer.pointers) == (400, ["?" + name])
    trim = f"?before={page['next_before']}"
    assert server.delete(paths[1] + trim).pointers == ["?before"]
    assert len(server.get(paths[1]).json()["messages"]) == 3
    assert server.delete(paths[0] + trim).json() == {"removed": 2}


@pytest.mark.parametrize("form", ["document", "channel"])
def test_before_cursor_and_id_together(server: Server, uid: str, form: str) -> None:
    body = {"checkpoint_data": 1} if form == "document" else {"checkpoint": {}, "values": []}
    for i in range(7):
        server.put(f"/checkpoints/{uid}/c{i}", body)

    def page(query: str) -> tuple[list[str], str]:
        answer = server.get(f"/checkpoints?thread_id={uid}&{query}").json()
        return [item["checkpoint_id"] for item in answer["items"]], answer["next_cursor"]

    ids, cursor = page("before=c5&limit=2")
    assert ids == ["c4", "c3"]
    assert page(f"before=c5&limit=2&cursor={cursor}")[0] == ["c2", "c1"]
    assert page("checkpoint_id=c3&before=c5")[0] == ["c3"]
    assert page("checkpoint_id=c3&before=c3")[0] == []
    assert page("checkpoint_id=c3&filter=%7B%22x%22:null%7D")[0] == ["c3"]
    assert page("checkpoint_id=c3&filter=%7B%22x%22:1%7D")[0] == []


def test_both_forms_in_one_list(server: Server, uid: str) -> None:
    wanted = []
    for i in range(3):
        server.put(f"/checkpoints/{uid}{i}/d", {"checkpoint_data": i, "metadata": {"mark": uid}})
        server.put(f"/checkpoints/{uid}{i}/c?ns=n",
                   {"checkpoint": {}, "values": [], "metadata": {"mark": uid}})
        wanted += [(f"{uid}{i}", "", "d"), (f"{uid}{i}", "n", "c")]
    seen, cursor = [], ""
    while True:
        body = {"filter": {"mark": uid}, "limit": 2, "cursor": cursor or None}
        answer = server.post("/checkpoints/query", body).json()
        seen += [(i["thread_id"], i["ns"], i["checkpoint_id"]) for i in answer["items"]]
        cursor = answer["next_cursor"]
        if not cursor:
            break
    assert sorted(seen) == sorted(wanted)
    assert [s[2] for s in seen] == ["c"] * 3 + ["d"] * 3


@pytest.mark.parametrize("limit, status", [
    ("1", 200), ("1000", 200), ("10.0", 400), ("1e1", 400), ("0", 400), ("1001", 400), ("1.5", 400),
    ("", 400), ("01", 400), ("%201", 400), ("1%20", 400), ("null", 400), ("1&limit=1", 400),
])
def test_limits(server: Server, uid: str, limit: str, status: int) -> None:
    for path in ("/sessions", "/threads", f"/sessions/{uid}/context/versions"):
        assert server.get(f"{path}?limit={limit}").status == status, path


@pytest.mark.parametrize("path, member, least", [
    ("/batch/sessions/get", "session_ids", 0), ("/maintenance/delete-runs", "run_ids", 1),
    ("/maintenance/prune", "thread_ids", 1),
])
def test_a_thousand_elements(server: Server, uid: str, path: str, member: str, least: int) -> None:
    more = {"strategy": "keep_latest"} if member == "thread_ids" else {}
    for n in (0, 1, 1000, 1001):
        answer = server.post(path, {member: [f"{uid}{i}" for i in range(n)]} | more)
        assert answer.status == (200 if least <= n <= 1000 else 400), n
        assert answer.status == 200 or answer.pointers == ["/" + member]


def test_integers_by_their_value(server: Server, uid: str) -> None:
    server.session(uid)
    server.put(f"/sessions/{uid}/context", {"context": "one"})
    for version, status in (("1.0", 200), ("10e-1", 200), ("1.5", 400), ("1e19", 400), ('"1"', 400)):
        raw = f'{{"from": {{"session_id": "{uid}", "version": {version}}}}}'
        assert server.call("PUT", f"/sessions/{uid}/context", raw=raw).status == status


def test_context_of_itself(server: Server, uid: str) -> None:
    server.session(uid)
    path = f"/sessions/{uid}/context"
    assert server.put(path, {"from": {"session_id": uid}}).code == "not_found"
    for i in range(12):
        server.put(path, {"context": i + 1})
    assert server.put(path, {"from": {"session_id": uid}}).json() == {"version": 13}
    assert server.put(path, {"from": {"session_id": uid, "version": 5}}).json() == {"version": 14}
    assert server.get(path).json()["context"] == 5
    assert server.put(path, {"from": {"session_id": uid, "version": 1}}).code == "not_found"


def test_older_than_with_an_offset(server: Server, uid: str) -> None:
    for i in range(3):
        server.put(f"/checkpoints/{uid}/c{i}", {"checkpoint_data": i})
        time.sleep(0.002)
    created = server.get(f"/checkpoints/{uid}/c1").json()["created_at"]
    days, clock = created.rstrip("Z").split("T")
    hour = int(clock[:2])
    same = (f"{days}T{hour - 5:02}{clock[2:]}-05:00" if hour >= 12
            else f"{days}T{hour + 5:02}{clock[2:]}+05:00")
    answer = server.post("/maintenance/prune", {"thread_ids": [uid], "older_than": same})
    assert answer.json() == {"removed": 1}
    assert server.get(f"/checkpoints/{uid}/c0").status == 404


def test_run_ids_are_strings(server: Server, uid: str) -> None:
    for i, run_id in enumerate((uid, 5, None, {"a": 1})):
        server.put(f"/checkpoints/{uid}/c{i}", {"checkpoint_data": 1, "metadata": {"run_id": run_id}})
    answer = server.post("/maintenance/delete-runs", {"run_ids": [uid, 5]})
    assert (answer.status, answer.pointers) == (400, ["/run_ids/1"])
    assert server.post("/maintenance/delete-runs", {"run_ids": [uid, uid]}).json() == {"removed": 1}
    assert len(server.get(f"/checkpoints?thread_id={uid}").json()["items"]) == 3


def test_readers_of_a_stream_leave(server: Server, uid: str) -> None:
    path = f"/conversations/{uid}/messages"
    for _ in range(3):
        server.post(path + "?require_session=false",
                    {"messages": [{"role": "u", "content": "x" * 3000}] * 1000})
    for _ in range(10):
        with socket.create_connection(("127.0.0.1", server.port)) as s:
            s.sendall(f"GET {path}?limit=0 HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            s.recv(5000)
    assert len(server.get(path + "?limit=0").json()["messages"]) == 3000


@pytest.mark.parametrize("id_", ["a/b", "a:b", "a}b", "😀", "query", "latest", "x" * 512, "é" * 256])
def test_one_id_in_all_places(server: Server, uid: str, id_: str) -> None:
    ns = f"?ns={seg(id_)}"
    at = f"{seg(id_)}/{seg(id_)}"
    put = {"checkpoint_data": 1, "parent_checkpoint_id": id_, "metadata": {"run_id": id_}}
    writes = {"task_path": id_, "writes": [{"channel": id_, "value": uid}]}
    assert server.put(f"/checkpoints/{at}{ns}", put).json() == {
        "thread_id": id_, "ns": id_, "checkpoint_id": id_}
    assert server.put(f"/writes/{at}/{seg(id_)}{ns}", writes).json() == {
        "checkpoint_id": id_, "task_id": id_}
    found = server.get(f"/checkpoints?thread_id={seg(id_)}&ns={seg(id_)}&checkpoint_id={seg(id_)}")
    (item,) = found.json()["items"]
    assert item["parent_checkpoint_id"] == id_
    assert item["writes"] == [{"task_id": id_, "task_path": id_, "idx": 0, "channel": id_,
                               "value": uid}]
    assert server.get(f"/threads/{seg(id_)}").json()["namespaces"] == [id_]
    assert server.delete(f"/threads/{seg(id_)}").status == 204


@pytest.mark.parametrize("target,live", [
    ("http://a/health/live", True), ("HTTPS://a:1/health/live", True), ("http://a/health/live?", True),
    ("foo?u=http://a/health/live", False), ("foo://a/health/live", False), ("?http://a/health/live", False),
    ("http://a?/health/live", False), ("http://a#/health/live", False), ("http://a", False), ("http:/", False),
    ("/health/live?u=http://a/sessions", False), ("http://", False), ("x", False)])
def test_a_target_with_a_host(server: Server, target: str, live: bool) -> None:
    """What is in a query is never taken for the path."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as s:
        s.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: s.recv(65536), b""))
    status = 200 if live else 400 if target[0] == "/" or "#" in target else 404
    assert answer.startswith(b"HTTP/1.1 %d " % status), answer


def test_a_path_that_is_not_utf8_is_logged(own: Any) -> None:
    server: Server = own()
    for path in (b"/caf\xff\xc3\xa9/x", "/café".encode(), b"/sessions/a\xff", b"/sessions/%ff"):
        server.raw(b"GET " + path + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    server.raw(b"G\xff /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert server.stop() == 0
    lines = [json.loads(line) for line in server.log_path.read_text("utf-8").splitlines()]
    paths = [line["path"] for line in lines if line["event"] == "request"]
    # Each loop writes its lines after it has answered, so lines change places, with the fixture's as well.
    assert sorted(path for path in paths if path != "/health/ready") == sorted(
        ["/caf%FF%C3%A9/x", "/café", "/sessions/a%FF", "/sessions/%ff", "/x"])
    assert "G%FF" in [line.get("method") for line in lines]
