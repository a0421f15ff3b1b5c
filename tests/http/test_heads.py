"""Heads that a server on the way may read differently, and what every answer to a head must have."""

from __future__ import annotations

import json
from typing import Any

import pytest
from conftest import Server, seg
from wire import Wire, head

FIELDS = b" HTTP/1.1\r\nHost: x\r\n"


def refused(server: Server, data: bytes) -> str:
    """The detail of the answer, which must be 400 and the last: what follows on the connection is not read."""
    wire = Wire(server).send(data, head("GET", "/health/live"))
    answer = wire.answer()
    assert (answer.status, answer.code) == (400, "invalid_request"), data
    assert answer.headers["Connection"] == "close" and wire.ended()
    return str(answer.json()["detail"])


@pytest.mark.parametrize("byte", [b"\0", b"\0\0", b"\1", b"\t", b"\x0b", b"\r", b"\x1f", b"\x7f", b"#"])
@pytest.mark.parametrize("target", ["/sessions/{id}%s/context", "/sessions/{id}%s", "/sessions/{id}?%s",
                                    "/sessions/{id}?%sthreads=false", "http://x/sessions/{id}%s/end"])
def test_a_control_character_in_the_target(server: Server, uid: str, byte: bytes, target: str) -> None:
    """What precedes a NUL is not the path."""
    server.session(uid)
    raw = target.replace("{id}", uid).encode() % byte
    assert "target" in refused(server, b"DELETE " + raw + FIELDS + b"\r\n")
    assert server.get(f"/sessions/{uid}").status == 200


def test_an_escaped_control_character_in_the_target(server: Server, uid: str) -> None:
    server.session(uid)
    for escaped in ("%00", "%01", "%7F", "%C2%80"):
        assert server.delete(f"/sessions/{uid}{escaped}").status == 400
        assert server.delete(f"/sessions/{uid}{escaped}/context").status == 405
    assert server.get(f"/sessions/{uid}").status == 200


@pytest.mark.parametrize("line", [b"DELETE\0 %s", b"DELETE\0X %s", b"DELETE  %s", b"DELETE  \0%s",
                                  b"DELETE %s\0HTTP/1.1", b"DELETE \0 %s"])
def test_a_first_line_that_is_not_three_words(server: Server, uid: str, line: bytes) -> None:
    server.session(uid)
    for rest in (FIELDS, FIELDS.replace(b"\r", b"")):
        got = Wire(server).send(line % f"/sessions/{uid}".encode(), rest, b"\r\n").rest()
        assert not got or got.startswith(b"HTTP/1.1 400 "), got
    assert server.get(f"/sessions/{uid}").status == 200


@pytest.mark.parametrize("lines, what", [
    (b"X: a\0b\r\n", "NUL"), (b"X: a\0\r\n", "NUL"), (b"X: a\0\0\0\r\n", "NUL"), (b"X: \0Content-Length: 5\r\n", "NUL"),
    (b"X: a\r\n b\r\n", "folded"), (b"X: a\r\n\tb\r\nY: c\r\n", "folded"), (b"X:\r\n a\r\n", "folded"),
    (b"X: a\n", "CR LF"), (b"X: a\nY: b\r\n", "CR LF"), (b"X: a\r\nY: b\n", "CR LF"),
    (b"\0\r\n", "a NUL"), (b"\0Content-Length: 5\r\n", "a NUL"), (b"\n", "CR LF"),
    (b"X: a\rContent-Length: 5\r\n", "holds a CR"), (b"X: a\r\r\n", "holds a CR"),
    (b"X\rY: a\r\n", "name"), (b": a\r\n", "no name"), (b"X : a\r\n", "name"), (b"X Y: a\r\n", "name"),
    (b"Content-Length\x0b: 5\r\n", "name"), (b"X\xc3\xa9: a\r\n", "name"), (b"(X): a\r\n", "name"),
])
def test_a_header_that_may_hide_another(server: Server, lines: bytes, what: str) -> None:
    assert what in refused(server, b"GET /health/live" + FIELDS + lines + b"\r\n")


