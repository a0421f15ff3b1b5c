"""Checkpoints in both forms, in JSON and in frames; lists, filters, cursors."""

from __future__ import annotations

import base64
import json
import os
from typing import Any

import frames
import pytest
from conftest import Answer, Server, seg


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def channel(versions: dict[str, Any], values: dict[str, bytes], **more: Any) -> dict[str, Any]:
    return {"checkpoint": {"v": 4, "channel_versions": versions}, "metadata": {},
            "values": [{"channel": c, "version": versions[c], "type": "msgpack", "base64": b64(v)}
                       for c, v in values.items()]} | more


def values_of(checkpoint: dict[str, Any]) -> dict[str, bytes]:
    return {v["channel"]: base64.b64decode(v["base64"]) for v in checkpoint["values"]}


def listed(server: Server, query: str) -> list[str]:
    answer = server.get("/checkpoints?" + query)
    assert answer.status == 200, answer.body
    return [i["checkpoint_id"] for i in answer.json()["items"]]


# document form ----------------------------------------------------------------------------------

def test_document(server: Server, uid: str) -> None:
    answer = server.put(f"/checkpoints/{uid}/c1", {"checkpoint_data": {"a": 1}, "metadata": {"m": 1},
                                                   "parent_checkpoint_id": "c0"})
    assert answer.status == 201
    assert answer.json() == {"thread_id": uid, "ns": "", "checkpoint_id": "c1"}
    got = server.get(f"/checkpoints/{uid}/c1").json()
    assert got.pop("created_at").endswith("Z")
    assert got == {"thread_id": uid, "ns": "", "checkpoint_id": "c1", "parent_checkpoint_id": "c0",
                   "checkpoint_data": {"a": 1}, "metadata": {"m": 1}, "writes": []}


def test_document_order_is_the_order_of_writing(server: Server, uid: str) -> None:
    for c in ("z", "a", "m"):
        server.put(f"/checkpoints/{uid}/{c}", {"checkpoint_data": c})
    assert server.get(f"/threads/{uid}/latest").json()["checkpoint_id"] == "m"
    assert server.put(f"/checkpoints/{uid}/z", {"checkpoint_data": "new"}).status == 200
    assert server.get(f"/threads/{uid}/latest").json()["checkpoint_data"] == "new"
    assert listed(server, f"thread_id={uid}") == ["z", "m", "a"]
    assert listed(server, f"thread_id={uid}&limit=2") == ["z", "m"]
    assert listed(server, f"thread_id={uid}&before=m") == ["a"]
    unknown = server.get(f"/checkpoints?thread_id={uid}&before=nope")
    assert unknown.status == 400 and unknown.pointers == ["?before"]


def test_not_found(server: Server, uid: str) -> None:
    for path in (f"/checkpoints/{uid}/c", f"/threads/{uid}/latest", f"/threads/{uid}"):
        answer = server.get(path)
        assert answer.status == 404 and answer.code == "not_found"


# channel form -----------------------------------------------------------------------------------

def test_channel(server: Server, uid: str) -> None:
    first = channel({"messages": "01.5", "n": 1, "f": 1.5}, {"messages": b"\x00\xff", "n": b"", "f": b"f"})
    assert server.put(f"/checkpoints/{uid}/c1?ns=inner", first).status == 201
    got = server.get(f"/checkpoints/{uid}/c1?ns=inner").json()
    assert got["checkpoint"] == first["checkpoint"] and got["parent_checkpoint_id"] is None
    assert {v["channel"]: v["version"] for v in got["values"]} == {"messages": "01.5", "n": 1, "f": 1.5}
    assert values_of(got) == {"messages": b"\x00\xff", "n": b"", "f": b"f"}
    assert {v["type"] for v in got["values"]} == {"msgpack"}
    assert server.get(f"/checkpoints/{uid}/c1").status == 404
    assert server.get(f"/threads/{uid}/latest?ns=inner").json() == got


