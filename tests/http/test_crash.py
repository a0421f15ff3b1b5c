"""The store's file goes bad or the disk is full: errors are clear, and what can be read is right."""

from __future__ import annotations

import contextlib
import os
import pathlib
import random
import resource
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from conftest import Server
from dying import until
from files import ask, flip, known_answers, refused
from preload import library
from wire import SANITIZED, Wire, head, settle

MIB = 1024 * 1024
SMALL = 6 * MIB


@contextlib.contextmanager
def small_disk(folder: pathlib.Path) -> Iterator[None]:
    """A file system of SMALL bytes."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SMALL}", "none", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def append(server: Server, i: int, size: int = 20000) -> Any:
    return server.post("/conversations/s/messages", {"role": "u", "id": str(i), "content": f"{i}:" + "x" * size})


def check_messages(server: Server, known: set[int], doubtful: set[int]) -> None:
    """All known messages are there, and no others but doubtful ones; none is cut or changed."""
    messages = server.get("/conversations/s/messages?limit=0").json()["messages"]
    got = {int(m["id"]) for m in messages}
    assert len(got) == len(messages) and known <= got <= known | doubtful
    assert all(m["content"].startswith(m["id"] + ":x") and len(m["content"]) > 20000 for m in messages)


def fill(server: Server, known: set[int], doubtful: set[int], codes: set[tuple[int, str]]) -> None:
    """Appends until ten in a row have failed."""
    failed, i = 0, max(known | doubtful, default=0)
    while failed < 10:
        i += 1
        answer = append(server, i)
        if answer.status == 201:
            known.add(i)
            failed = 0
            continue
        assert (answer.status, answer.code) in codes, answer.body
        assert answer.status != 503 or answer.headers["Retry-After"]
        if answer.status == 504:
            doubtful.add(i)
        failed += 1
        assert i < 2000, "the disk does not fill"


def goes_on(server: Server, known: set[int], doubtful: set[int]) -> None:
    """There is room again: what was in doubt is known now."""
    check_messages(server, known, doubtful)
    known |= {int(m["id"]) for m in server.get("/conversations/s/messages?limit=0").json()["messages"]}
    last = max(known | doubtful) + 1
    assert append(server, last).status == 201
    known.add(last)
    check_messages(server, known, set())


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root; the limit of the file size is tested below")
def test_disk_full(own: Any, tmp_path: pathlib.Path) -> None:
    known: set[int] = set()
    with small_disk(tmp_path / "disk"):
        server: Server = own(primary=f"sqlite:{tmp_path}/disk/state.db")
        server.session("s")
        for round_ in range(3):
            doubtful: set[int] = set()
            fill(server, known, doubtful, {(503, "storage_unavailable"), (504, "outcome_unknown")})
            assert "full" in append(server, 0).json()["detail"]
            report = server.get("/health")
            assert (report.status, report.json()["status"]) == (200, "degraded")
            assert "full" in report.json()["checks"]["performance"]
            check_messages(server, known, doubtful)
            assert server.get("/sessions/s").status == 200
            if round_ == 1: # a start on a full disk may be refused, but loses nothing
                server.kill()
            subprocess.run(["mount", "-o", f"remount,size={SMALL * (round_ + 2)}", tmp_path / "disk"], check=True)
            if round_ == 1:
                server.start()
            goes_on(server, known, doubtful)
        settle(server)
        assert server.stop() == 0


def test_file_may_not_grow(own: Any) -> None:
    """Writing fails with another error than "full", perhaps halfway."""
    server: Server = own()
    server.session("s")
    assert server.process
    known: set[int] = set()
    for limit in (3 * MIB, 8 * MIB):
        doubtful: set[int] = set()
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        fill(server, known, doubtful, {(503, "storage_unavailable"), (504, "outcome_unknown")})
        assert server.get("/health").json()["status"] == "degraded"
        check_messages(server, known, doubtful)
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE,
                         (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        goes_on(server, known, doubtful)
    server.kill()
    server.start()
    check_messages(server, known, set())


@pytest.mark.skipif(SANITIZED, reason="a sanitizer must be loaded first")
@pytest.mark.parametrize("end", [Server.kill, Server.stop])
def test_a_sync_of_the_database_fails(own: Any, tmp_path: pathlib.Path, end: Callable[[Server], Any]) -> None:
    """The system has dropped pages that the log counts as carried over. It must not begin anew."""
    fail = tmp_path / "fail"
    server: Server = own(start=False)
    server.env = {"LD_PRELOAD": str(library("failing_sync", tmp_path)), "FAIL_FILE": str(fail)}
    server.start().session("s")
    fail.touch()
    known: set[int] = set()
    for i in range(1, 300):  # more than the log may hold
        answer = append(server, i, 250000)
        if answer.status != 201:
            break
        known.add(i)
    assert (answer.status, answer.code) == (503, "storage_unavailable") and "sync" in answer.json()["detail"]
    assert server.get("/sessions/s").status == 503
    until(lambda: server.get("/health").status == 503)
    end(server)
    server.env = {}
    server.start()
    check_messages(server, known, set())


# --- files that go away ----------------------------------------------------------------------

@pytest.mark.skipif(os.geteuid() != 0, reason="started as another user")
def test_read_only_at_start(own: Any, tmp_path: pathlib.Path) -> None:
    server: Server = own(primary=f"sqlite:{tmp_path}/d/state.db", start=False)
    (tmp_path / "d").mkdir()
    server.start().session("s")
    assert server.stop() == 0
    parent = tmp_path
    while parent != pathlib.Path("/tmp") and parent != parent.parent:
        parent.chmod(0o755)
        parent = parent.parent
    server.user = "nobody"
    os.chmod(tmp_path / "d" / "state.db", 0o444)
    assert "read-only" in refused(server)
    os.chmod(tmp_path / "d" / "state.db", 0o666) # but nothing can be made beside it
    assert "state.db" in refused(server)
    os.chmod(tmp_path / "d", 0o777)
    os.chmod(tmp_path / "d" / "state.db.lock", 0o666)
    assert server.start().get("/sessions/s").status == 200


@pytest.mark.parametrize("gone", ["folder", "file", "wal", "replaced"])
def test_removed_while_running(own: Any, tmp_path: pathlib.Path, gone: str) -> None:
    """Nothing is acknowledged that goes to a file without a name; when the file is put back, all goes on."""
    folder, aside = tmp_path / "d", tmp_path / "aside"
    folder.mkdir()
    server: Server = own(primary=f"sqlite:{folder}/state.db")
    server.session("s")
    assert append(server, 1).status == 201
    if gone == "folder":
        folder.rename(aside)
    else:
        aside.mkdir()
        name = "state.db-wal" if gone == "wal" else "state.db"
        (folder / name).rename(aside / name)
        if gone == "replaced":
            shutil.copy(aside / name, folder / name)
    for i in range(2, 12):
        answer = append(server, i)
        assert answer.status == 503 and answer.code == "storage_unavailable", answer.body
        assert "removed" in answer.json()["detail"]
    check_messages(server, {1}, set())
    if gone == "folder":
        aside.rename(folder)
    else:
        (aside / name).rename(folder / name)
    assert append(server, 20).status == 201
    server.kill()
    server.start()
    check_messages(server, {1, 20}, set())


def test_wal_removed_after_a_crash(own: Any, tmp_path: pathlib.Path) -> None:
    """What was in the log is lost and must not be invented: the rest is a state that once was."""
    server: Server = own()
    server.session("s")
    for i in range(1, 40):
        assert append(server, i).status == 201
    server.stop()
    server.start()
    for i in range(40, 60):
        assert append(server, i).status == 201
    server.kill()
    (tmp_path / "state.db-wal").unlink()
    server.start()
    check_messages(server, set(range(1, 40)), set(range(40, 60)))
    assert append(server, 100).status == 201
    assert server.stop() == 0
    with sqlite3.connect(tmp_path / "state.db") as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_wal_damaged_after_a_crash(own: Any, tmp_path: pathlib.Path) -> None:
    """What was acknowledged is not dropped in silence; only damage at the very end looks like a crash."""
    server: Server = own()
    wal = tmp_path / "state.db-wal"
    server.session("s")
    for i in range(1, 60):
        assert append(server, i).status == 201
    server.kill()
    good = wal.read_bytes()
    for at in (5, 24, len(good) // 2, len(good) // 2 + 8216):  # header, its sum, a page or the head of its frame
        flip(wal, at)
        assert "state.db-wal" in refused(server) and "damaged" in server.log()
        wal.write_bytes(good)
    wal.write_bytes(good[:-100])  # as if the last transaction had been cut off
    server.start()
    check_messages(server, set(range(1, 59)), {59})
    server.kill()
    wal.write_bytes(good)
    server.start()
    check_messages(server, set(range(1, 60)), set())


def replace(path: pathlib.Path, content: bytes) -> None:
    """Puts a new file in the place of the old one."""
    new = path.with_name("new")
    new.write_bytes(content)
    new.rename(path)


@pytest.mark.parametrize("end", [Server.kill, Server.stop])
def test_restored_beside_an_old_log(own: Any, tmp_path: pathlib.Path, end: Callable[[Server], Any]) -> None:
    """The log of the file before is not written over the file that was restored."""
    server: Server = own()
    file, wal = tmp_path / "state.db", tmp_path / "state.db-wal"
    server.session("s")
    assert append(server, 1).status == 201
    server.stop()
    backup = file.read_bytes()
    server.start()
    for i in range(2, 40):
        assert append(server, i).status == 201
    if end is Server.stop:  # while the service runs: it leaves its log
        replace(file, backup)
    end(server)
    log = wal.read_bytes()
    replace(file, backup)
    for _ in range(2):
        assert "was replaced" in refused(server)
    assert file.read_bytes() == backup and wal.read_bytes() == log
    wal.unlink()
    check_messages(server.start(), {1}, set())


def test_restored_with_its_own_log(own: Any, tmp_path: pathlib.Path) -> None:
    """A log that was restored too is not the old one; nor is any if the lock file is gone."""
    server: Server = own()
    file, wal = tmp_path / "state.db", tmp_path / "state.db-wal"
    server.session("s")
    for i in range(1, 10):
        assert append(server, i).status == 201
    server.kill()
    backup, log = file.read_bytes(), wal.read_bytes()
    server.start()
    assert append(server, 10).status == 201
    server.kill()
    replace(file, backup)
    replace(wal, log)
    check_messages(server.start(), set(range(1, 10)), set())
    server.kill()
    replace(file, file.read_bytes())
    (tmp_path / "state.db.lock").unlink()
    check_messages(server.start(), set(range(1, 10)), set())


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_mounted_as_a_single_file(own: Any, tmp_path: pathlib.Path) -> None:
    """Its lock and log would be elsewhere than those of the service that has the folder."""
    server: Server = own(start=False)
    server.start().session("s")
    other: Server = own(primary=f"sqlite:{tmp_path}/there/state.db", start=False)
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "state.db").touch()
    subprocess.run(["mount", "--bind", tmp_path / "state.db", tmp_path / "there" / "state.db"], check=True)
    try:
        assert "mount its folder" in refused(other)
    finally:
        subprocess.run(["umount", "-l", tmp_path / "there" / "state.db"], check=True)
    assert append(server, 1).status == 201


# --- flipped bytes ------------------------------------------------------------------------------

@pytest.mark.parametrize("running", [False, True])
def test_flipped_bytes(own: Any, tmp_path: pathlib.Path, running: bool) -> None:
    """Each page carries a sum: where a byte is wrong, in a row, an index or between, nothing is answered from it."""
    server: Server = own("--cleanup-interval", "0")
    path = tmp_path / "state.db"
    right = known_answers(server)
    assert server.stop() == 0
    good = path.read_bytes()
    rng = random.Random(4)
    damaged = 0
    for at in [rng.randrange(8192, len(good)) for _ in range(40)]:
        if running:
            server.start()
        flip(path, at)
        if not running:
            server.start(wait=False)
            assert server.process
            try:
                server.wait_ready()
            except AssertionError:
                assert server.process.wait(30) == 1 and "damaged" in server.log()
                path.write_bytes(good)
                damaged += 1
                continue
        answers = ask(server)
        damaged += None in answers.values()
        assert {p: a for p, a in answers.items() if a is not None and a != right[p]} == {}
        assert server.patch("/sessions/s1", {"increment_requests": True}).status in (200, 500)
        server.kill()
        for name in ("state.db-wal", "state.db-shm"):
            (tmp_path / name).unlink(missing_ok=True)
        path.write_bytes(good)
    assert damaged > 10
    assert ask(server.start()) == right


def test_a_stream_that_meets_damage_ends(own: Any, tmp_path: pathlib.Path) -> None:
    """What was sent cannot be taken back, so the connection is cut: at once, not when it has been idle."""
    server: Server = own()
    server.session("s")
    for part in ["x" * 1000] * 10 + ["the last " + "y" * 3000] * 2:
        messages = [{"role": "u", "content": part}] * 1000
        assert server.post("/conversations/s/messages", {"messages": messages}).status == 201
    assert server.stop() == 0
    flip(tmp_path / "state.db", (tmp_path / "state.db").read_bytes().rindex(b"the last "))
    server.start()
    for _ in range(12):
        wire = Wire(server).send(head("GET", "/conversations/s/messages?limit=0"))
        got = b""
        while part := wire.sock.recv(1024 * 1024):
            got += part
        assert got.startswith(b"HTTP/1.1 200") and len(got) > 10_000_000 and not got.endswith(b"0\r\n\r\n")


def test_no_database_at_all(own: Any, tmp_path: pathlib.Path) -> None:
    server: Server = own(start=False)
    path = tmp_path / "state.db"
    path.write_bytes(b"This is a text, and longer than the header of a database would be." * 200)
    assert "not a database" in refused(server)
    assert path.read_bytes().startswith(b"This is a text")
    path.write_bytes(b"")
    server.start().session("s")
    server.stop()
    good = path.read_bytes()
    for at in (0, 16, 60, 68): # magic, page size, schema number, application
        path.write_bytes(good)
        flip(path, at)
        assert "state.db" in refused(server)
    path.write_bytes(good[:5000])
    assert "state.db" in refused(server)
    path.write_bytes(good)
    assert server.start().get("/sessions/s").status == 200


def test_pages_that_changed_places(own: Any, tmp_path: pathlib.Path) -> None:
    """Whole pages with the right sums, in the wrong places."""
    server: Server = own("--cleanup-interval", "0")
    path = tmp_path / "state.db"
    right = known_answers(server)
    assert server.stop() == 0
    good = path.read_bytes()
    pages = [good[i:i + 8192] for i in range(0, len(good), 8192)]
    pages[10:20] = pages[11:20] + pages[10:11]
    path.write_bytes(b"".join(pages))
    try:
        server.start()
    except AssertionError:
        assert "damaged" in server.log()
    else:
        answers = ask(server)
        assert None in answers.values()
        assert {p: a for p, a in answers.items() if a is not None and a != right[p]} == {}