def test_one_host(server: Server) -> None:
    """Answered once, with a problem document."""
    first = b"GET /health/live HTTP/1.%d\r\n"
    assert "Host" in refused(server, first % 1 + b"\r\n")
    assert "Host" in refused(server, first % 1 + b"Hos: x\r\n\r\n")
    for version in (0, 1):
        for again in (b"Host: x\r\n", b"hOST: y\r\n", b"X: a\r\nHost:\r\n"):
            twice = first % version + b"Host: x\r\n" + again + b"\r\n"
            assert "Host: is given more than once" in refused(server, twice)
    for good in (first % 0, first % 0 + b"Host: x\r\n", first % 1 + b"Host:\r\n"):
        assert Wire(server).send(good, b"\r\n").answer().status == 200


def test_blanks_in_the_target(server: Server) -> None:
    for target in (b"/health/live ", b"/health/live x", b"/health /live", b"  /health/live"):
        assert "blank" in refused(server, b"GET " + target + FIELDS + b"\r\n")


def test_http_1_0_has_no_chunks(server: Server, uid: str) -> None:
    body = b'10\r\n{"user_id": "u"}\r\n0\r\n\r\n'
    put = f"PUT /sessions/{uid} HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    assert "HTTP/1.0" in refused(server, put + body)
    assert server.get(f"/sessions/{uid}").status == 404


def test_blanks_behind_a_value(server: Server, uid: str) -> None:
    """Blanks behind a value are not part of it; but where the body ends nothing is forgiven."""
    server.session(uid)
    blank = {"X-Request-Id": "my-id \t", "If-Match": '"1"  ', "Content-Type": "application/json ",
             "Idempotency-Key": "k\t"}
    answer = server.patch(f"/sessions/{uid}", {}, headers=blank)
    assert answer.status == 200 and answer.headers["X-Request-Id"] == "my-id"
    again = server.patch(f"/sessions/{uid}", {}, headers={"Idempotency-Key": "k"})
    assert again.headers["Idempotency-Replayed"] == "true"
    for framing in ("Content-Length: 2 ", "Transfer-Encoding: chunked ", "Transfer-Encoding: chunked\t"):
        got = Wire(server).send(head("PATCH", f"/sessions/{uid}", framing), b"{}", head("GET", "/health/live")).rest()
        assert got.startswith(b"HTTP/1.1 400 ") and b"live" not in got


def test_head_sends_no_body(server: Server, uid: str) -> None:
    """Neither for an answer of one page nor for a stream, whose end would be taken for the next answer."""
    path = f"/conversations/{uid}/messages"
    for _ in range(2):
        messages = {"messages": [{"role": "u", "content": "x" * 100}] * 1000}
        assert server.post(path + "?require_session=false", messages).status == 201
    for asked, status in ((path, 200), ("/nowhere", 404), ("/sessions/" + uid, 404), ("/sessions?limit=0", 400)):
        wire = Wire(server).send(head("HEAD", asked), head("GET", asked))
        answer, same = wire.answer("HEAD"), wire.answer()
        assert answer.status == same.status == status
        for name in ("Content-Type", "Content-Length"):
            assert answer.headers[name] == same.headers[name]
    for version in ("1.0", "1.1"):
        wire = Wire(server).send(f"HEAD {path}?limit=0 HTTP/{version}\r\nHost: x\r\n\r\n", head("GET", "/sessions"))
        got = wire.rest()
        assert got.startswith(b"HTTP/1.1 200 ") and got.endswith(b"\r\n\r\n") and got.count(b"\r\n\r\n") == 1, got
        assert b"Connection: close" in got and b"Content-Length" not in got and b"chunked" not in got
    assert len(server.get(path + "?limit=0").json()["messages"]) == 2000


GUARDED = {"PUT /sessions/{id}": {"If-Match", "If-None-Match"}, "PATCH /sessions/{id}": {"If-Match"},
           "POST /sessions/{id}/end": {"If-Match"}, "DELETE /sessions/{id}": {"If-Match"},
           "PUT /sessions/{id}/context": {"If-Match"}}
CHANGES = {
    **dict.fromkeys(GUARDED), "PUT /sessions/{id}": {"user_id": "u"}, "PATCH /sessions/{id}": {},
    "PUT /sessions/{id}/context": {"context": 1}, "POST /sessions": {"user_id": "u"},
    "POST /batch/sessions/create": {"sessions": []},
    "POST /conversations/{id}/messages": {"role": "u", "content": 1}, "DELETE /conversations/{id}/messages": None,
    "PUT /checkpoints/{id}/c": {"checkpoint_data": 1}, "DELETE /threads/{id}": None,
    "POST /threads/{id}/copy": {"to": "x"}, "PUT /writes/{id}/c/t": {"writes": []},
    "POST /maintenance/cleanup": {}, "POST /maintenance/prune": {"thread_ids": [], "strategy": "delete"},
    "POST /maintenance/delete-runs": {"run_ids": []},
}