def test_channels_not_sent_are_carried(server: Server, uid: str) -> None:
    server.put(f"/checkpoints/{uid}/1", channel({"a": 1, "b": 1, "gone": 1},
                                                {"a": b"a1", "b": b"b1", "gone": b"g"}))
    body = channel({"a": 2, "b": 1, "gone": 1, "never": 7}, {"a": b"a2"}, removed=["gone"],
                   parent_checkpoint_id="1")
    assert server.put(f"/checkpoints/{uid}/2", body).status == 201
    assert values_of(server.get(f"/checkpoints/{uid}/2").json()) == {"a": b"a2", "b": b"b1"}
    assert values_of(server.get(f"/checkpoints/{uid}/1").json()) == {"a": b"a1", "b": b"b1", "gone": b"g"}


def test_many_channels_are_carried(server: Server, uid: str) -> None:
    """Finding each must not cost as much as looking at all of them, or the store would seem to hang."""
    versions = {f"c{i}": str(i) for i in range(10_000)}
    values = dict.fromkeys(versions, b"x")
    assert server.put(f"/checkpoints/{uid}/c1", channel(versions, values)).status == 201
    for later in ("c2", "c3"):
        assert server.put(f"/checkpoints/{uid}/{later}", channel(versions, {})).status == 201
        assert values_of(server.get(f"/checkpoints/{uid}/{later}").json()) == values


def test_versions_keep_their_type(server: Server, uid: str) -> None:
    server.put(f"/checkpoints/{uid}/1", channel({"a": 1}, {"a": b"int"}))
    server.put(f"/checkpoints/{uid}/2", channel({"a": "1"}, {}))
    server.put(f"/checkpoints/{uid}/3", channel({"a": 1}, {}))
    assert values_of(server.get(f"/checkpoints/{uid}/2").json()) == {}
    assert values_of(server.get(f"/checkpoints/{uid}/3").json()) == {"a": b"int"}


def test_put_again_replaces(server: Server, uid: str) -> None:
    server.put(f"/checkpoints/{uid}/c", channel({"a": 1, "b": 1}, {"a": b"old", "b": b"old"}))
    answer = server.put(f"/checkpoints/{uid}/c", channel({"a": 1}, {"a": b"new"}, metadata={"k": 1}))
    assert answer.status == 200
    got = server.get(f"/checkpoints/{uid}/c").json()
    assert values_of(got) == {"a": b"new"} and got["metadata"] == {"k": 1}
    assert server.get(f"/threads/{uid}").json()["checkpoints"] == 1


def test_latest_is_the_highest_id(server: Server, uid: str) -> None:
    for c in ("2", "3", "1"):
        server.put(f"/checkpoints/{uid}/{c}", channel({}, {}))
    assert server.get(f"/threads/{uid}/latest").json()["checkpoint_id"] == "3"
    assert listed(server, f"thread_id={uid}") == ["3", "2", "1"]
    assert listed(server, f"thread_id={uid}&before=3") == ["2", "1"]


def test_form_is_fixed(server: Server, uid: str) -> None:
    server.put(f"/checkpoints/{uid}/c", {"checkpoint_data": 1})
    other = server.put(f"/checkpoints/{uid}/d", channel({}, {}))
    assert other.status == 409 and other.code == "form_mismatch"
    w = {"writes": [{"idx": 0, "channel": "x", "type": "t", "base64": ""}]}
    assert server.put(f"/writes/{uid}/c/t", w).code == "form_mismatch"
    assert server.put(f"/checkpoints/{uid}/d?ns=x", channel({}, {})).status == 201
    server.delete(f"/threads/{uid}")
    assert server.put(f"/checkpoints/{uid}/d", channel({}, {})).status == 201


# frames -----------------------------------------------------------------------------------------

def framed(server: Server, path: str) -> Any:
    answer = server.get(path, headers={"Accept": frames.TYPE})
    assert answer.status == 200 and answer.headers["Content-Type"] == frames.TYPE
    return frames.unpack(answer.body)


