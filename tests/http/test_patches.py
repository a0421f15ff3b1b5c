"""Values that come as patches of earlier ones: `parts`, `base` and `hash` in a frame."""

from __future__ import annotations

from typing import Any

import frames
import pytest
from conftest import Server
from dying import until
from patching import BASE, hash_of, patch, put, stored, value
from wire import Wire, gauge, head


@pytest.fixture
def thread(server: Server, uid: str) -> str:
    assert put(server, uid, "c1", [value("1", BASE)], BASE).status == 201
    return uid


def test_patches_of_patches(server: Server, thread: str) -> None:
    before = BASE
    for n in range(2, 12):
        new = f"message {n}".encode()
        whole = b"head" + before[3:] + new
        parts = [{"len": 4}, {"copy": [3, len(before) - 3]}, {"len": len(new)}, {"copy": [0, 0]}]
        answer = put(server, thread, f"c{n}",
                     [patch(str(n), parts, whole, before, str(n - 1))], b"head", new)
        assert answer.status == 201, answer.body
        assert stored(server, thread, f"c{n}") == whole
        before = whole
    assert stored(server, thread, "c1") == BASE


def test_several_in_one_frame(server: Server, thread: str) -> None:
    other = b"x" * 99
    values = [value("2", b"", parts=[{"copy": [0, 10]}], hash=hash_of(BASE[:10]),
                    base={"version": "1", "hash": hash_of(BASE)}),
              {"channel": "other", "version": 1, "type": "t", "len": len(other)},
              {"channel": "third", "version": 1, "type": "msgpack", "parts": [{"len": 2}],
               "hash": hash_of(b"ab"), "base": {"version": 7, "hash": hash_of(other, "t")}}]
    answer = put(server, thread, "c2", values, other, b"ab")
    assert answer.status == 409 and answer.code == "base_missing", answer.body
    assert "/values/2/base" in answer.json()["detail"]
    assert server.get(f"/checkpoints/{thread}/c2").status == 404
    assert put(server, thread, "c2", values[:2], other).status == 201


def test_a_base_of_the_other_type(server: Server, thread: str) -> None:
    one = value("2", b"", parts=[{"copy": [0, 5]}], hash=hash_of(BASE[:5], "bytes"),
                base={"version": "1", "hash": hash_of(BASE)}) | {"type": "bytes"}
    assert put(server, thread, "c2", [one]).status == 201
    got = frames.unpack(server.get(f"/checkpoints/{thread}/c2", headers={"Accept": frames.TYPE}).body)
    assert [(v["type"], v["bytes"]) for v in got["values"]] == [("bytes", BASE[:5])]


def test_an_empty_patch(server: Server, thread: str) -> None:
    assert put(server, thread, "c2", [patch("2", [], b"")]).status == 201
    assert stored(server, thread, "c2") == b""


@pytest.mark.parametrize("change", [
    {"base_version": "0"}, {"base_version": 1}, {"base": b"other"},
], ids=["version", "number for text", "hash"])
def test_base_missing(server: Server, thread: str, change: Any) -> None:
    answer = put(server, thread, "c2", [patch("2", [{"copy": [0, 1]}], BASE[:1], **change)])
    assert answer.status == 409 and answer.code == "base_missing", answer.body


def test_base_in_another_place(server: Server, thread: str) -> None:
    one = [patch("2", [{"copy": [0, 1]}], BASE[:1])]
    assert put(server, thread, "c2", one, ns="other").code == "base_missing"
    assert put(server, thread + "x", "c2", one).code == "base_missing"


def test_base_deleted(server: Server, thread: str) -> None:
    """A service may still know the base; then it stores the value whole."""
    server.delete(f"/threads/{thread}")
    answer = put(server, thread, "c2", [patch("2", [{"copy": [0, 1]}], BASE[:1])])
    if answer.status == 201:
        assert stored(server, thread, "c2") == BASE[:1]
    else:
        assert answer.code == "base_missing"


@pytest.mark.parametrize("parts, whole, where", [
    ([{"copy": [0, len(BASE) + 1]}], BASE, "/values/0/parts/0/copy"),
    ([{"copy": [0, 1]}, {"copy": [len(BASE), 1]}], BASE, "/values/0/parts/1/copy"),
    ([{"copy": [2**62, 1]}], BASE, "/values/0/parts/0/copy"),
    ([{"copy": [-1, 1]}], BASE, "/values/0/parts/0/copy"),
    ([{"copy": [0, 1e9]}] * 2, BASE, "/values/0/parts"),
    ([{"copy": [0, len(BASE)]}] * 2000, BASE, "/values/0/parts"),
    ([{"copy": [0, 0]}] * 10001, b"", "/values/0/parts"),
    ([{"copy": [0, 2**63]}], BASE, "/values/0/parts/0/copy"),
    ([{"copy": [0]}], BASE, "/values/0/parts/0/copy"),
    ([{"copy": "0,1"}], BASE, "/values/0/parts/0/copy"),
    ([{"len": 1}], BASE, "/values/0/parts/0/len"),
    ([{}], BASE, "/values/0/parts/0"),
    ([7], BASE, "/values/0/parts/0"),
    (None, BASE, "/values/0/parts"),
    ([{"copy": [0, 1]}], BASE, "/values/0/hash"),
])
def test_bad_parts(server: Server, thread: str, parts: Any, whole: bytes, where: str) -> None:
    answer = put(server, thread, "c2", [patch("2", parts, whole)])
    assert answer.status == 400 and answer.code == "invalid_request", answer.body
    assert answer.json()["errors"][0]["pointer"] == where, answer.body
    assert server.get(f"/checkpoints/{thread}/c2").status == 404


def test_only_in_a_frame(server: Server, thread: str) -> None:
    one = patch("2", [{"copy": [0, 1]}], BASE[:1])
    answer = server.put(f"/checkpoints/{thread}/c2", {
        "checkpoint": {"channel_versions": {"m": "2"}}, "values": [one]})
    assert answer.status == 400
    assert answer.json()["errors"][0]["pointer"] == "/values/0/parts"


def test_not_among_writes(server: Server, thread: str) -> None:
    one = patch(0, [{"copy": [0, 1]}], BASE[:1])
    one["idx"] = one.pop("version")
    answer = server.put(f"/writes/{thread}/c1/t", raw=frames.pack({"writes": [one]}),
                        headers={"Content-Type": frames.TYPE})
    assert answer.status == 400 and "parts" in answer.json()["detail"]


def test_whole_values_count_as_bodies(own: Any) -> None:
    """A few bytes may stand for many: what they become is counted before it is made."""
    server: Server = own("--max-body", "4MiB", "--body-total", "4MiB", "--inline-max", "0")
    assert put(server, "t", "c1", [value("1", BASE)], BASE).status == 201
    whole = BASE * 60
    patches = [patch("2", [{"copy": [0, len(BASE)]}] * 60, whole)]
    other = Wire(server).send(head("PUT", "/checkpoints/t/c3", "Content-Length: 2000000"), b"{" * 1_900_000)
    until(lambda: gauge(server, "body_bytes") == 2_000_000)
    answer = put(server, "t", "c2", patches)
    assert (answer.status, answer.code) == (503, "overloaded") and answer.headers["Retry-After"]
    assert gauge(server, "body_bytes") == 2_000_000
    other.close()
    until(lambda: gauge(server, "body_bytes") == 0)
    assert put(server, "t", "c2", patches).status == 201
    assert stored(server, "t", "c2") == whole
    assert gauge(server, "body_bytes") == 0