@pytest.mark.parametrize("call", CHANGES)
def test_a_condition_that_guards_nothing(server: Server, uid: str, call: str) -> None:
    """A change with a condition that cannot guard it is refused; reads may be asked with any."""
    server.session(uid)
    method, path = call.replace("{id}", uid).split()
    for name in ("If-Match", "If-None-Match"):
        answer = server.call(method, path, CHANGES[call], headers={name: '"77"' if name == "If-Match" else "*"})
        if name in GUARDED.get(call, ()):
            assert answer.status == 412
        else:
            assert (answer.status, answer.code) == (400, "invalid_request") and name in answer.json()["detail"]
    for read in (f"/threads?prefix={uid}", f"/conversations/{uid}/messages"):
        assert server.get(read, headers={"If-Match": '"1"', "If-None-Match": "*"}).status == 200


def test_a_key_that_would_not_be_kept(server: Server, uid: str) -> None:
    server.session(uid)
    path, key = f"/conversations/{uid}/messages", {"Idempotency-Key": "k"}
    answer = server.post(path, {"role": "u", "content": 1}, headers=key)
    assert (answer.status, answer.pointers) == (400, ["Idempotency-Key"]) and "id" in answer.json()["detail"]
    assert server.get(path, headers=key).json()["messages"] == []
    refused = {"POST /conversations/{id}/messages", "POST /sessions/{id}/end", "POST /threads/{id}/copy"}
    for call in CHANGES:
        method, other = call.replace("{id}", uid).split()
        answer = server.call(method, other, CHANGES[call], headers={"Idempotency-Key": call.replace(" ", "-")})
        assert (b"Idempotency-Key" in answer.body) == (call in refused), call


@pytest.mark.parametrize("name", ["If-Match", "If-None-Match", "Idempotency-Key", "Content-Type",
                                  "Content-Encoding"])
def test_a_header_that_stands_twice(server: Server, uid: str, name: str) -> None:
    server.session(uid)
    value = {"If-Match": '"1"', "If-None-Match": "*", "Idempotency-Key": "k", "Content-Type": "application/json",
             "Content-Encoding": "identity"}[name]
    for again in (value, value[:-1] + "2", ""):
        twice = head("PATCH", f"/sessions/{uid}", "Content-Length: 2", f"{name}: {value}", f"{name.lower()}: {again}")
        assert f"{name}: is given more than once" in refused(server, twice + b"{}")
    assert server.get(f"/sessions/{uid}").headers["ETag"] == '"1"'


FRAME = "application/vnd.stateward.frame"


@pytest.mark.parametrize("lines, frame", [
    (["Accept: text/html", f"accept: {FRAME}"], True), ([f"Accept: {FRAME};q=0.2", "Accept: application/json"], False),
    (["Accept: ", "Accept: */*", f"Accept: {FRAME} "], True), ([f"Accept: {FRAME}"] * 50, True),
    ([f"Accept: {FRAME};q=0.5", "Accept: */*;q=0.6", "Accept: application/json;q=0.1"], True)])
def test_lines_of_accept_are_one_list(server: Server, uid: str, lines: list[str], frame: bool) -> None:
    """RFC 9110, 5.3."""
    path = f"/checkpoints/{uid}/c"
    server.put(path, {"checkpoint": {}, "values": []})
    answer = Wire(server).send(head("GET", path, *lines)).answer()
    assert (answer.status, answer.headers["Content-Type"]) == (200, FRAME if frame else "application/json")


@pytest.mark.parametrize("tags, status", [
    (['"7"', '"1"'], 304), (['"7", "8"', '"9"', 'W/"1"'], 304), (['"7"', '"7"'], 200)])
def test_lines_of_what_a_reader_has_are_one_list(server: Server, uid: str, tags: list[str], status: int) -> None:
    server.session(uid)
    for method in ("GET", "HEAD"):
        request = head(method, f"/sessions/{uid}", *(f"If-None-Match: {tag}" for tag in tags))
        assert Wire(server).send(request).answer(method).status == status