def test_frame(server: Server, uid: str) -> None:
    big, small = os.urandom(300_000), b"\x00"
    header = {"checkpoint": {"channel_versions": {"big": 1, "none": 1, "small": "2"}}, "metadata": {},
              "values": [{"channel": "big", "version": 1, "type": "bytes", "len": len(big)},
                         {"channel": "none", "version": 1, "type": "null", "len": 0},
                         {"channel": "small", "version": "2", "type": "msgpack", "len": 1}]}
    answer = server.put(f"/checkpoints/{uid}/c", raw=frames.pack(header, big, small),
                        headers={"Content-Type": frames.TYPE})
    assert answer.status == 201, answer.body
    w = {"writes": [{"idx": 0, "channel": "x", "type": "bytes", "len": 3}]}
    assert server.put(f"/writes/{uid}/c/t", raw=frames.pack(w, b"abc"),
                      headers={"Content-Type": frames.TYPE}).status == 201
    got = framed(server, f"/checkpoints/{uid}/c")
    assert {v["channel"]: v["bytes"] for v in got["values"]} == {"big": big, "none": b"", "small": small}
    assert [(x["task_id"], x["bytes"]) for x in got["writes"]] == [("t", b"abc")]
    assert values_of(server.get(f"/checkpoints/{uid}/c").json())["big"] == big
    page = framed(server, f"/checkpoints?thread_id={uid}")
    assert [v["bytes"] for v in page["values"]] == [big, b"", small]
    assert page["items"][0]["values"] == [0, 1, 2]
    assert framed(server, f"/writes/{uid}/c")["writes"][0]["bytes"] == b"abc"


def test_an_emptied_task_stays_known(server: Server, uid: str) -> None:
    assert server.put(f"/writes/{uid}/c1/t", {"writes": [{"idx": 0, "channel": "a", "value": 1}]}).status == 201
    assert server.put(f"/writes/{uid}/c1/t", {"mode": "replace", "writes": []}).status == 200
    assert server.get(f"/writes/{uid}/c1").json()["writes"] == []
    thread = server.get(f"/threads/{uid}")
    assert thread.status == 200 and thread.json()["checkpoints"] == 0
    assert server.delete(f"/threads/{uid}").status == 204
    assert server.get(f"/threads/{uid}").status == 404


def test_many_writes_of_a_task(server: Server, uid: str) -> None:
    """What a step planned is stored whole or not at all, so it must fit into one request."""
    def put(n: int) -> Any:
        writes = [{"idx": i, "channel": "__pregel_tasks", "type": "msgpack", "len": 5} for i in range(n)]
        raw = frames.pack({"mode": "ignore", "writes": writes}, *(b"%05d" % i for i in range(n)))
        return server.put(f"/writes/{uid}/c/t", raw=raw, headers={"Content-Type": frames.TYPE})

    refused = put(65537)
    assert refused.status == 400 and "/writes: must have at most 65536 elements" in refused.json()["detail"]
    for n, status in ((1001, 201), (65536, 200)):
        assert put(n).status == status
        got = framed(server, f"/writes/{uid}/c")["writes"]
        assert [(w["idx"], w["bytes"]) for w in got] == [(i, b"%05d" % i) for i in range(n)]
    server.put(f"/checkpoints/{uid}/c", channel({}, {}))
    assert len(framed(server, f"/checkpoints?thread_id={uid}")["items"][0]["writes"]) == 65536


@pytest.mark.parametrize("make", [
    lambda f: f[:3], lambda f: f[:-1], lambda f: f + b"x", lambda f: b"\xff\xff\xff\xff" + f[4:],
    lambda f: b"", lambda f: b"\0\0\0\0", lambda f: f[:4] + b"!" + f[5:],
], ids=range(7))
def test_bad_frame(server: Server, uid: str, make: Any) -> None:
    good = frames.pack({"checkpoint": {"channel_versions": {"a": 1}}, "metadata": {},
                        "values": [{"channel": "a", "version": 1, "type": "t", "len": 4}]}, b"data")
    answer = server.put(f"/checkpoints/{uid}/c", raw=make(good), headers={"Content-Type": frames.TYPE})
    assert answer.status == 400 and answer.code == "invalid_request", answer.body


