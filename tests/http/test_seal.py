"""Files that other programs wrote: refused as they are, sealed, then served again."""

from __future__ import annotations

import contextlib
import itertools
import pathlib
import re
import shutil
import sqlite3
import subprocess
from typing import Any

import pytest
from conftest import BINARY, Server
from files import ask, flip, known_answers, refused

APPLICATION = 0x53746477
MANUAL = pathlib.Path(__file__).parents[2] / "docs" / "operations.md"


def seal(path: pathlib.Path, *before: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*before, str(BINARY), "seal", f"sqlite:{path}"], capture_output=True, text=True,
                          timeout=120)


def sealed(path: pathlib.Path) -> tuple[int, int]:
    """Seals a file. Returns how many pages it has, and how many were sealed anew."""
    done = seal(path)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    counts = re.fullmatch(r"(\d+) pages, (\d+) sealed anew\n", done.stdout)
    assert counts
    assert int(counts[1]) * 8192 == path.stat().st_size
    return int(counts[1]), int(counts[2])


def fails(path: pathlib.Path, word: str) -> None:
    """Sealing fails with this word, and leaves the file as it is."""
    before = path.read_bytes()
    done = seal(path)
    assert (done.returncode, done.stdout) == (1, "")
    assert word in done.stderr and done.stderr.count("\n") == 1, done.stderr
    assert path.read_bytes() == before


def change(path: pathlib.Path, *statements: str) -> None:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
        for statement in statements:
            db.execute(statement).fetchall()


def serves(server: Server, right: dict[str, Any]) -> None:
    """The server answers as before, also after the next start, and goes on."""
    assert ask(server.start()) == right
    server.session("new")
    server.kill()
    assert server.start().get("/sessions/new").status == 200
    assert server.delete("/sessions/new").status == 204
    assert ask(server) == right
    assert server.stop() == 0


def test_backup_of_a_running_service(own: Any, tmp_path: pathlib.Path) -> None:
    server: Server = own("--cleanup-interval", "0")
    copy = tmp_path / "copy.db"
    right = known_answers(server)
    with contextlib.closing(sqlite3.connect(tmp_path / "state.db")) as db, \
            contextlib.closing(sqlite3.connect(copy)) as to:
        db.backup(to)
    assert ask(server) == right
    restored = own("--cleanup-interval", "0", primary=f"sqlite:{copy}", start=False)
    assert "stateward seal" in refused(restored)
    pages, anew = sealed(copy)
    assert 0 < anew <= pages
    assert sealed(copy) == (pages, 0)
    serves(restored, right)


def test_vacuum(own: Any, tmp_path: pathlib.Path) -> None:
    server: Server = own("--cleanup-interval", "0")
    path = tmp_path / "state.db"
    right = known_answers(server)
    for k in range(30):
        assert server.put(f"/checkpoints/gone/{k}", {"checkpoint_data": "x" * 100000}).status == 201
    assert server.delete("/threads/gone").status in (200, 204)
    right = ask(server)
    assert server.stop() == 0
    change(path, "VACUUM")
    assert "stateward seal" in refused(server)
    sealed(path)
    serves(server, right)


def test_checkpoint_by_another_program_after_a_crash(own: Any, tmp_path: pathlib.Path) -> None:
    """Whoever opens the file first carries its log over; opening and closing is enough."""
    server: Server = own("--cleanup-interval", "0")
    path = tmp_path / "state.db"
    right = known_answers(server)
    server.kill()
    assert (tmp_path / "state.db-wal").stat().st_size > 0
    change(path, "SELECT count(*) FROM session")
    assert not (tmp_path / "state.db-wal").exists()
    with contextlib.suppress(AssertionError): # perhaps what it reads at the start is whole
        server.start()
        assert None in ask(server).values()
    assert "stateward seal" in server.log() or "storage_error" in server.log()
    assert server.stop() in (0, 1)
    assert sealed(path)[1] > 0
    serves(server, right)


def test_after_a_crash(own: Any, tmp_path: pathlib.Path) -> None:
    """Sealing carries the log over as well."""
    server: Server = own("--cleanup-interval", "0")
    right = known_answers(server)
    server.kill()
    assert sealed(tmp_path / "state.db")[1] > 0
    assert not (tmp_path / "state.db-wal").exists()
    serves(server, right)


def rebuilt(path: pathlib.Path, to: pathlib.Path, page_size: int) -> None:
    """As `.dump | sqlite3` would, and with the numbers of the header that this leaves out."""
    with contextlib.closing(sqlite3.connect(path)) as db, contextlib.closing(sqlite3.connect(to)) as out:
        out.execute(f"PRAGMA page_size = {page_size}")
        out.executescript("\n".join(db.iterdump()))
        for name in ("application_id", "user_version"):
            number = db.execute(f"PRAGMA {name}").fetchone()[0]
            out.execute(f"PRAGMA {name} = {number}")


@pytest.mark.parametrize("page_size", [4096, 8192])
def test_rebuilt_by_dump(own: Any, tmp_path: pathlib.Path, page_size: int) -> None:
    """Pages of another size, or without room for a sum."""
    server: Server = own("--cleanup-interval", "0")
    right = known_answers(server)
    assert server.stop() == 0
    copy = tmp_path / "copy.db"
    rebuilt(tmp_path / "state.db", copy, page_size)
    before = copy.read_bytes()
    other = own("--cleanup-interval", "0", primary=f"sqlite:{copy}", start=False)
    assert "stateward seal" in refused(other)
    assert copy.read_bytes() == before
    sealed(copy)
    serves(other, right)