def test_unchanged_has_the_length_of_the_whole(own: Any, uid: str) -> None:
    """RFC 9110, 8.6: no other Content-Length, and no bytes."""
    server: Server = own(primary="memory:")
    server.session(uid)
    assert server.put(f"/sessions/{uid}/context", {"context": {"a": 1}}).status == 200
    for path in (f"/sessions/{uid}", f"/sessions/{uid}/context"):
        whole = server.get(path)
        for method in ("GET", "HEAD"):
            wire = Wire(server).send(head(method, path, "If-None-Match: *", "X-Request-Id: same"))
            answer = wire.answer(method)
            assert (answer.status, answer.body) == (304, b"") and "Content-Type" not in answer.headers
            assert answer.headers["Content-Length"] == whole.headers["Content-Length"]
            assert answer.headers["ETag"] == whole.headers["ETag"]
            assert wire.send(head("GET", path)).answer().body == whole.body
    server.stop()
    lines = [x for x in server.log_lines() if x["event"] == "request" and x["request_id"] == "same"]
    assert [(x["status"], x["bytes_out"]) for x in lines] == [(304, 0)] * 4


@pytest.mark.parametrize("coding, status", [
    ("gzip", 415), ("GZIP", 415), ("identity, gzip", 415), ("br", 415), ("aws-chunked", 415), ("identity", 200),
    ("Identity ", 200), ("", 200)])
def test_an_encoded_body(server: Server, uid: str, coding: str, status: int) -> None:
    server.session(uid)
    answer = server.patch(f"/sessions/{uid}", {}, headers={"Content-Encoding": coding})
    assert answer.status == status
    if status == 415:
        assert answer.code == "unsupported_media_type" and "Content-Encoding" in answer.json()["detail"]
    chunked = {"Content-Encoding": coding, "Transfer-Encoding": "chunked"}
    answer = server.call("PATCH", f"/sessions/{uid}", raw=b"2\r\n{}\r\n0\r\n\r\n", headers=chunked)
    assert answer.status == status
    assert server.get(f"/sessions/{uid}", headers={"Content-Encoding": coding}).status == 200


@pytest.mark.parametrize("method, path, body, headers, pointer", [
    ("PATCH", "/sessions/a%FF", "{}", {}, "{id}"), ("GET", "/checkpoints/a/%00", None, {}, "{c}"),
    ("GET", "/sessions/~%21", None, {}, "{id}"),
    ("PATCH", "/sessions/x", "{}", {"If-Match": "1"}, "If-Match"),
    ("PATCH", "/sessions/x", "{}", {"Idempotency-Key": ""}, "Idempotency-Key"),
    ("PATCH", "/sessions/x", "{}", {"If-None-Match": "*"}, "If-None-Match"),
    ("PATCH", "/sessions/x", "{}", {"Content-Encoding": "gzip"}, "Content-Encoding"),
    ("PUT", "/sessions/x", '{"user_id": "u"}', {"If-None-Match": '"1"'}, "If-None-Match"),
    ("PATCH", "/sessions/x", r'{"\u0061\/\u007e\t": 1}', {}, "/a~1~0\t"),
    ("PATCH", "/sessions/x", r'{"a\ud83d": 1}', {}, r"/a\ud83d"),
    ("PATCH", "/sessions/x", r'{"\u0000": 1}', {}, r"/\u0000"),
    ("PATCH", "/sessions/x", r'{"updates": {}, "upd\u0061tes": {}}', {}, "/updates"),
    ("PATCH", "/sessions/x", r'{"updates": {"a: b": 1, "a: \u0062": 1}}', {}, "/updates/a:%20b"),
    ("PATCH", "/sessions/x", '{"add_processing_time": 1e19}', {}, "/add_processing_time"),
])
def test_what_is_wrong_is_named(server: Server, method: str, path: str, body: str | None, headers: dict[str, str],
                                pointer: str) -> None:
    answer = server.call(method, path, raw=body, headers=headers)
    assert answer.status in (400, 415) and answer.pointers == [pointer]
    problem = answer.json()
    assert problem["detail"] == f"{pointer}: {problem['errors'][0]['detail']}"


def test_headers_that_are_odd_but_clear(server: Server) -> None:
    odd = (b"X:\r\nY:   \r\nZ:\t a \t\r\n!#$%&'*+-.^_`|~0aZ: b\r\nW: caf\xc3\xa9 \xff: ,;\r\n"
           + b"V: " + b"v" * 6000 + b"\r\nContent-Length:0\r\n")
    for before in (b"", b"\r\n"):
        wire = Wire(server).send(before, b"GET /health/live?" + FIELDS + odd + b"\r\n")
        assert wire.answer().status == 200
        assert wire.send(head("GET", "/health/live")).answer().status == 200