def test_frame_where_none_belongs(server: Server, uid: str) -> None:
    answer = server.put(f"/sessions/{uid}", raw=frames.pack({"user_id": "u"}),
                        headers={"Content-Type": frames.TYPE})
    assert answer.status == 415 and answer.code == "unsupported_media_type"


# lists ------------------------------------------------------------------------------------------

def pages(server: Server, query: str, limit: int) -> list[str]:
    out, cursor = [], ""
    while True:
        page = server.get(f"/checkpoints?{query}&limit={limit}{cursor}").json()
        out += [i["checkpoint_id"] for i in page["items"]]
        if page["next_cursor"] is None:
            return out
        cursor = "&cursor=" + page["next_cursor"]


@pytest.mark.parametrize("form", ["document", "channel"])
def test_pages(server: Server, uid: str, form: str) -> None:
    ids = [f"{i:03}" for i in range(25)]
    for c in ids:
        body = {"checkpoint_data": c} if form == "document" else channel({}, {})
        server.put(f"/checkpoints/{uid}/{c}?ns=x", body)
    assert pages(server, f"thread_id={uid}&ns=x", 4) == ids[::-1]
    assert pages(server, f"thread_id={uid}", 25) == ids[::-1]
    assert pages(server, f"thread_id={uid}&ns=", 5) == []
    assert pages(server, f"thread_id={uid}&before=020", 7) == ids[19::-1]


def test_across_threads_and_namespaces(server: Server, uid: str) -> None:
    tag = json.dumps({"tag": uid})
    for i, (t, ns) in enumerate([("a", ""), ("b", ""), ("a", "n"), ("b", "n"), ("a", "")]):
        server.put(f"/checkpoints/{uid}-{t}/{i}?ns={ns}", channel({}, {}, metadata={"tag": uid}))
    for t in ("a", "b"):
        server.put(f"/checkpoints/{uid}-{t}/same", channel({}, {}, metadata={"tag": uid}))
    answer = server.get(f"/checkpoints?limit=100&filter={seg(tag)}").json()
    got = [(i["checkpoint_id"], i["thread_id"][-1], i["ns"]) for i in answer["items"]]
    assert got == [("same", "b", ""), ("same", "a", ""), ("4", "a", ""), ("3", "b", "n"), ("2", "a", "n"),
                   ("1", "b", ""), ("0", "a", "")]
    assert pages(server, f"filter={seg(tag)}", 2) == [g[0] for g in got]
    exact = server.get(f"/checkpoints?thread_id={uid}-a&checkpoint_id=2").json()["items"]
    assert [(i["checkpoint_id"], i["ns"]) for i in exact] == [("2", "n")]


def test_filter(server: Server, uid: str) -> None:
    metadata = {"1": '{"n":1,"s":"é","o":{"a":1,"b":[1,2]},"big":1180591620717411303424,"a.b":1}',
                "2": '{"n":1.0,"s":"\\u00e9","o":{"b":[1,2],"a":1},"t":true}',
                "3": '{"n":true,"s":"x","o":{"a":1,"b":[2,1]},"z":null}',
                "4": '{"n":"1","big":1180591620717411303425,"a":{"b":1}}'}
    for c, text in metadata.items():
        server.put(f"/checkpoints/{uid}/{c}", raw='{"checkpoint_data":0,"metadata":%s}' % text)

    def match(text: str) -> str:
        by_query = listed(server, f"thread_id={uid}&filter={seg(text)}")
        by_body = server.post("/checkpoints/query",
                              raw='{"thread_id":"%s","filter":%s}' % (uid, text)).json()["items"]
        assert [i["checkpoint_id"] for i in by_body] == by_query
        return "".join(sorted(by_query))

    assert match("{}") == "1234"
    assert match('{"n":1}') == match('{"n":10e-1}') == "12"
    assert match('{"n":true}') == "3" and match('{"n":"1"}') == "4"
    assert match('{"s":"é"}') == match('{"s":"\\u00E9"}') == "12"
    assert match('{"o":{"b":[1,2],"a":1.0}}') == "12"
    assert match('{"big":1180591620717411303424}') == "1"
    assert match('{"a.b":1}') == "1"
    assert match('{"z":null}') == "1234" and match('{"t":null}') == "134"
    assert match('{"n":1,"t":true}') == "2"
    assert match('{"\' OR 1=1 --":1}') == ""


