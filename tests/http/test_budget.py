"""What one request of one client may cost: allocations and system calls. Batches: tests/unit/test_budget.c."""

from __future__ import annotations

import collections
import http.client
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest
from conftest import Server
from preload import library

COUNT = 200
MESSAGE = {"role": "user", "content": "x" * 200}


def live(server: Server, conn: http.client.HTTPConnection) -> None:
    assert server.get("/health/live", conn=conn).status == 200


def append(server: Server, conn: http.client.HTTPConnection) -> None:
    path = "/conversations/c/messages?require_session=false"
    assert server.post(path, MESSAGE, conn=conn).status == 201


def get(server: Server, conn: http.client.HTTPConnection) -> None:
    assert server.get("/sessions/s", conn=conn).status == 200


REQUESTS = [live, append, get]


def run(server: Server, request: Callable[..., None], conn: http.client.HTTPConnection) -> None:
    for _ in range(COUNT):
        request(server, conn)


@pytest.fixture(scope="module")
def counter(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    if b"__asan_init" in pathlib.Path(os.environ.get("STATEWARD_BIN", "/dev/null")).read_bytes():
        pytest.skip("a sanitizer has its own malloc")
    return library("count_malloc", tmp_path_factory.mktemp("count"))


@pytest.mark.parametrize(("request_", "most"), [(live, 7.1), (append, 19), (get, 15.1)])
def test_allocations(own: Any, counter: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch,
                     request_: Callable[..., None], most: int) -> None:
    file = tmp_path / "count"
    file.write_bytes(bytes(8))
    monkeypatch.setenv("COUNT_FILE", str(file))
    monkeypatch.setenv("LD_PRELOAD", str(counter))
    server = own("--loops", "1", "--cleanup-interval", "0")
    monkeypatch.undo()
    server.session("s")
    conn = server.connect()
    run(server, request_, conn)
    before = int.from_bytes(file.read_bytes(), "little")
    run(server, request_, conn)
    each = (int.from_bytes(file.read_bytes(), "little") - before) / COUNT
    print(request_.__name__, each)
    assert before > 0
    assert each <= most


def trace(server: Server, work: Callable[[], None], out: pathlib.Path) -> collections.Counter[str]:
    """The system calls of all threads, by name."""
    strace = shutil.which("strace")
    if not strace:
        pytest.skip("strace is not installed")
    assert server.process
    tracer = subprocess.Popen([strace, "-f", "-qq", "-y", "-p", str(server.process.pid), "-o", str(out)],
                              stderr=subprocess.PIPE)
    threads = pathlib.Path(f"/proc/{server.process.pid}/task")
    for _ in range(500):
        if tracer.poll() is not None:
            pytest.skip("strace may not trace here")
        if all("TracerPid:\t0\n" not in (t / "status").read_text() for t in threads.iterdir()):
            break
        time.sleep(0.01)
    work()
    tracer.send_signal(signal.SIGINT)
    tracer.wait(30)
    return collections.Counter(re.findall(r"^\d+ +(\w+)\(", out.read_text(), re.MULTILINE))


def synced_before_each_answer(calls: str) -> int:
    """How many answers there are. Each goes out when the log is written, and then synced."""
    answers, last = 0, ""
    wanted = re.compile(r"^\d+ +(pwrite64|fdatasync|sendto|sendmsg|writev)\(\d+<([^>]*)>", re.MULTILINE)
    for call, file in wanted.findall(calls):
        if file.endswith("-wal"):
            last = call
        elif call.startswith(("send", "writev")):
            assert last == "fdatasync", f"answer {answers} goes out behind a {last} of the log"
            answers, last = answers + 1, "answer"
    return answers


@pytest.mark.parametrize("request_", REQUESTS)
def test_system_calls(own: Any, tmp_path: pathlib.Path, request_: Callable[..., None]) -> None:
    server = own("--loops", "1", "--cleanup-interval", "0", "--log-level", "warning")
    server.session("s")
    conn = server.connect()
    run(server, request_, conn)
    time.sleep(0.2)  # the threads that watch the loops sleep by then
    calls = trace(server, lambda: run(server, request_, conn), tmp_path / "calls")
    print(request_.__name__, {name: n / COUNT for name, n in calls.most_common()})
    # http.client sends head and body apart, and each part of a request is read by itself.
    reads = 2 if request_ is append else 1
    assert COUNT <= calls["recvfrom"] <= COUNT * reads + 5
    assert calls["sendto"] + calls["sendmsg"] + calls["writev"] == COUNT
    syncs = calls["fdatasync"] + calls["fsync"]
    if request_ is append: # the log may be carried over once or twice
        assert COUNT <= syncs <= COUNT + 8
        assert synced_before_each_answer((tmp_path / "calls").read_text()) == COUNT
    else:
        assert syncs == 0
    assert calls["getrandom"] <= COUNT / 10
    if request_ is live:
        assert calls["futex"] + calls["write"] + calls["read"] <= 5
        assert calls["epoll_ctl"] <= 5
    else: # there and back: one event at most
        assert calls["write"] <= COUNT + 5


def test_a_lone_request_is_run_by_its_loop(own: Any, tmp_path: pathlib.Path) -> None:
    """The loop runs the operation itself if the store was quick, which a busy machine may not let it be."""
    server = own("--loops", "1", "--cleanup-interval", "0", "--log-level", "warning")
    server.session("s")
    conn = server.connect()
    for i in range(10):
        calls = trace(server, lambda: run(server, get, conn), tmp_path / f"calls{i}")
        if calls["write"] <= COUNT / 10:
            return
    raise AssertionError(calls)
