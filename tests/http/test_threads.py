"""Writes, threads and maintenance."""

from __future__ import annotations

import base64
import time
from typing import Any

import pytest
from conftest import Server


def w(idx: int, value: bytes, channel: str = "ch") -> dict[str, Any]:
    return {"idx": idx, "channel": channel, "type": "bytes", "base64": base64.b64encode(value).decode()}


def put(server: Server, path: str, writes: list[Any], **kw: Any) -> int:
    answer = server.put(f"/writes/{path}", {"writes": writes, **kw})
    assert answer.status in (200, 201), answer.body
    return answer.status


def got(server: Server, path: str) -> list[tuple[Any, ...]]:
    answer = server.get(f"/writes/{path}")
    assert answer.status == 200
    return [(x["task_id"], x["idx"], base64.b64decode(x["base64"]) if "base64" in x else x["value"])
            for x in answer.json()["writes"]]


def checkpoint(server: Server, thread: str, id_: str, ns: str = "", **metadata: Any) -> None:
    body = {"checkpoint": {"channel_versions": {"a": id_}}, "metadata": metadata,
            "values": [{"channel": "a", "version": id_, "type": "t", "base64": "YQ=="}]}
    assert server.put(f"/checkpoints/{thread}/{id_}?ns={ns}", body).status == 201


# writes -----------------------------------------------------------------------------------------

def test_modes(server: Server, uid: str) -> None:
    assert put(server, f"{uid}/c/t", [w(0, b"a"), w(-3, b"i")], mode="ignore") == 201
    assert put(server, f"{uid}/c/t", [w(0, b"b"), w(1, b"n")], mode="ignore") == 200
    assert got(server, f"{uid}/c") == [("t", -3, b"i"), ("t", 0, b"a"), ("t", 1, b"n")]
    put(server, f"{uid}/c/t", [w(0, b"c"), w(2, b"m")], mode="upsert")
    assert got(server, f"{uid}/c") == [("t", -3, b"i"), ("t", 0, b"c"), ("t", 1, b"n"), ("t", 2, b"m")]
    put(server, f"{uid}/c/t", [w(5, b"z")], mode="replace")
    assert got(server, f"{uid}/c") == [("t", 5, b"z")]


def test_channel_order(server: Server, uid: str) -> None:
    put(server, f"{uid}/c/b", [w(0, b"3")], task_path="p2")
    put(server, f"{uid}/c/z", [w(1, b"2"), w(0, b"1")], task_path="p1")
    put(server, f"{uid}/c/a", [w(0, b"4")], task_path="p2")
    assert [v for _, _, v in got(server, f"{uid}/c")] == [b"1", b"2", b"4", b"3"]
    checkpoint(server, uid, "c")
    writes = server.get(f"/checkpoints/{uid}/c").json()["writes"]
    assert [x["task_path"] for x in writes] == ["p1", "p1", "p2", "p2"]


def test_document_order_is_that_of_first_writes(server: Server, uid: str) -> None:
    for task in ("z", "a", "m", "z"):
        put(server, f"{uid}/c/{task}", [{"channel": "x", "value": task}, {"channel": "y", "value": 2}])
    assert got(server, f"{uid}/c") == [("z", 0, "z"), ("z", 1, 2), ("a", 0, "a"), ("a", 1, 2),
                                       ("m", 0, "m"), ("m", 1, 2)]
    put(server, f"{uid}/c/z", [{"channel": "x", "value": "again"}])
    assert got(server, f"{uid}/c")[0] == ("z", 0, "again") and len(got(server, f"{uid}/c")) == 5


def test_writes_before_their_checkpoint(server: Server, uid: str) -> None:
    put(server, f"{uid}/c/t", [w(0, b"early")])
    assert server.get(f"/checkpoints/{uid}/c").status == 404
    assert server.get(f"/threads/{uid}/latest").status == 404
    assert server.get(f"/threads/{uid}").json()["checkpoints"] == 0
    checkpoint(server, uid, "c")
    assert [x["task_id"] for x in server.get(f"/checkpoints/{uid}/c").json()["writes"]] == ["t"]
    checkpoint_again = server.put(f"/checkpoints/{uid}/c", {
        "checkpoint": {"channel_versions": {}}, "values": []})
    assert checkpoint_again.status == 200
    assert len(got(server, f"{uid}/c")) == 1