def test_some_channels_only(server: Server, uid: str) -> None:
    """Whether a value is in the head of its checkpoint or in a row of its own."""
    large = b"x" * 5000
    server.put(f"/checkpoints/{uid}/1", channel({"a": 1, "b": 1}, {"a": b"a1", "b": large}))
    server.put(f"/checkpoints/{uid}/2", channel({"a": 1, "b": 2}, {"b": large + b"2"}))
    for i, name in enumerate("ab"):
        entry = {"idx": 0, "channel": name, "type": "t", "base64": b64(name.encode())}
        assert server.put(f"/writes/{uid}/2/task{i}", {"mode": "upsert", "writes": [entry]}).status < 300

    def of(channels: Any) -> list[tuple[list[str], list[str]]]:
        page = server.post("/checkpoints/query", {"thread_id": uid, "channels": channels}).json()
        return [(sorted(page["values"][i]["base64"][:4] for i in item["values"]),
                 [write["channel"] for write in item["writes"]]) for item in page["items"]]

    assert of(None) == [(["YTE=", "eHh4"], ["a", "b"]), (["YTE=", "eHh4"], [])]
    assert of(["b", "none", "b"]) == [(["eHh4"], ["b"]), (["eHh4"], [])]
    assert of(["a"]) == [(["YTE="], ["a"]), (["YTE="], [])]
    assert of([]) == [([], []), ([], [])]
    for wrong, at in ((["a", 1], "/channels/1"), ("a", "/channels"), (["a"] * 1001, "/channels")):
        answer = server.post("/checkpoints/query", {"thread_id": uid, "channels": wrong})
        assert answer.status == 400 and answer.json()["errors"][0]["pointer"] == at
    assert server.get(f"/checkpoints?thread_id={uid}&channels=a").status == 400


def test_values_are_shared(server: Server, uid: str) -> None:
    server.put(f"/checkpoints/{uid}/1", channel({"a": 1, "b": 1}, {"a": b"a1", "b": b"b1"}))
    server.put(f"/checkpoints/{uid}/2", channel({"a": 2, "b": 1}, {"a": b"a2"}))
    server.put(f"/checkpoints/{uid}/3", channel({"a": 2, "b": 1}, {}))
    page = server.get(f"/checkpoints?thread_id={uid}").json()
    assert len(page["values"]) == 3
    for item in page["items"]:
        values = {page["values"][i]["channel"]: page["values"][i]["base64"] for i in item["values"]}
        assert values == {"a": b64(b"a1" if item["checkpoint_id"] == "1" else b"a2"), "b": b64(b"b1")}
    lean = server.get(f"/checkpoints?thread_id={uid}&values=false").json()
    assert all("values" not in i for i in lean["items"]) and len(lean["items"]) == 3


@pytest.mark.parametrize("form", ["document", "channel"])
def test_big_ones_come_in_short_pages(server: Server, uid: str, form: str) -> None:
    big = "x" * 5_000_000
    ids = [str(i) for i in range(8)]
    for c in ids:
        body = {"checkpoint_data": big} if form == "document" else {"checkpoint": {"b": big}, "values": []}
        assert server.put(f"/checkpoints/{uid}/{c}", body).status == 201
    query = f"/checkpoints?thread_id={uid}&limit=100"
    page = server.get(query).json()
    assert 0 < len(page["items"]) < len(ids)
    seen = [i["checkpoint_id"] for i in page["items"]]
    while page["next_cursor"]:
        page = server.get(f"{query}&cursor={page['next_cursor']}").json()
        assert page["items"]
        seen += [i["checkpoint_id"] for i in page["items"]]
    assert seen == ids[::-1]


