"""Ten times more than the queue takes: what cannot be taken is refused at once, the rest is served."""

from __future__ import annotations

import contextlib
import json
import random
import socket
import sqlite3
import threading
import time
from typing import Any

from conftest import Server
from wire import SANITIZED, Wire, gauge, head, memory, message, settle

QUEUE, REQUESTS = 200, 2000
MIB = 1024 * 1024


class Stall:
    """Keeps the writer from writing, as a slow disk would."""

    def __init__(self, server: Server) -> None:
        self.db = sqlite3.connect(server.primary.removeprefix("sqlite:"), isolation_level=None)

    def __enter__(self) -> None:
        self.db.execute("BEGIN IMMEDIATE")

    def __exit__(self, *_: object) -> None:
        self.db.execute("ROLLBACK")
        self.db.close()


def flood(server: Server, first: int) -> list[Wire]:
    """Sends REQUESTS appends, each on a connection of its own."""
    wires = []
    for i in range(first, first + REQUESTS):
        body = b'{"role": "u", "id": "%d", "content": "%s"}' % (i, b"x" * 2000)
        wires.append(Wire(server).send(message("/conversations/s/messages", body)))
    return wires


def test_ten_times_the_queue(own: Any) -> None:
    server: Server = own("--queue-max", str(QUEUE))
    server.session("s")
    base, taken = memory(server), set()
    for round_ in range(3):
        first = round_ * REQUESTS
        with Stall(server):
            wires = flood(server, first)
            refused = 0
            for i, wire in enumerate(wires): # these are answered while the store stands still
                wire.sock.settimeout(0.001 if i < REQUESTS - 1 else 0.5)
                try:
                    wire.sock.recv(1, socket.MSG_PEEK)
                except TimeoutError:
                    taken.add(first + i)
                    continue
                wire.sock.settimeout(60)
                answer = wire.answer()
                assert answer.status == 503 and answer.code == "overloaded"
                assert int(answer.headers["Retry-After"]) >= 1
                refused += 1
            assert QUEUE * 0.9 <= REQUESTS - refused <= QUEUE
            assert server.get("/health/live").status == 200
            assert server.get("/sessions/s").status in (200, 503)
        for i, wire in enumerate(wires):
            if first + i in taken:
                wire.sock.settimeout(60)
                assert wire.answer().status == 201
            wire.close()
        settle(server)
        assert server.session("s") # all is well again
        stored = {int(m["id"]) for m in server.get("/conversations/s/messages?limit=0").json()["messages"]}
        assert stored == taken
    grown = memory(server, "VmHWM") - base
    print(f"{grown / MIB:.0f} MiB for {REQUESTS} requests at once")
    assert SANITIZED or grown < 200 * MIB


def test_readers_are_not_held_up_by_a_full_writer_for_long(own: Any) -> None:
    """A full queue refuses reads as well; once there is room they pass, before the writer is done."""
    server: Server = own("--queue-max", "50")
    server.session("s")
    with Stall(server):
        wires = [Wire(server).send(message("/conversations/s/messages", b'{"role": "u", "content": %d}' % i))
                 for i in range(40)]
        while gauge(server, "queue_operations") < 40:
            time.sleep(0.005)
        for _ in range(100):
            assert server.get("/sessions/s").status == 200
    assert [wire.answer().status for wire in wires] == [201] * 40
    for wire in wires:
        wire.close()


def test_deep_pipelines_on_a_full_queue(own: Any) -> None:
    """A connection has one request at a time in the queue, however much it has sent."""
    server: Server = own("--queue-max", "10")
    server.session("s")
    wires = [Wire(server) for _ in range(8)]
    one = message("/conversations/s/messages", b'{"role": "u", "content": 1}')
    senders = [threading.Thread(target=wire.send, args=[one] * 200) for wire in wires]
    for t in senders:
        t.start()
    assert all(wire.answer().status == 201 for wire in wires for _ in range(200))
    for t in senders:
        t.join()
    assert len(server.get("/conversations/s/messages?limit=0").json()["messages"]) == 1600
    for wire in wires:
        wire.close()