def test_no_writes(server: Server, uid: str) -> None:
    assert got(server, f"{uid}/none") == []


@pytest.mark.parametrize("mode", [None, "upsert", "ignore", "replace"])
def test_an_empty_list_fits_either_form(server: Server, uid: str, mode: str | None) -> None:
    """An empty list fixes no form, and removes where the mode is replace, which is the default of document form."""
    body = {"writes": [], "mode": mode}
    forms = {"channel": w(0, b"x"), "document": {"channel": "x", "value": 1}}
    for form, write in forms.items():
        at = f"{uid}-{form}/c"
        answer = server.put(f"/writes/{at}/empty", body)
        assert answer.status == 201 and answer.json() == {"checkpoint_id": "c", "task_id": "empty"}
        put(server, f"{at}/t", [write])
        answer = server.put(f"/writes/{at}/t", body)
        assert answer.status == 200 and answer.json() == {"checkpoint_id": "c", "task_id": "t"}
        removed = mode == "replace" or (mode is None and form == "document")
        assert got(server, at) == [] if removed else len(got(server, at)) == 1
        other = forms["document" if form == "channel" else "channel"]
        assert server.put(f"/writes/{at}/t", {"writes": [other]}).code == "form_mismatch"


@pytest.mark.parametrize(("body", "pointer"), [
    ({}, "/writes"), ({"writes": 1}, "/writes"), ({"writes": [1]}, "/writes/0"),
    ({"writes": [w(0, b""), w(0, b"")]}, "/writes/1/idx"),
    ({"writes": [{"channel": "x", "type": "t", "base64": ""}]}, "/writes/0/idx"),
    ({"writes": [{"channel": "x"}]}, "/writes/0/value"), ({"writes": [{"channel": "x", "idx": 0}]}, "/writes/0/value"),
    ({"writes": [w(0, b""), {"channel": "x", "value": 1}]}, "/writes/1"),
    ({"writes": [{"idx": 1 << 40, "channel": "x", "value": 1}]}, "/writes/0/idx"),
    ({"writes": [{"channel": "", "value": 1}]}, "/writes/0/channel"),
    ({"writes": [], "mode": "other"}, "/mode"), ({"writes": [], "task_path": 1}, "/task_path"),
])
def test_invalid_writes(server: Server, uid: str, body: object, pointer: str) -> None:
    answer = server.put(f"/writes/{uid}/c/t", body)
    assert answer.status == 400 and answer.code == "invalid_request", answer.body
    assert answer.pointers and answer.pointers[0].startswith(pointer), answer.body


# threads ----------------------------------------------------------------------------------------

def test_thread(server: Server, uid: str) -> None:
    for c in ("1", "2"):
        checkpoint(server, uid, c)
    checkpoint(server, uid, "3", ns="sub")
    put(server, f"{uid}/2/t", [w(0, b"x" * 100)])
    t = server.get(f"/threads/{uid}").json()
    assert t["thread_id"] == uid and sorted(t["namespaces"]) == ["", "sub"]
    assert t["checkpoints"] == 3 and t["latest"] == "2" and t["bytes"] >= 100
    assert t["updated_at"].endswith("Z")


