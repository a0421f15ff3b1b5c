"""Clients that break off, crawl, lie about lengths or ask for too much: the others notice nothing."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import resource
import signal
import socket
import subprocess
import threading
import time
from typing import Any

import pytest
from conftest import BINARY, Server
from dying import until
from wire import SANITIZED, Wire, gauge, head, memory, message, settle

MIB = 1024 * 1024

# libmicrohttpd may overlook an end of stream that arrives together with data; the limits then end it.
SHORT = ("--request-timeout", "2s", "--idle-timeout", "1s")


def contents(server: Server, name: str) -> list[Any]:
    return [m["content"] for m in server.get(f"/conversations/{name}/messages?limit=0").json()["messages"]]


def no_answer(wire: Wire) -> bool:
    try:
        wire.answer()
    except (http.client.RemoteDisconnected, ConnectionResetError):
        return True
    return False


# --- breaking off ----------------------------------------------------------------------------

@pytest.mark.parametrize("reset", [False, True])
def test_client_leaves_at_any_byte(own: Any, reset: bool) -> None:
    server: Server = own(*SHORT)
    server.session("s")
    body = json.dumps({"role": "u", "content": "x" * 60000}).encode()
    whole = message("/conversations/s/messages", body)
    begin = len(whole) - len(body)
    cuts = [0, 1, 5, 20, begin - 3, begin - 1, begin, begin + 1, begin + 30000, len(whole) - 1]
    for cut in cuts * 5:
        Wire(server).send(whole[:cut]).close(reset)
    settle(server)
    assert contents(server, "s") == []


@pytest.mark.parametrize("reset", [False, True])
def test_client_leaves_while_its_op_runs(own: Any, reset: bool) -> None:
    server: Server = own(*SHORT)
    server.session("s")
    sent = 300
    for i in range(sent):
        wire = Wire(server).send(message("/conversations/s/messages", b'{"role": "u", "content": %d}' % i))
        wire.close(reset and i % 2 == 0)
    settle(server)
    stored = contents(server, "s")
    assert len(set(stored)) == len(stored) and set(stored) <= set(range(sent))
    if not reset:
        assert len(stored) == sent


@pytest.mark.parametrize("reset", [False, True])
def test_client_leaves_within_a_streamed_answer(own: Any, reset: bool) -> None:
    server: Server = own(*SHORT)
    server.session("s")
    for _ in range(4):
        messages = [{"role": "u", "content": "x" * 1000}] * 1000
        assert server.post("/conversations/s/messages", {"messages": messages}).status == 201
    for taken in (1, 100, 20000, 100000, 2 * MIB) * 4:
        wire = Wire(server, receive_buffer=4096).send(head("GET", "/conversations/s/messages?limit=0"))
        left = taken
        while left > 0:
            left -= len(wire.sock.recv(min(left, 65536)))
        wire.close(reset)
    settle(server)
    assert len(contents(server, "s")) == 4000


def test_half_a_body_is_no_request(own: Any) -> None:
    server: Server = own(*SHORT)
    server.session("s")
    body = b'{"role": "u", "content": 1}'
    for framing, part in (("Content-Length: 100", body),
                          ("Transfer-Encoding: chunked", b"1b\r\n" + body),
                          ("Transfer-Encoding: chunked", b"1b\r\n" + body + b"\r\n")):
        wire = Wire(server).send(head("POST", "/conversations/s/messages", framing), part)
        wire.sock.shutdown(socket.SHUT_WR)
        with contextlib.suppress(http.client.RemoteDisconnected, ConnectionResetError):
            assert wire.answer().status == 400
    settle(server)
    assert contents(server, "s") == []


def test_half_a_head_and_no_more_is_closed_at_once(own: Any) -> None:
    """It is closed long before the limits, which are half a minute and more."""
    server: Server = own()
    server.session("s")
    assert server.process
    whole = head("GET", "/sessions/s")
    parts = [whole[:1], whole[:10], whole[:-2], message("/x", b"{}")[:-1],
             head("POST", "/sessions", "Transfer-Encoding: chunked") + b"5"]
    for before in (b"", whole, whole * 20):
        os.kill(server.process.pid, signal.SIGSTOP) # so that it meets the bytes and their end at once
        wires = [Wire(server, timeout=10).send(before + part) for part in parts * 20]
        for wire in wires:
            wire.sock.shutdown(socket.SHUT_WR)
        os.kill(server.process.pid, signal.SIGCONT)
        for wire in wires:
            got = wire.rest() # else a timeout
            assert got.count(b"HTTP/1.1 200") == len(before) // len(whole)
            assert before or got[:12] in (b"", b"HTTP/1.1 400"), got
            wire.close()
    settle(server)


def test_who_ends_its_side_gets_its_answers(own: Any) -> None:
    server: Server = own()
    server.session("s")
    body = message("/conversations/s/messages", b'{"role": "u", "content": 1}')
    for n in (1, 2, 50):
        wire = Wire(server).send(body * n, head("GET", "/conversations/s/messages?limit=0"))
        wire.sock.shutdown(socket.SHUT_WR)
        assert [wire.answer().status for _ in range(n)] == [201] * n
        assert wire.answer().status == 200 and wire.ended()
        wire.close()
    assert len(contents(server, "s")) == 53
    settle(server)


# --- slow ones ----------------------------------------------------------------------------------

def crawl(wire: Wire, data: bytes) -> None:
    """Sends a byte at a time. Returns when the server has cut the connection."""
    wire.sock.settimeout(0.02)
    for i in range(len(data)):
        try:
            wire.send(data[i:i + 1])
            if wire.sock.recv(4096) == b"":
                return
        except TimeoutError:
            continue
        except OSError:
            return
    raise AssertionError("all was taken")


@pytest.mark.parametrize("where", ["request line", "headers", "body", "chunks"])
def test_slowloris_is_cut_off(own: Any, where: str) -> None:
    server: Server = own("--request-timeout", "400ms", "--idle-timeout", "1s")
    server.session("s")
    start = {"request line": b"",
             "headers": b"GET /sessions/s HTTP/1.1\r\nHost: x\r\n",
             "body": head("POST", "/conversations/s/messages", "Content-Length: 5000"),
             "chunks": head("POST", "/conversations/s/messages", "Transfer-Encoding: chunked")}[where]
    more = {"request line": b"GET /sessions/" + b"x" * 2000,
            "headers": b"X-A: b\r\n" * 500,
            "body": b'{"role": "u", "content": "' + b"x" * 4000,
            "chunks": b"1\r\nx\r\n" * 2000}[where]
    failed: list[BaseException] = []

    def run() -> None:
        try:
            crawl(Wire(server).send(start), more)
        except BaseException as e:
            failed.append(e)

    threads = [threading.Thread(target=run) for _ in range(10)]
    for t in threads:
        t.start()
    while any(t.is_alive() for t in threads):
        assert server.get("/sessions/s").status == 200
        time.sleep(0.02)
    for t in threads:
        t.join()
    assert not failed, failed
    settle(server)


def test_a_chunk_head_without_end_is_cut_off(own: Any) -> None:
    """It fills the memory of the connection, so that MHD stops reading."""
    server: Server = own("--request-timeout", "1s", "--idle-timeout", "60s")
    start = head("PUT", "/sessions/s", "Transfer-Encoding: chunked") + b"5;" + b"x" * 20000
    began = time.monotonic()
    wires = [Wire(server).send(start) for _ in range(10)]
    assert all(wire.ended() for wire in wires)
    settle(server)
    assert time.monotonic() - began < 10
    assert [x["status"] for x in server.log_lines() if x.get("path") == "/sessions/s"] == [408] * 10


def test_slow_reader_gets_all_and_holds_up_nobody(own: Any) -> None:
    server: Server = own("--loops", "1")
    server.session("s")
    for _ in range(2):
        messages = [{"role": "u", "content": "x" * 1000}] * 1000
        assert server.post("/conversations/s/messages", {"messages": messages}).status == 201
    wire = Wire(server, receive_buffer=4096)
    wire.send(head("GET", "/conversations/s/messages?limit=0", "Connection: close"))
    got, reads = b"", 0
    while part := wire.sock.recv(4096 if reads < 100 else MIB):
        got += part
        reads += 1
        if reads < 100:
            assert server.get("/sessions/s").status == 200
    assert got.startswith(b"HTTP/1.1 200") and got.endswith(b"0\r\n\r\n")
    assert got.count(b'"role"') == 2000
    settle(server)


@pytest.mark.parametrize("path", ["/conversations/s/messages?limit=0", "/sessions/s/context"])
def test_who_never_reads_is_cut_off(own: Any, path: str) -> None:
    server: Server = own("--idle-timeout", "1s")
    server.session("s")
    for _ in range(10):
        messages = [{"role": "u", "content": "x" * 1000}] * 1000
        assert server.post("/conversations/s/messages", {"messages": messages}).status == 201
    assert server.put("/sessions/s/context", {"context": "x" * 20 * MIB}).status == 200
    wires = [Wire(server, receive_buffer=4096).send(head("GET", path)) for _ in range(5)]
    settle(server)
    for wire in wires:
        wire.close()
    server.stop()
    lines = [x for x in server.log_lines() if x["event"] == "request" and x["method"] == "GET" and x["path"] in path]
    assert [x["status"] for x in lines] == [499] * 5


# --- pipelining ---------------------------------------------------------------------------------

def test_300_requests_in_one_go(own: Any) -> None:
    server: Server = own()
    server.session("s")
    requests = []
    for i in range(100):
        body = b'{"role": "u", "content": %d}' % i
        requests += [message("/conversations/s/messages", body, f"X-Request-Id: {3 * i}"),
                     head("GET", "/sessions/s", f"X-Request-Id: {3 * i + 1}"),
                     head("GET", "/conversations/s/messages?limit=0", f"X-Request-Id: {3 * i + 2}")]
    wire = Wire(server)
    sender = threading.Thread(target=wire.send, args=requests)
    sender.start()
    for i in range(300):
        answer = wire.answer()
        assert answer.headers["X-Request-Id"] == str(i)
        assert answer.status == (201 if i % 3 == 0 else 200)
        if i % 3 == 2: # what was answered before is seen after
            assert [m["content"] for m in answer.json()["messages"]] == list(range(i // 3 + 1))
    sender.join()
    wire.close()
    settle(server)


def test_error_within_a_pipeline(own: Any) -> None:
    """A bad body is answered in its turn; a head that frames badly ends the connection after its answer."""
    server: Server = own()
    server.session("s")
    wire = Wire(server).send(
        head("GET", "/sessions/s"), message("/conversations/s/messages", b"{"), head("GET", "/nowhere"),
        head("DELETE", "/sessions/absent"), head("GET", "/sessions/s"),
        head("POST", "/sessions", "Content-Length: 2", "Transfer-Encoding: chunked"), b"{}",
        head("GET", "/sessions/s"))
    assert [wire.answer().status for _ in range(6)] == [200, 400, 404, 204, 200, 400]
    assert wire.ended()
    settle(server)


# --- lies ---------------------------------------------------------------------------------------

BODY = b'{"user_id": "u"}'


@pytest.mark.parametrize("framing", [
    "Content-Length: 16\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: chunked\r\nContent-Length: 16",
    "Content-Length: 16\r\nContent-Length: 16",
    "Content-Length: 16\r\nContent-Length: 2",
    "Content-Length: 2\r\ncontent-length: 16",
    "Content-Length: 16, 16",
    "Content-Length : 16",
    "Content-Length\t: 16",
    "Transfer-Encoding : chunked",
    "Content-Length: -1",
    "Content-Length: +16",
    "Content-Length: 0x10",
    "Content-Length: 1e1",
    "Content-Length: 16 16",
    "Content-Length: ",
    "Content-Length: sixteen",
    "Content-Length: 99999999999999999999999999",
    "Content-Length: 18446744073709551616",
    "Content-Length: 18446744073709551615",
    "Transfer-Encoding: gzip",
    "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding: chunked, chunked",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: xchunked",
])
def test_body_without_a_clear_end_is_refused(server: Server, uid: str, framing: str) -> None:
    wire = Wire(server).send(f"PUT /sessions/{uid} HTTP/1.1\r\nHost: x\r\n{framing}\r\n\r\n", BODY,
                             head("GET", "/health/live"))
    got = wire.rest()
    assert got.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 413 ")), got
    assert b"live" not in got # what follows may be anything
    assert server.get(f"/sessions/{uid}").status == 404


@pytest.mark.parametrize("body", [b"zz\r\n", b"-1\r\n", b"\r\n", b"2\r\n{}0\r\n\r\n", b"FFFFFFFFFFFFFFFFF\r\n",
                                  b"2" + b"0" * 5000, b"2;" + b"x" * 100000])
def test_bad_chunks_are_refused(own: Any, uid: str, body: bytes) -> None:
    server: Server = own(*SHORT)
    wire = Wire(server).send(head("PUT", f"/sessions/{uid}", "Transfer-Encoding: chunked"), body)
    with contextlib.suppress(http.client.RemoteDisconnected, ConnectionResetError):
        assert wire.answer().status in (400, 413, 431)
    assert wire.ended()
    assert server.get(f"/sessions/{uid}").status == 404


def test_the_log_has_the_status_of_each_end(own: Any) -> None:
    """Also of requests that MHD answers by itself, and of those that have no answer."""
    server: Server = own(primary="memory:")
    ends = {"/400": "Content-Length: x", "/413": "Content-Length: " + "9" * 30,
            "/431": "Cookie: " + ";".join(["a=b"] * 240)}
    for path, header in ends.items():
        assert Wire(server).send(head("PUT", path, header)).answer().status == int(path[1:])
    Wire(server).send(head("PUT", "/sessions/499", "Content-Length: 9"), b"{").close()
    settle(server)
    lines = [x for x in server.log_lines() if x["event"] == "request"]
    assert {x["client"] for x in lines} == {"127.0.0.1"}
    logged = {x["path"]: x["status"] for x in lines if x["path"] not in ("/metrics", "/health/ready")}
    assert logged == {"/400": 400, "/413": 413, "/431": 431, "/sessions/499": 499}
    counted = dict(re.findall(r'http_requests_total\{status="(\d+)"\} (\d+)', server.get("/metrics").body.decode()))
    assert {counted.get(status) for status in ("400", "413", "431", "499")} == {"1"}


def test_length_shorter_than_the_body(server: Server, uid: str) -> None:
    """What is beyond the length is taken for the next request, which is none."""
    wire = Wire(server).send(head("PUT", f"/sessions/{uid}", "Content-Length: 10"), BODY + b"\r\n\r\n")
    assert wire.answer().status == 400
    assert wire.answer().status == 400
    assert wire.ended()


def test_http_1_0(server: Server, uid: str) -> None:
    server.session(uid)
    messages = [{"role": "u", "content": "x" * 100}] * 1000
    assert server.post(f"/conversations/{uid}/messages", {"messages": messages}).status == 201
    wire = Wire(server).send(f"GET /sessions/{uid} HTTP/1.0\r\n\r\n")
    assert wire.answer().status == 200 and wire.ended()
    wire = Wire(server).send(f"GET /sessions/{uid} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    assert wire.answer().status == 200
    wire.send(f"GET /conversations/{uid}/messages?limit=0 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    answer = wire.answer() # HTTP/1.0 knows no chunks
    assert "Transfer-Encoding" not in answer.headers and len(answer.json()["messages"]) == 1000
    for bad in ("GET / HTTP/2.0", "GET / HTTP/0.9", "GET /", "GET / HTTP/1.1 x", "GARBAGE", "\x00\x01\x02"):
        wire = Wire(server).send(bad, "\r\nHost: x\r\n\r\n")
        with contextlib.suppress(http.client.HTTPException, ConnectionResetError):
            assert wire.answer().status in (400, 505)
        wire.close()
    assert Wire(server).send("GET /health/live HTTP/1.1\r\n\r\n").answer().status == 400 # no Host


def test_expect_continue(server: Server, uid: str) -> None:
    ask = "Expect: 100-continue"
    wire = Wire(server).send(head("PUT", f"/sessions/{uid}", f"Content-Length: {len(BODY)}", ask))
    assert wire.line() == b"HTTP/1.1 100 Continue\r\n" and wire.line() == b"\r\n"
    assert wire.send(BODY).answer().status == 201
    for status, path, more in ((413, f"/sessions/{uid}", f"Content-Length: {65 * MIB}"),
                               (404, "/nowhere", f"Content-Length: {MIB}"),
                               (405, f"/sessions/{uid}/end", f"Content-Length: {MIB}"),
                               (415, f"/sessions/{uid}", f"Content-Length: {MIB}\r\nContent-Type: text/csv")):
        wire = Wire(server).send(head("PUT", path, more, ask))
        assert wire.line().startswith(b"HTTP/1.1 %d " % status) # nobody asks for the body
        wire.close()


# --- too much -----------------------------------------------------------------------------------

def test_long_paths_and_heads(server: Server, uid: str) -> None:
    assert Wire(server).send(head("GET", "/sessions/" + "x" * 8192)).answer().status == 400
    assert Wire(server).send(head("GET", "/sessions/" + "%20" * 2700)).answer().status == 400
    assert Wire(server).send(head("GET", "/" + "a/" * 4000)).answer().status == 404
    assert Wire(server).send(head("GET", "/sessions?user_id=" + "x" * 8192)).answer().status == 400
    assert Wire(server).send(head("GET", "/" + "x" * 100000)).answer().status == 414
    for many in (["X-A: " + "b" * MIB], [f"X-{i}: " + "b" * 1000 for i in range(1000)], ["X: " * 300000]):
        wire = Wire(server)
        try:
            answer = wire.send(head("GET", "/health/live", *many)).answer()
            assert answer.status in (400, 431)
            assert wire.ended()
        except (ConnectionError, http.client.HTTPException): # the server may not wait for all of it
            pass
        wire.close()
    assert server.get("/health/live").status == 200


@pytest.mark.parametrize("many", ["arguments", "cookies"])
def test_more_than_the_memory_of_a_connection(own: Any, many: str) -> None:
    """Arguments are not counted, cookies are. A request that MHD gives up is ended like any other."""
    server: Server = own("--drain-timeout", "2s")
    whole = {"arguments": head("GET", "/health/live?" + "&".join(["a"] * 1000)),
             "cookies": head("GET", "/health/live", "Cookie: " + ";".join(["a=b"] * 240))}[many]
    answer = server.raw(whole)
    if many == "arguments":
        assert b"there is no such query parameter" in answer
    for i in range(1000):
        Wire(server).send(whole).close(reset=i % 2 == 0)
    settle(server)
    assert server.stop() == 0, server.log()[-2000:]


def holds(server: Server, size: int) -> None:
    """Waits until request bodies have this size."""
    for _ in range(500):
        if gauge(server, "body_bytes") == size:
            return
        time.sleep(0.02)
    raise AssertionError(gauge(server, "body_bytes"))


def test_large_bodies_on_many_connections(own: Any) -> None:
    server: Server = own("--body-total", "120MiB", "--loops", "2")
    base = memory(server)
    start, end = b'{"checkpoint_data": "', b'"}'
    body = start + b"x" * (60 * MIB - len(start) - len(end)) + end
    wires = [Wire(server) for _ in range(12)]
    for i in (0, 1): # these two hold all that there is
        wires[i].send(head("PUT", f"/checkpoints/t/{i}", f"Content-Length: {len(body)}"), body[:-1000])
    holds(server, 2 * len(body))
    for i in range(2, 12):
        framing = f"Content-Length: {len(body)}"
        wires[i].send(head("PUT", f"/checkpoints/t/{i}", framing, "Expect: 100-continue"))
        answer = wires[i].answer()
        assert answer.status == 503 and answer.code == "overloaded" and answer.headers["Retry-After"]
    refused = Wire(server).send(head("PUT", "/checkpoints/t/chunked", "Transfer-Encoding: chunked"))
    chunk = b"%x\r\n" % MIB + body[:MIB] + b"\r\n"
    for _ in range(20):
        refused.send(chunk)
    answer = refused.send(b"0\r\n\r\n").answer()
    assert answer.status == 503 and answer.headers["Retry-After"]
    refused.close()
    for i in (0, 1):
        wires[i].send(body[-1000:])
    for i in (0, 1):
        assert wires[i].answer().status == 201
    for wire in wires:
        wire.close()
    settle(server)
    peak = memory(server, "VmHWM") - base
    print(f"at most {peak / MIB:.0f} MiB for two bodies of 60 MiB")
    assert SANITIZED or peak < 5 * len(body)
    assert server.put("/checkpoints/t/last", raw=body).status == 201
    settle(server)
    assert server.get("/checkpoints/t/0").json()["checkpoint_data"] == "x" * (60 * MIB - len(start) - len(end))


def test_a_body_holds_what_has_come_of_it(own: Any) -> None:
    """Who announces a large body and sends nothing keeps nobody else out."""
    server: Server = own("--body-total", "80MiB", "--loops", "1", primary="memory:")
    announced = head("PUT", "/checkpoints/t/c", f"Content-Length: {64 * MIB}")
    idle = [Wire(server).send(announced, b"{") for _ in range(8)]
    holds(server, 8 * MIB)
    start, end = b'{"checkpoint_data": "', b'"}'
    body = start + b"x" * (40 * MIB - len(start) - len(end)) + end
    assert server.put("/checkpoints/t/d", raw=body).status == 201
    idle[0].send(b" " * (40 * MIB)) # of which so much is held that another is refused while it comes
    holds(server, 71 * MIB)
    wire = Wire(server).send(head("PUT", "/checkpoints/t/e", f"Content-Length: {len(body)}"), body)
    answer = wire.answer()
    assert answer.status == 503 and answer.code == "overloaded" and answer.headers["Retry-After"]
    assert wire.send(head("GET", "/checkpoints/t/e")).answer().status == 404
    for one in (*idle, wire):
        one.close()
    settle(server)
    assert server.put("/checkpoints/t/e", raw=body).status == 201


def test_10000_idle_connections(own: Any) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    count = min(10000, hard - 500)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    server: Server = own()
    wires: list[socket.socket] = []
    try:
        server.session("s")
        base = memory(server)
        for i in range(count):
            s = socket.create_connection(("127.0.0.1", server.port), timeout=60)
            wires.append(s)
            if i % 2: # half of them have made one request
                s.sendall(head("GET", "/health/live"))
                assert s.recv(4096).startswith(b"HTTP/1.1 200")
        until(lambda: gauge(server, "connections") == count + 1)  # a loop may still have to accept the last ones
        each = (memory(server) - base) / count
        print(f"{count} idle connections, {each / 1024:.1f} KiB each")
        assert SANITIZED or each <= 40 * 1024
        for i in range(200):
            assert server.patch("/sessions/s", {"increment_requests": True}).json()["metrics"]["request_count"] == i + 1
        wires[0].sendall(head("GET", "/sessions/s"))
        assert wires[0].recv(4096).startswith(b"HTTP/1.1 200")
    finally:
        for s in wires:
            s.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    settle(server)


@pytest.mark.parametrize("loops", ["1", "2"])
def test_one_connection_too_many(own: Any, loops: str) -> None:
    """It is closed at once, counted, and told of once."""
    server: Server = own("--max-connections", "50", "--loops", loops)
    wires = [Wire(server) for _ in range(50)]
    for wire in wires:
        assert wire.send(head("GET", "/health/live")).answer().status == 200
    for _ in range(20):
        assert no_answer(Wire(server).send(head("GET", "/health/live")))
    assert wires[7].send(head("GET", "/health/live")).answer().status == 200
    for wire in wires:
        wire.close()
    for _ in range(1000):
        if not no_answer(Wire(server).send(head("GET", "/health/live"))):
            break
        time.sleep(0.01)
    else:
        raise AssertionError("no room")
    assert gauge(server, "connections_refused_total") >= 20 and gauge(server, "connections_max") == 50
    assert [x["level"] for x in server.log_lines() if x["event"] == "connections_full"] == ["warning"]


def test_nobody_reads_the_log(own: Any) -> None:
    """Lines are dropped and counted; the service goes on, and ends when told to."""
    server: Server = own(start=False)
    server.log_path.touch()
    server.process = subprocess.Popen(
        [str(BINARY), "serve", "--listen", f"127.0.0.1:{server.port}", "--primary", "memory:",
         "--drain-delay", "0"], stderr=subprocess.PIPE)
    server.wait_ready()
    began = time.monotonic()
    for _ in range(500):
        assert server.get("/" + "x" * 1000).status == 404
    found = re.search(r"^stateward_log_lines_dropped_total (\d+)$", server.get("/metrics").body.decode(), re.M)
    assert found and int(found[1]) > 300
    assert server.stop() == 0
    assert time.monotonic() - began < 20
    assert server.process.stderr
    with server.process.stderr as log:
        for line in log:
            json.loads(line)


# --- signals ------------------------------------------------------------------------------------

class Load:
    """Sixteen clients that append. Every request must be answered, unless `goes` says how it may end."""

    def __init__(self, server: Server) -> None:
        self.server, self.stopping = server, False
        self.wrong: list[Any] = []
        self.done: list[list[int]] = [[] for _ in range(16)]
        self.closed = [False] * 16 # whether the last answer announced the close
        self.threads = [threading.Thread(target=self.run, args=(k,)) for k in range(16)]
        for k in range(16):
            server.session(f"s{k}")
        for t in self.threads:
            t.start()

    def run(self, k: int) -> None:
        conn, i = self.server.connect(), 0
        while not self.stopping:
            try:
                answer = self.server.post(f"/conversations/s{k}/messages",
                                          {"role": "u", "content": i, "id": str(i)}, conn=conn)
            except (OSError, http.client.HTTPException) as e:
                self.wrong.append((k, i, repr(e)))
                return
            if answer.status != 201:
                self.wrong.append((k, i, answer.body))
                return
            self.done[k].append(i)
            self.closed[k] = answer.headers["Connection"] == "close"
            i += 1

    def stop(self) -> None:
        self.stopping = True
        for t in self.threads:
            t.join()
        assert not self.wrong, self.wrong
        assert all(self.done)


def test_signals_that_change_nothing(own: Any) -> None:
    server: Server = own()
    load = Load(server)
    assert server.process
    for _ in range(20):
        for s in (signal.SIGHUP, signal.SIGPIPE):
            os.kill(server.process.pid, s)
        time.sleep(0.02)
    load.stop()
    settle(server)
    assert server.process.poll() is None


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_end_under_load_fails_no_request(own: Any, how: signal.Signals) -> None:
    """Clients go on for a while after the signal, on new connections too, as a Kubernetes Service would have it."""
    server: Server = own("--drain-delay", "1500ms")
    load = Load(server)
    assert server.process
    time.sleep(0.3)
    server.process.send_signal(how)
    while server.get("/health/ready").status == 200:
        time.sleep(0.005)
    time.sleep(0.5)
    load.stop()
    assert server.process.wait(60) == 0, server.log()[-4000:]
    assert '"stopped"' in server.log() and "0 requests were cut off" in server.log()
    server.start()
    for k in range(16):
        assert contents(server, f"s{k}") == load.done[k]


def test_end_without_a_delay_answers_what_it_has(own: Any) -> None:
    """A client whose connection ends without an answer may repeat: nothing that it was told is lost."""
    server: Server = own()
    load = Load(server)
    time.sleep(0.3)
    assert server.stop() == 0
    load.stopping = True
    for t in load.threads:
        t.join()
    assert "0 requests were cut off" in server.log()
    assert all(load.closed), load.wrong # no busy client is left without notice
    server.start()
    for k in range(16):
        stored = contents(server, f"s{k}")
        assert stored[:len(load.done[k])] == load.done[k] and len(stored) <= len(load.done[k]) + 1


def test_second_signal_ends_the_delay(own: Any) -> None:
    server: Server = own("--drain-delay", "1h")
    assert server.process
    server.process.send_signal(signal.SIGTERM)
    until(lambda: server.get("/health/ready").status == 503)
    until(lambda: server.get("/health/live").headers["Connection"] == "close")  # each loop hears of it by itself
    server.process.send_signal(signal.SIGHUP)
    until(lambda: '"sighup"' in server.log())
    assert server.get("/health/live").status == 200
    assert server.stop() == 0