@pytest.mark.skipif(not shutil.which("sqlite3"), reason="needs the sqlite3 program")
def test_rebuilt_as_the_manual_says(own: Any, tmp_path: pathlib.Path) -> None:
    server: Server = own("--cleanup-interval", "0")
    right = known_answers(server)
    assert server.stop() == 0
    (tmp_path / "state.db").rename(tmp_path / "stateward.db")
    recipe = re.search(r"(?m)^    sqlite3 stateward.db .dump(.*\n    .*)*", MANUAL.read_text())
    assert recipe
    done = subprocess.run(["sh", "-ec", recipe[0]], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, ""), done
    sealed(tmp_path / "rebuilt.db")
    serves(own("--cleanup-interval", "0", primary=f"sqlite:{tmp_path}/rebuilt.db", start=False), right)


@pytest.mark.parametrize("call", ["pwrite64", "fdatasync", "ftruncate", "unlink"])
def test_killed_while_it_seals(own: Any, tmp_path: pathlib.Path, call: str) -> None:
    """At any point: the next run does the rest. All pages are rewritten, which takes longest."""
    server: Server = own("--cleanup-interval", "0")
    for k in range(20):
        assert server.put(f"/checkpoints/s{k}/1", {"checkpoint_data": f"{k}" * 20000}).status == 201
    assert server.stop() == 0
    copy, kept = tmp_path / "copy.db", tmp_path / "kept.db"
    rebuilt(tmp_path / "state.db", kept, 8192)
    other = own("--cleanup-interval", "0", primary=f"sqlite:{copy}", start=False)
    for when in itertools.accumulate(range(1, 30)):
        shutil.copy(kept, copy)
        done = seal(copy, "strace", "-f", "-o", str(tmp_path / "strace"),
                    "-e", f"inject={call}:signal=KILL:when={when}")
        if done.returncode == 0:
            break
        if when % 2: # the service refuses it, or what it answers is right
            with contextlib.suppress(AssertionError):
                other.start()
                other.session("new")
            other.kill()
        sealed(copy)
        assert sealed(copy)[1] == 0
        other.start()
        for k in range(20):
            answer = other.get(f"/checkpoints/s{k}/1")
            assert answer.json()["checkpoint_data"] == f"{k}" * 20000
        assert other.stop() == 0
    assert when > 1


def test_refused_while_the_service_runs(own: Any, tmp_path: pathlib.Path) -> None:
    server: Server = own()
    server.session("s")
    done = seal(tmp_path / "state.db")
    assert server.process
    assert done.returncode == 1 and f"in use by another process (pid {server.process.pid})" in done.stderr
    assert server.get("/sessions/s").status == 200


def test_refused_while_another_program_has_it_open(own: Any, tmp_path: pathlib.Path) -> None:
    server: Server = own()
    server.session("s")
    assert server.stop() == 0
    with contextlib.closing(sqlite3.connect(tmp_path / "state.db")) as db:
        db.execute("BEGIN")
        db.execute("SELECT * FROM session").fetchall()
        done = seal(tmp_path / "state.db") # opening the file in this process would drop the lock
        assert done.returncode == 1 and "locked" in done.stderr
    sealed(tmp_path / "state.db")


def test_damaged_structure(own: Any, tmp_path: pathlib.Path) -> None:
    server: Server = own("--cleanup-interval", "0")
    path = tmp_path / "state.db"
    known_answers(server)
    assert server.stop() == 0
    good = path.read_bytes()
    for page in (3, 9, 20):
        path.write_bytes(good)
        for at in range(8):
            flip(path, page * 8192 + at)
        fails(path, "damaged")


def test_damaged_log(own: Any, tmp_path: pathlib.Path) -> None:
    server: Server = own("--cleanup-interval", "0")
    known_answers(server)
    server.kill()
    flip(tmp_path / "state.db-wal", 32 + 5 * (24 + 8192) + 100)
    fails(tmp_path / "state.db", "is damaged in frame 6")


def test_what_is_not_ours(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "other.db"
    fails_with = {
        "of another program": lambda: change(path, "CREATE TABLE t (x)", "PRAGMA application_id = 7"),
        "is the database of another": lambda: path.write_bytes(b""),
        "not a database": lambda: path.write_bytes(b"a text, long enough to be one" * 400),
    }
    for word, make in fails_with.items():
        path.unlink(missing_ok=True)
        make()
        fails(path, word)
    path.unlink()
    assert "does not exist" in seal(path).stderr
    assert not path.exists()


def test_called_wrongly() -> None:
    for args in ([], ["sqlite:a", "b"], ["--primary", "sqlite:a"], ["memory:"], ["a.db"], ["--log-level=info"]):
        done = subprocess.run([str(BINARY), "seal", *args], capture_output=True, text=True, timeout=60)
        assert done.returncode == 2 and done.stderr.startswith("stateward: "), (args, done)
    done = subprocess.run([str(BINARY), "seal", "--help"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    assert "usage: stateward seal sqlite:PATH\n" in done.stdout and "vouches" in done.stdout


def test_a_key_that_is_forgotten_finds_its_session(own: Any, tmp_path: pathlib.Path) -> None:
    """The id of a session that was posted without one is made from the key, so a late repeat meets it."""
    server: Server = own()
    key, body = {"Idempotency-Key": "k"}, {"user_id": "u", "metadata": {"a": 1}}
    made = server.post("/sessions", body, headers=key).json()
    assert server.patch("/sessions/" + made["session_id"], {"updates": {"metadata": {"a": 2}}}).status == 200
    now = server.get("/sessions/" + made["session_id"]).json()
    assert server.stop() == 0
    change(tmp_path / "state.db", "DELETE FROM repeat")
    sealed(tmp_path / "state.db")
    again = server.start().post("/sessions", body, headers=key)
    assert again.status == 201 and again.headers["Idempotency-Replayed"] == "true" and again.json() == now
    assert server.get("/sessions/" + made["session_id"]).json() == now