def test_a_request_beyond_the_queue_is_refused_whole(own: Any) -> None:
    server: Server = own("--queue-max", "10")
    sessions = [{"session_id": f"s{i}", "user_id": "u"} for i in range(100)]
    answer = server.post("/batch/sessions/create", {"sessions": sessions})
    assert answer.status == 413 and answer.code == "too_large" and "Retry-After" not in answer.headers
    assert server.get("/sessions?limit=1").json()["items"] == []
    assert Wire(server).send(head("GET", "/sessions/s0")).answer().status == 404


def test_one_large_session_a_thousand_times(own: Any) -> None:
    """Requests of a few KiB ask for 10 GiB: the answer is made while it is read."""
    server: Server = own()
    server.session("s", more="x" * (10 * MIB))
    base = memory(server)
    wire = Wire(server, receive_buffer=65536)
    wire.send(message("/batch/sessions/get", json.dumps({"session_ids": ["s"] * 1000}).encode()))
    got = 0
    while got < 300 * MIB:
        got += len(wire.sock.recv(MIB))
    peak = memory(server, "VmHWM") - base
    wire.close()
    print(f"at most {peak / MIB:.0f} MiB")
    assert SANITIZED or peak < 200 * MIB
    settle(server)


def value(size: int) -> str:
    """Varied, so that what a store returns for it is large too."""
    return random.Random(size).randbytes(size // 2).hex()


def test_large_answers_that_nobody_reads(fresh: Any) -> None:
    """What they hold together has a limit; small answers are not in their way."""
    server: Server = fresh("--answer-total", "48MiB", "--cache-bytes", "0")
    data, readers = value(8 * MIB), 24
    server.session("s")
    assert server.put("/checkpoints/t/c", {"checkpoint_data": data}).status == 201
    wires = [Wire(server).send(head("GET", "/checkpoints/t/c")) for _ in range(readers)]
    statuses, base = [], memory(server)
    for wire in wires:
        assert wire.sock.recv(12, socket.MSG_PEEK | socket.MSG_WAITALL)
    assert 8 * MIB < gauge(server, "answer_bytes") < 48 * MIB + 4 * len(data) # one may exceed it
    assert server.get("/sessions/s").status == 200
    for wire in wires:
        answer = wire.answer()
        statuses.append(answer.status)
        if answer.status == 503:
            assert answer.code == "overloaded" and "--answer-total" in answer.json()["detail"]
            assert answer.headers["Retry-After"]
        else:
            assert answer.json()["checkpoint_data"] == data
        wire.close()
    assert set(statuses) == {200, 503}, statuses
    settle(server)
    print(f"{statuses.count(200)} of {readers}, at most {(memory(server, 'VmHWM') - base) / MIB:.0f} MiB")
    assert SANITIZED or server.primary != "memory:" or memory(server, "VmHWM") - base < 96 * MIB
    assert server.get("/checkpoints/t/c").json()["checkpoint_data"] == data


def test_an_answer_above_the_limit_is_read_alone(fresh: Any) -> None:
    server: Server = fresh("--answer-total", "1MiB")
    data = value(8 * MIB)
    for i in range(3):
        assert server.put(f"/checkpoints/t/{i}", {"checkpoint_data": data}).status == 201
    assert server.get("/checkpoints/t/0").json()["checkpoint_data"] == data
    items = server.get("/checkpoints?thread_id=t").json()["items"]
    assert len(items) > 1 and all(item["checkpoint_data"] == data for item in items)
    with contextlib.closing(Wire(server).send(head("GET", "/checkpoints/t/1"))) as held:
        assert held.sock.recv(12, socket.MSG_PEEK | socket.MSG_WAITALL) == b"HTTP/1.1 200"
        assert server.get("/checkpoints/t/2").status == 503
        assert held.answer().json()["checkpoint_data"] == data
    settle(server)
    assert server.get("/checkpoints/t/2").status == 200
