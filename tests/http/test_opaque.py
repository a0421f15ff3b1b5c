"""State comes back byte for byte, whatever JSON it is."""

from __future__ import annotations

import pytest
from conftest import Server, seg

OPAQUE = [
    "1180591620717411303424",
    "1e400",
    "-0",
    "1.0",
    "0.1e-7",
    '"\\u0000"',
    '"\\ud83d"',
    '"\\ud83d\\ude00 \\/ / \\u002f"',
    '"' + "😀é" + '"',
    '{"b":1,"a":2,"a ":3,"":4}',
    '{ "spaced" :\t[ 1 ,\r\n2 ] }',
    "[" * 500 + "]" * 500,
    '{"a":' * 500 + "null" + "}" * 500,
    "null",
    '""',
]


@pytest.mark.parametrize("text", OPAQUE, ids=range(len(OPAQUE)))
def test_content(server: Server, uid: str, text: str) -> None:
    server.session(uid)
    raw = '{"role":"user","content":%s}' % text
    assert server.post(f"/conversations/{uid}/messages", raw=raw).status == 201
    body = server.get(f"/conversations/{uid}/messages").body
    assert ('"content":%s,' % text).encode() in body


@pytest.mark.parametrize("text", OPAQUE, ids=range(len(OPAQUE)))
def test_context(server: Server, uid: str, text: str) -> None:
    server.session(uid)
    assert server.put(f"/sessions/{uid}/context", raw='{"context":%s}' % text).status == 200
    assert ('"context":%s,' % text).encode() in server.get(f"/sessions/{uid}/context").body


@pytest.mark.parametrize("text", OPAQUE, ids=range(len(OPAQUE)))
def test_checkpoint_data(server: Server, uid: str, text: str) -> None:
    answer = server.put(f"/checkpoints/{uid}/c", raw='{"checkpoint_data": %s }' % text)
    assert answer.status == 201, answer.body
    assert ('"checkpoint_data":%s,' % text).encode() in server.get(f"/checkpoints/{uid}/c").body
    assert ('"checkpoint_data":%s,' % text).encode() in server.get(f"/threads/{uid}/latest").body


@pytest.mark.parametrize("text", OPAQUE, ids=range(len(OPAQUE)))
def test_write_value(server: Server, uid: str, text: str) -> None:
    raw = '{"writes":[{"channel":"x","value":%s}]}' % text
    assert server.put(f"/writes/{uid}/c/task", raw=raw).status == 201
    assert ('"value":%s}' % text).encode() in server.get(f"/writes/{uid}/c").body


def test_metadata(server: Server, uid: str) -> None:
    text = '{"z":1180591620717411303424, "a":[1e400,"\\ud83d"] ,"k\\u0041":"\\u0000"}'
    raw = '{"user_id":"u","metadata":%s}' % text
    assert server.put(f"/sessions/{uid}", raw=raw).status == 201
    assert ('"metadata":%s,' % text).encode() in server.get(f"/sessions/{uid}").body
    merged = server.patch(f"/sessions/{uid}", raw='{"updates":{"metadata_merge":{"z":2e0,"n":{} }}}')
    assert merged.status == 200, merged.body
    body = server.get(f"/sessions/{uid}").body
    assert b'"z":2e0' in body and b'[1e400,"\\ud83d"]' in body and b'"n":{}' in body


@pytest.mark.parametrize("text", [
    "01", "+1", "1.", ".5", "nul", "[1,]", '{"a":1,}', "'a'", '"\t"', '"\\x"', '"\\u12"', "[1]]",
    '"\x7f\\"', "{a:1}", "//", "NaN", "Infinity", "[" * 600 + "]" * 600, '{"a" 1}', "[1 2]", "\ufeff1",
], ids=range(21))
def test_not_json(server: Server, uid: str, text: str) -> None:
    answer = server.put(f"/checkpoints/{uid}/c", raw='{"checkpoint_data":%s}' % text)
    assert answer.status == 400 and answer.code == "invalid_request", answer.body


@pytest.mark.parametrize("bad", [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf5\x80\x80\x80", b"\xe2\x82"])
def test_not_utf8(server: Server, uid: str, bad: bytes) -> None:
    answer = server.put(f"/checkpoints/{uid}/c", raw=b'{"checkpoint_data":"' + bad + b'"}')
    assert answer.status == 400 and answer.code == "invalid_request"


def test_large(server: Server, uid: str) -> None:
    text = '"' + "x" * (20 * 1024 * 1024) + '"'
    assert server.put(f"/checkpoints/{uid}/big", raw='{"checkpoint_data":%s}' % text).status == 201
    assert text.encode() in server.get(f"/checkpoints/{seg(uid)}/big").body