def outcome(server: Server, data: bytes, id_: str) -> int:
    """The status of a PUT or POST, which must have an answer; 431 must have changed nothing."""
    wire = Wire(server).send(data)
    status = wire.answer().status
    assert status in (201, 414, 431), (status, data)
    assert server.get(f"/sessions/{seg(id_)}").status == (200 if status == 201 else 404)
    if status == 201:
        assert server.delete(f"/sessions/{seg(id_)}").status == 204
    wire.close()
    return status


def test_a_head_that_leaves_no_room_for_an_answer(own: Any, uid: str) -> None:
    """The head of a request and that of its answer share the memory of the connection."""
    server: Server = own(primary="memory:")
    body = b'{"user_id": "u"}'
    length = f"Content-Length: {len(body)}"
    many = {n: outcome(server, head("PUT", f"/sessions/{uid}", length, *["X-H: aaaaaaaaaaaaaaaaaaaa"] * n) + body, uid)
            for n in (40, 60, *range(66, 76), *range(80, 180, 5), *range(168, 174), 400)}
    long = {n: outcome(server, head("PUT", f"/sessions/{uid}", length, "X: " + "h" * n) + body, uid)
            for n in (13000, *range(13000, 16500, 97), *range(15900, 16130, 7), 17000)}
    cookie = {n: outcome(server, head("PUT", f"/sessions/{uid}", length, "Cookie: a=" + "h" * n) + body, uid)
              for n in (3000, *range(3000, 8200, 97), 7800)}
    odd = {n: outcome(server, head("PUT", f"/sessions/{uid}?" + "x" * n, length), uid) for n in (16000, 16200, 16300)}
    assert many[60] == long[13000] == cookie[3000] == 201 and cookie[7800] == 431
    assert many[400] == long[17000] == 431 and set(odd.values()) <= {414, 431}


def test_an_answer_with_long_headers(own: Any, uid: str) -> None:
    server: Server = own(primary="memory:")
    id_ = uid + "é" * ((512 - len(uid)) // 2)
    body = json.dumps({"user_id": "u", "session_id": id_}).encode()
    for n in (0, *range(11000, 15500, 83)):
        long = ("X-Request-Id: " + "r" * 512, "X: " + "h" * n)
        request = head("POST", "/sessions", f"Content-Length: {len(body)}", *long)
        status = outcome(server, request + body, id_)
        assert status == 201 or n > 11000


def test_a_trailer_that_leaves_no_room_for_an_answer(own: Any, uid: str) -> None:
    server: Server = own(primary="memory:")
    request = head("PUT", f"/sessions/{uid}", "Transfer-Encoding: chunked") + b'10\r\n{"user_id": "u"}\r\n0\r\n'
    for n in (0, 10, *range(60, 180, 6)):
        status = outcome(server, request + b"X-T: aaaaaaaaaaaaaaaaaaaa\r\n" * n + b"\r\n", uid)
        assert status == (201 if n < 70 else 431)
    for n in range(8000, 16000, 97):
        status = outcome(server, request + b"X-T: " + b"a" * n + b"\r\n\r\n", uid)
        assert n > 12000 if status == 431 else n < 15000, n


def test_many_headers_before_other_requests(own: Any, uid: str) -> None:
    """What is read of later requests takes room too."""
    server: Server = own(primary="memory:")
    server.session(uid)
    for n in range(60, 140, 3):
        first = head("PATCH", f"/sessions/{uid}", "Content-Length: 2", *["X-H: " + "a" * 30] * n) + b"{}"
        wire = Wire(server).send(first + head("GET", "/health/live") * 300)
        assert wire.answer().status in (200, 431)
        wire.close()


def test_a_head_too_large_is_a_problem(own: Any) -> None:
    server: Server = own(primary="memory:")
    for method in ("GET", "HEAD"):
        wire = Wire(server).send(head(method, "/health/live", *["X-H: a"] * 100, "X-Request-Id: mine"))
        answer = wire.answer(method)
        assert answer.status == 431 and answer.headers["X-Request-Id"] == "mine" and wire.ended()
        assert method == "HEAD" or answer.code == "too_large"