@pytest.mark.parametrize("long", [[0], {"": 0}])
def test_filters_pass_over_metadata_of_many_items(server: Server, uid: str, long: list[int] | dict[str, int]) -> None:
    text = json.dumps(long)
    many = text[0] + ",".join([text[1:-1]] * 262145) + text[-1]
    server.put(f"/checkpoints/{uid}/1", raw='{"checkpoint_data":1,"metadata":{"a":%s}}' % many)
    server.put(f"/checkpoints/{uid}/2", {"checkpoint_data": 1, "metadata": {"a": [0]}})

    def found(filter_: str) -> list[str]:
        answer = server.post("/checkpoints/query", raw='{"thread_id":"%s","filter":%s}' % (uid, filter_))
        assert answer.status == 200, answer.body
        return [item["checkpoint_id"] for item in answer.json()["items"]]

    assert found('{"a": [0.0]}') == ["2"]
    assert found('{"a": %s, "b": null}' % many.replace("0", "0.0")) == ["1"]


def test_limit_zero(server: Server, uid: str) -> None:
    server.put(f"/checkpoints/{uid}/1", {"checkpoint_data": 1})
    page = server.get(f"/checkpoints?thread_id={uid}&limit=0").json()
    assert page["items"] == [] and page["next_cursor"] is None


# errors -----------------------------------------------------------------------------------------

def sent(values: list[Any]) -> dict[str, Any]:
    return {"checkpoint": {"channel_versions": {"a": 1}}, "metadata": {}, "values": values}


def value(**kw: Any) -> dict[str, Any]:
    return {"channel": "a", "version": 1, "type": "t", "base64": "", **kw}


@pytest.mark.parametrize(("body", "pointer"), [
    ({}, None), ({"checkpoint_data": 1, "checkpoint": {}}, None), ({"checkpoint_data": 1, "values": []}, None),
    ({"checkpoint": 1, "values": []}, "/checkpoint"), ({"checkpoint": {}}, "/values"),
    ({"checkpoint": {"channel_versions": []}, "values": []}, "/checkpoint/channel_versions"),
    ({"checkpoint": {"channel_versions": {"a": None}}, "values": []}, "/checkpoint/channel_versions/a"),
    ({"checkpoint_data": 1, "metadata": 1}, "/metadata"),
    ({"checkpoint_data": 1, "parent_checkpoint_id": ""}, "/parent_checkpoint_id"),
    ({"checkpoint_data": 1, "x": 1}, "/x"),
    (sent([value(base64="!")]), "/values/0/base64"),
    (sent([value(base64="YQ")]), "/values/0/base64"),
    (sent([value(len=0)]), "/values/0/len"),
    (sent([value(type="")]), "/values/0/type"),
    (sent([value(version=[])]), "/values/0/version"),
    (sent([value(version=2)]), "/values/0/channel"),
    (sent([value(version=1.0)]), "/values/0/channel"),
    (sent([value(), value()]), "/values/1/channel"),
    (channel({"a": 1}, {}, removed=[1]), "/removed/0"),
])
def test_invalid(server: Server, uid: str, body: object, pointer: str | None) -> None:
    answer: Answer = server.put(f"/checkpoints/{uid}/c", body)
    assert answer.status == 400 and answer.code == "invalid_request", answer.body
    assert pointer is None or answer.pointers == [pointer], answer.body
    assert server.get(f"/threads/{uid}").status == 404


@pytest.mark.parametrize("query", ["limit=-1", "limit=1001", "filter=1", "filter=%7B", "values=2", "x=1",
                                   "cursor=AAAA", "thread_id=", "ns=%00"])
def test_invalid_query(server: Server, query: str) -> None:
    answer = server.get("/checkpoints?" + query)
    assert answer.status == 400 and answer.pointers == ["?" + query.split("=")[0]], answer.body