def test_thread_list(server: Server, uid: str) -> None:
    names = [f"{uid}-{i}" for i in range(12)]
    for name in names:
        checkpoint(server, name, "c")
    put(server, f"{uid}-x/c/t", [w(0, b"")])
    names = sorted([*names, f"{uid}-x"])
    seen, cursor = [], ""
    while True:
        page = server.get(f"/threads?prefix={uid}-&limit=5{cursor}").json()
        seen += [t["thread_id"] for t in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = "&cursor=" + page["next_cursor"]
    assert seen == names
    mark = server.get(f"/threads/{uid}-3").json()["updated_at"]
    later = server.get(f"/threads?prefix={uid}-&updated_after={mark}").json()["items"]
    assert sorted(t["thread_id"] for t in later) == sorted(set(names) - {f"{uid}-{i}" for i in range(4)})
    assert server.get("/threads?updated_after=yesterday").pointers == ["?updated_after"]


def test_delete(server: Server, uid: str) -> None:
    checkpoint(server, uid, "1")
    put(server, f"{uid}/1/t", [w(0, b"x")])
    put(server, f"{uid}/2/t?ns=other", [w(0, b"x")])
    assert server.delete(f"/threads/{uid}").status == 204
    assert server.get(f"/threads/{uid}").status == 404
    assert got(server, f"{uid}/1") == [] and got(server, f"{uid}/2?ns=other") == []
    assert server.delete(f"/threads/{uid}").status == 204
    checkpoint(server, uid, "1")
    assert server.get(f"/checkpoints/{uid}/1").json()["writes"] == []


def test_copy(server: Server, uid: str) -> None:
    checkpoint(server, uid, "1", k=1)
    checkpoint(server, uid, "2", ns="sub")
    put(server, f"{uid}/1/t", [w(0, b"x"), w(1, b"y")])
    put(server, f"{uid}/1/t2", [w(0, b"z")])
    answer = server.post(f"/threads/{uid}/copy", {"to": uid + "-to"})
    assert answer.status == 200 and answer.json() == {"checkpoints": 2, "writes": 3}
    a, b = (server.get(f"/checkpoints/{t}/1").json() for t in (uid, uid + "-to"))
    assert {**a, "thread_id": 0, "created_at": 0} == {**b, "thread_id": 0, "created_at": 0}
    again = server.post(f"/threads/{uid}/copy", {"to": uid + "-to"})
    assert again.status == 409 and again.code == "thread_exists"
    server.delete(f"/threads/{uid}")
    assert server.get(f"/checkpoints/{uid}-to/1").json()["values"] == b["values"]
    assert server.get(f"/checkpoints/{uid}-to/2?ns=sub").status == 200
    empty = server.post(f"/threads/{uid}-none/copy", {"to": uid + "-none2"})
    assert empty.json() == {"checkpoints": 0, "writes": 0}
    assert server.post(f"/threads/{uid}/copy", {"to": uid}).pointers == ["/to"]


# maintenance ------------------------------------------------------------------------------------

def ids(server: Server, thread: str, ns: str = "") -> list[str]:
    page = server.get(f"/checkpoints?thread_id={thread}&ns={ns}&limit=1000").json()
    return [i["checkpoint_id"] for i in page["items"]]


def test_prune(server: Server, uid: str) -> None:
    for i in range(6):
        checkpoint(server, uid, str(i))
        checkpoint(server, uid, str(i), ns="sub")
    put(server, f"{uid}/0/t", [w(0, b"x")])
    answer = server.post("/maintenance/prune", {"thread_ids": [uid], "strategy": "keep_latest",
                                                "keep_last": 4})
    assert answer.status == 200 and answer.json() == {"removed": 4}
    assert ids(server, uid) == ids(server, uid, "sub") == ["5", "4", "3", "2"]
    assert got(server, f"{uid}/0") == []
    assert server.post("/maintenance/prune", {"thread_ids": [uid], "strategy": "keep_latest"}).json() == {
        "removed": 6}
    assert ids(server, uid) == ["5"]
    assert server.get(f"/checkpoints/{uid}/5").json()["values"][0]["base64"] == "YQ=="
    server.post("/maintenance/prune", {"thread_ids": [uid, uid + "-no"], "strategy": "delete"})
    assert server.get(f"/threads/{uid}").status == 404


def test_prune_by_age(server: Server, uid: str) -> None:
    for i in range(4):
        server.put(f"/checkpoints/{uid}/{i}", {"checkpoint_data": i})
    mark = server.get(f"/checkpoints/{uid}/2").json()["created_at"]
    answer = server.post("/maintenance/prune", {"thread_ids": [uid], "older_than": mark})
    assert answer.json() == {"removed": 2} and ids(server, uid) == ["3", "2"]


def test_prune_keeps_carried_values(server: Server, uid: str) -> None:
    checkpoint(server, uid, "1")
    body = {"checkpoint": {"channel_versions": {"a": "1"}}, "metadata": {}, "values": [],
            "parent_checkpoint_id": "1"}
    server.put(f"/checkpoints/{uid}/2", body)
    server.post("/maintenance/prune", {"thread_ids": [uid], "strategy": "keep_latest"})
    kept = server.get(f"/checkpoints/{uid}/2").json()
    assert kept["values"][0]["base64"] == "YQ==" and kept["parent_checkpoint_id"] is None


def test_delete_runs(server: Server, uid: str) -> None:
    for i, run in enumerate(("r1", "r2", "r1", None)):
        checkpoint(server, uid, str(i), **({"run_id": uid + run} if run else {}))
    checkpoint(server, uid + "-2", "x", run_id=uid + "r1")
    answer = server.post("/maintenance/delete-runs", {"run_ids": [uid + "r1", "none"]})
    assert answer.status == 200 and answer.json() == {"removed": 3}
    assert ids(server, uid) == ["3", "1"] and server.get(f"/threads/{uid}-2").status == 404


def test_cleanup(fresh: Any, uid: str) -> None:
    server: Server = fresh()
    for id_ in (uid, uid + ":x"):
        server.session(id_)
    checkpoint(server, uid, "c")
    put(server, f"{uid}/c/t", [w(0, b"x")])
    checkpoint(server, uid + "other", "c")
    server.post(f"/conversations/{uid}/messages", {"role": "u", "content": 1})
    server.post(f"/conversations/{uid}-lone/messages?require_session=false", {"role": "u", "content": 1})
    assert server.post("/maintenance/cleanup").json() == {"removed": 0}
    time.sleep(0.01)
    assert server.post("/maintenance/cleanup", {"max_idle_hours": 0}).json() == {"removed": 2}
    assert server.get(f"/sessions/{uid}").status == 404
    assert server.get(f"/threads/{uid}").status == 404 and got(server, f"{uid}/c") == []
    assert server.get(f"/conversations/{uid}-lone/messages").json()["messages"] == []
    assert server.get(f"/checkpoints/{uid}other/c").status == 200
    assert server.post("/maintenance/cleanup", {"max_idle_hours": -1}).pointers == ["/max_idle_hours"]


def test_cleanup_of_many(fresh: Any) -> None:
    server: Server = fresh()
    for start in (0, 1000):
        body = {"sessions": [{"session_id": f"s{start + i}", "user_id": "u"} for i in range(1000)]}
        assert server.post("/batch/sessions/create", body).status == 200
    time.sleep(0.01)
    assert server.post("/maintenance/cleanup", {"max_idle_hours": 0}).json() == {"removed": 2000}


@pytest.mark.parametrize(("path", "body", "pointer"), [
    ("prune", {}, "/thread_ids"), ("prune", {"thread_ids": ["t"], "strategy": "x"}, "/strategy"),
    ("prune", {"thread_ids": ["t"], "keep_last": 0}, "/keep_last"),
    ("prune", {"thread_ids": ["t"], "older_than": "x"}, "/older_than"),
    ("prune", {"thread_ids": [1], "strategy": "delete"}, "/thread_ids/0"),
    ("delete-runs", {"run_ids": "x"}, "/run_ids"), ("delete-runs", {}, "/run_ids"),
])
def test_invalid_maintenance(server: Server, path: str, body: object, pointer: str) -> None:
    answer = server.post("/maintenance/" + path, body)
    assert answer.status == 400 and answer.pointers == [pointer], answer.body
