"""migrate, verify, export, import and diagnose on real stores: moved whole, killed midway, repaired."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import pathlib
import pty
import re
import resource
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import filling
import pytest
import stores
from conftest import BINARY, FINDINGS, ROOT, Server, environ

KINDS = ("session", "message", "context", "thread", "value", "checkpoint", "task")
SIZE = tuple(int(n) for n in os.environ.get("STATEWARD_TEST_SIZE", "200/2000/8").split("/"))


def command(*args: str, env: dict[str, str] | None = None, **kw: Any) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([str(BINARY), *args], capture_output=True, text=True, timeout=900,
                          env=environ(**(env or {})), **kw)
    assert not any(mark in done.stderr for mark in FINDINGS), done.stderr
    return done


def ok(*args: str, **kw: Any) -> str:
    done = command(*args, **kw)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def fails(status: int, word: str, *args: str, **kw: Any) -> str:
    done = command(*args, **kw)
    assert done.returncode == status, done
    assert word in done.stderr + done.stdout, done
    return done.stdout


def columns(out: str) -> dict[str, list[int]]:
    """The table at the end of migrate and verify."""
    rows = (line.split() for line in out.splitlines())
    return {row[0]: [int(n) for n in row[1:]] for row in rows if row and row[0] in KINDS and row[-1].isdigit()}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A database file with everything in it, which no test changes."""
    folder = tmp_path_factory.mktemp("source")
    server = Server(f"sqlite:{folder}/state.db", folder).start()
    filling.fill(server, *SIZE)
    assert server.stop() == 0
    return folder / "state.db"


@pytest.fixture
def store(postgres: stores.Postgres, tmp_path: pathlib.Path, uid: str) -> Iterator[Callable[[str], str]]:
    """Makes empty stores of a kind. Gives their URLs."""
    counter = itertools.count()
    with contextlib.ExitStack() as stack:
        def make(kind: str) -> str:
            n = next(counter)
            if kind == "sqlite":
                return f"sqlite:{tmp_path}/{n}.db"
            if kind == "redis":
                return stack.enter_context(stores.quick_redis()).url()
            name = f"{uid}_{n}".replace("-", "_")
            postgres.sql(f"CREATE DATABASE {name}")
            stack.callback(postgres.sql, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            return postgres.url(name)
        yield make


def make_known(url: str) -> None:
    """Makes an empty store that exists."""
    ok("import", url, input='{"kind":"end","records":0}\n')


def verified(a: str, b: str) -> dict[str, list[int]]:
    return columns(ok("verify", "--a", a, "--b", b))


KIND_OF_STORE = ("sqlite", "redis", "postgres")


def held(url: str) -> int:
    """How many rows of sessions, messages and checkpoints, or keys, a store holds while a command fills it."""
    kind, rest = url.split(":", 1)
    if kind == "redis":
        return int(subprocess.check_output(["redis-cli", "-u", url, "DBSIZE"], text=True))
    tables = (("session", "message", "checkpoint") if kind == "sqlite" else
              ("stateward.sessions", "stateward.conversations", "stateward.checkpoints"))
    query = "SELECT " + " + ".join(f"(SELECT count(*) FROM {table})" for table in tables)
    if kind == "sqlite":
        with contextlib.suppress(sqlite3.OperationalError), \
                contextlib.closing(sqlite3.connect(f"file:{rest}?mode=ro", uri=True)) as db:
            return int(db.execute(query).fetchone()[0])
        return 0  # no tables yet
    psql = [str(stores.POSTGRES_BIN / "psql"), "-XAtq", url, "-c", query]
    return int(subprocess.run(psql, capture_output=True, text=True).stdout or 0)


def kill_midway(target: str, *args: str) -> None:
    """Kills a command when it has brought something into the target; it pauses while that is looked at."""
    enough = held(target) + SIZE[0] // 4
    with subprocess.Popen([str(BINARY), *args], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as moving:
        try:
            while moving.poll() is None:
                moving.send_signal(signal.SIGSTOP)
                if held(target) >= enough:
                    break
                moving.send_signal(signal.SIGCONT)
                time.sleep(0.01)
        finally:
            moving.kill()
    assert moving.returncode == -signal.SIGKILL, "it was over before it could be killed"


def half(left: str, right: str) -> None:
    """The right store has some of what the left one has, and not all."""
    rows = columns(fails(1, "only in a", "verify", "--a", left, "--b", right)).values()
    assert 0 < sum(row[1] for row in rows) < sum(row[0] for row in rows), rows


# every pair: there, killed on the way, and gone on with ------------------------------------------

@pytest.mark.parametrize("pair", [*itertools.product(KIND_OF_STORE, repeat=2)], ids="-".join)
def test_each_pair(pair: tuple[str, str], source: pathlib.Path, store: Callable[[str], str]) -> None:
    left, right = (store(kind) for kind in pair)
    ok("migrate", "--from", f"sqlite:{source}", "--to", left)
    for _ in range(3):
        kill_midway(right, "migrate", "--from", left, "--to", right)
        half(left, right)
    moved = columns(ok("migrate", "--from", left, "--to", right))
    assert all(row[2] == 0 for row in moved.values())
    assert [row[0] for row in verified(left, right).values()] == [row[0] for row in moved.values()]
    again = columns(ok("migrate", "--from", left, "--to", right))
    assert all(row[1] == 0 for row in again.values()), "nothing is merged twice"
    assert again["message"][0] > SIZE[1] * 0.9
    verified(f"sqlite:{source}", right)


@pytest.mark.parametrize("kind", KIND_OF_STORE)
def test_a_service_on_the_copy_answers_as_before(kind: str, source: pathlib.Path, store: Callable[[str], str],
                                                 own: Any, tmp_path: pathlib.Path) -> None:
    copy = store(kind)
    ok("migrate", "--from", f"sqlite:{source}", "--to", copy)
    ok("migrate", "--from", copy, "--to", f"sqlite:{tmp_path}/back.db")
    servers = [own(primary=url) for url in (copy, f"sqlite:{tmp_path}/back.db")]
    for path in ("/sessions/s:10", "/sessions/s:5", "/conversations/s:10/messages?limit=1000",
                 "/sessions/s:10/context", "/checkpoints/t2", "/checkpoints/t2?ns=doc", "/writes/t2/c0003",
                 "/threads?limit=1000", "/checkpoints?thread_id=t2&limit=100&values=true", "/threads/t0"):
        first, second = (server.get(path) for server in servers)
        assert first.status == second.status
        assert first.status == 404 or first.body == second.body, path
    for server in servers:
        assert server.post("/conversations/s:10/messages", {"role": "user", "content": "more"}).status == 201
        assert server.put("/checkpoints/t2/c9999", {"checkpoint": {"channel_versions": {}}, "metadata": {},
                                                    "values": []}).status == 201


# verify -----------------------------------------------------------------------------------------

def lines_of(url: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in ok("export", url).splitlines()]


CHANGES = {
    "session": {"request_count": 77},
    "message": {"content": "changed"},
    "context": {"context": {"changed": 1}},
    "thread": {"updated_us": 2**52},
    "value": {"hash": "AAAAAAAAAAAAAAAAAAAAAA==", "encoding": 9},
    "checkpoint": {"metadata": {"changed": 1}},
    "task": {"task_path": "changed"},
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_difference_of_each_kind_is_found(kind: str, source: pathlib.Path, tmp_path: pathlib.Path) -> None:
    lines = lines_of(f"sqlite:{source}")[:-1]
    one = next(line for line in lines if line["kind"] == kind and line.get("thread_id") != "t0")
    changed = {**one, **CHANGES[kind]}
    a, b = f"sqlite:{tmp_path}/a.db", f"sqlite:{tmp_path}/b.db"
    for url, last in ((a, one), (b, changed)):
        # The line comes first of its key and so it stays: records with the same stamp do not replace each other.
        text = [json.dumps(x) for x in (last if x is one else x for x in lines)]
        ok("import", url, "--partial", input="\n".join(text) + "\n")
    out = fails(1, "differs in ", "verify", "--a", a, "--b", b)
    found = columns(out)
    assert found[kind][2:] == [0, 0, 1] and sum(sum(row[2:]) for row in found.values()) == 1, out
    member = next(iter(CHANGES[kind]))
    assert re.search(rf"differs in {member}: {kind} \{{\"tenant\":\"default\"", out), out


@pytest.mark.parametrize("kind", ["redis", "postgres"])
def test_what_is_missing_is_found_and_mended(kind: str, source: pathlib.Path, store: Callable[[str], str],
                                             tmp_path: pathlib.Path) -> None:
    lines = ok("export", f"sqlite:{source}").splitlines()[:-1]
    a, b = store(kind), f"sqlite:{tmp_path}/b.db"
    ok("import", a, "--partial", input="\n".join(lines) + "\n")
    fails(1, "a value that it refers to is not there", "import", b, "--partial",
          input="\n".join(line for n, line in enumerate(lines) if n % 3) + "\n")
    out = fails(1, "only in a: message", "verify", "--a", a, "--b", b)
    for name, (_, _, only_a, only_b, differ) in columns(out).items():
        assert only_a + differ > 0 and only_b == 0, (name, out)
    out = ok("verify", "--a", a, "--b", b, "--repair")
    assert out.rstrip().endswith("equal")
    assert "merged 0 into a" in out
    verified(a, b)


def test_repair_of_both_sides(source: pathlib.Path, store: Callable[[str], str], own: Any,
                              tmp_path: pathlib.Path) -> None:
    """Two services wrote apart; deletions cover what the other one has."""
    urls = [store("sqlite"), store("redis")]
    for url in urls:
        ok("migrate", "--from", f"sqlite:{source}", "--to", url)
    for n, url in enumerate(urls):
        server: Server = own(primary=url)
        server.session(f"new{n}")
        assert server.post("/conversations/s:20/messages", {"role": "u", "content": f"of {n}"}).status == 201
        assert server.put("/sessions/s:20/context", {"context": {"of": n}}).status == 200
        assert server.delete(f"/sessions/s:3{n}").status == 204
        assert server.delete(f"/threads/t{n + 2}").status == 204
        assert server.stop() == 0
    fails(1, "only in b", "verify", "--a", urls[0], "--b", urls[1])
    assert ok("verify", "--a", urls[0], "--b", urls[1], "--repair").rstrip().endswith("equal")
    verified(*urls)
    server = own(primary=urls[0])
    assert [server.get(f"/sessions/{id_}").status for id_ in ("new0", "new1", "s:30", "s:31")] == [200, 200, 404, 404]
    assert [server.get(f"/threads/t{n}").status for n in (2, 3, 4)] == [404, 404, 200]
    said = [m["content"] for m in server.get("/conversations/s:20/messages").json()["messages"]]
    assert said[-2:] == ["of 0", "of 1"]


# export and import ------------------------------------------------------------------------------

@pytest.mark.parametrize("pair", [("sqlite", "redis"), ("redis", "postgres"), ("postgres", "sqlite")], ids="-".join)
def test_export_and_import(pair: tuple[str, str], source: pathlib.Path, store: Callable[[str], str],
                           tmp_path: pathlib.Path) -> None:
    left, right = (store(kind) for kind in pair)
    ok("migrate", "--from", f"sqlite:{source}", "--to", left)
    ok("export", left, "--file", str(tmp_path / "lines"))
    kill_midway(right, "import", right, "--file", str(tmp_path / "lines"))
    half(left, right)
    records = len((tmp_path / "lines").read_text().splitlines()) - 1
    assert ok("import", right, "--file", str(tmp_path / "lines")).startswith(f"{records} records, ")
    verified(left, right)
    assert ok("import", right, "--file", str(tmp_path / "lines")) == f"{records} records, 0 merged, 0 failed\n"
    assert ok("export", right) == (tmp_path / "lines").read_text()


BAD_LINES = {
    "no JSON": ("{", "line 3: "),
    "a list": ("[]", "line 3: "),
    "no kind": ('{"tenant":"default"}', "line 3: kind: a string is needed"),
    "another kind": ('{"kind":"row","tenant":"default"}', "line 3: kind: there is no such kind"),
    "a member is missing": ('{"kind":"thread","tenant":"default","thread_id":"t","tomb":"0"}',
                            "line 3: updated_us: it is missing"),
    "a member too many": ('{"kind":"thread","tenant":"default","thread_id":"t","tomb":"0","updated_us":1,"x":1}',
                          "line 3: x: a thread has no such member"),
    "an id that is none": ('{"kind":"thread","tenant":"default","thread_id":"\\u0001","tomb":"0","updated_us":1}',
                           "line 3: thread_id: "),
    "a stamp of the future": ('{"kind":"thread","tenant":"default","thread_id":"t","tomb":"9223372036854775807",'
                              '"updated_us":1}', "line 3: tomb: it lies more than a day ahead"),
    "a stamp that is none": ('{"kind":"thread","tenant":"default","thread_id":"t","tomb":"-1","updated_us":1}',
                             "line 3: tomb: a stamp is needed"),
    "another number at the end": ('{"kind":"end","records":7}', "line 3: 7 records were written, 1 are here"),
    "a hash of something else": ('{"kind":"value","tenant":"default","thread_id":"t","ns":"","value_id":"2048",'
                                 '"channel":"c","version":1,"type":"","hash":"AAAAAAAAAAAAAAAAAAAAAA==","encoding":0,'
                                 '"base":"0","bytes":"YQ=="}', "line 3: hash: it is not that of the bytes"),
}


@pytest.mark.parametrize("case", BAD_LINES)
def test_a_bad_line_is_named(case: str, tmp_path: pathlib.Path) -> None:
    line, word = BAD_LINES[case]
    good = '{"kind":"thread","tenant":"default","thread_id":"good","tomb":"5","updated_us":1}'
    url = f"sqlite:{tmp_path}/a.db"
    fails(1, word, "import", url, input=f"{good}\n\n{line}\n{good}\n")
    assert [x["thread_id"] for x in lines_of(url)[:-1]] == ["good"], "what stands before it is there"


def test_an_export_that_was_cut_off(tmp_path: pathlib.Path) -> None:
    good = '{"kind":"thread","tenant":"default","thread_id":"good","tomb":"5","updated_us":1}'
    url = f"sqlite:{tmp_path}/a.db"
    fails(1, "standard input has no last line with the number of records: it was cut off", "import", url, input="")
    fails(1, "What is there was imported: 1 records", "import", url, input=good + "\n")
    assert [x["thread_id"] for x in lines_of(url)[:-1]] == ["good"]
    fails(1, "line 2: ", "import", url, input=good + "\n" + good[:30])


def test_a_line_too_long_for_memory(source: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """It is not the end of the file: neither behind a whole export nor with --partial."""
    lines, long = ok("export", f"sqlite:{source}"), tmp_path / "long"
    with long.open("w") as file:
        file.write(lines + '{"kind":"message","content":"' + "a" * 400_000_000 + '"}\n' + lines)

    def little() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (500_000_000, 500_000_000))

    for flags in ((), ("--partial",)):
        fails(1, f"line {len(lines.splitlines()) + 1}: out of memory", "import", f"sqlite:{tmp_path}/a.db",
              "--file", str(long), *flags, preexec_fn=little)
    long.unlink()


def test_lines_that_end_as_on_windows(source: pathlib.Path, tmp_path: pathlib.Path) -> None:
    lines = ok("export", f"sqlite:{source}", "--file", "-")
    with subprocess.Popen([BINARY, "import", f"sqlite:{tmp_path}/a.db", "--file", "-"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, env=environ()) as importing:
        out, _ = importing.communicate(lines.replace("\n", "\r\n").encode())
    assert importing.returncode == 0 and out.startswith(f"{len(lines.splitlines()) - 1} records".encode())
    assert ok("export", f"sqlite:{tmp_path}/a.db") == lines


def test_output_that_is_lost(source: pathlib.Path, tmp_path: pathlib.Path) -> None:
    db, lines = f"sqlite:{source}", ok("export", f"sqlite:{source}")
    for args in (("verify", "--a", db, "--b", f"sqlite:{tmp_path}/m.db"), ("cleanup", "--primary", db),
                 ("migrate", "--from", db, "--to", f"sqlite:{tmp_path}/m.db"), ("import", f"sqlite:{tmp_path}/i.db")):
        if args[0] == "verify":
            ok("migrate", "--from", db, "--to", f"sqlite:{tmp_path}/m.db")
        with open("/dev/full", "w") as full:
            done = subprocess.run([str(BINARY), *args], stdout=full, stderr=subprocess.PIPE, text=True, env=environ(),
                                  input=lines)
        assert done.returncode == 1 and "standard output: No space left on device" in done.stderr, (args, done)
    done = subprocess.run(f"exec {BINARY} export {db} >&-", shell=True, capture_output=True, text=True, env=environ())
    assert done.returncode == 1 and "standard output: Bad file descriptor" in done.stderr, done


def test_lines_that_were_left_out(source: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """As grep would leave the lines: with the last line and without it."""
    lines = ok("export", f"sqlite:{source}").splitlines()
    sessions = [line for line in lines if '"kind":"session"' in line]
    for end in ([], lines[-1:]):
        text, url = "\n".join([*sessions, *end]) + "\n", f"sqlite:{tmp_path}/{len(end)}.db"
        fails(1, "records", "import", url, input=text)
        out = ok("import", url, "--partial", "--file", "/dev/stdin", input=text)
        assert out.startswith(f"{len(sessions)} records, ")
        assert lines_of(url)[-1] == {"kind": "end", "records": len(sessions)}


def test_an_export_overwrites_nothing(source: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """Not even the database itself, which is easily named by mistake, and nothing through a link."""
    db, lines, link = tmp_path / "stateward.db", tmp_path / "lines", tmp_path / "link"
    db.write_bytes(source.read_bytes())
    link.symlink_to("nowhere")
    ok("export", "--file", "lines", cwd=tmp_path)
    assert lines.stat().st_mode & 0o777 == 0o600
    for name in ("stateward.db", "lines", str(link)):
        fails(1, f"{name}: it exists already, and an export overwrites nothing", "export", "--file", name,
              cwd=tmp_path)
    assert ok("export", f"sqlite:{db}") == ok("export", f"sqlite:{source}") == lines.read_text()
    fails(1, "none/lines: No such file or directory", "export", "--file", "none/lines", cwd=tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"stateward.db", "stateward.db.lock", "lines", "link"}


def test_a_disk_that_is_full(source: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """Nothing is left of a file; standard output has what fits."""
    def no_room() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    fails(1, "lines: File too large", "export", f"sqlite:{source}", "--file", str(tmp_path / "lines"),
          preexec_fn=no_room)
    assert list(tmp_path.iterdir()) == []
    with open("/dev/full", "w") as full:
        done = subprocess.run([str(BINARY), "export", f"sqlite:{source}"], stdout=full, stderr=subprocess.PIPE,
                              text=True)
    assert done.returncode == 1 and "standard output: No space left on device" in done.stderr


def test_tenants_travel(tmp_path: pathlib.Path, store: Callable[[str], str]) -> None:
    lines = [f'{{"kind":"thread","tenant":"{tenant}","thread_id":"t","tomb":"5","updated_us":1}}'
             for tenant in ("a", "default", "é")]
    url = store("redis")
    ok("import", url, input="\n".join([*lines, '{"kind":"end","records":3}']) + "\n")
    ok("migrate", "--from", url, "--to", f"sqlite:{tmp_path}/a.db")
    assert ok("export", f"sqlite:{tmp_path}/a.db").splitlines()[:-1] == lines


# what can be wrong ------------------------------------------------------------------------------

def test_called_wrongly(tmp_path: pathlib.Path) -> None:
    db = f"sqlite:{tmp_path}/a.db"
    fails(2, "--from URL and --to URL are needed: the two stores", "migrate", "--from", db)
    fails(2, "--from and --to name the same store", "migrate", "--from", db, "--to", db)
    fails(2, "Unsupported storage type: mysql", "migrate", "--from", "mysql://h", "--to", db)
    for url in ("host=h password=secret", "mysql://u:secret@h", "u:secret@h", "sqlite://u:secret@h/d"):
        done = command("migrate", "--from", url, "--to", db)
        assert done.returncode == 2 and "secret" not in done.stderr, done
    fails(2, "Unsupported storage type: host=h password=***\n", "migrate", "--from", "host=h password=s", "--to", db)
    fails(2, '"sqlite://u:***@h/d" names no file', "migrate", "--from", "sqlite://u:secret@h/d", "--to", db)
    fails(2, "--from: memory: cannot be used here: it is empty", "migrate", "--from", "memory:", "--to", db)
    fails(2, "--a URL and --b URL are needed: the two stores", "verify", "--b", db)
    fails(2, "there is no such setting", "verify", "--from", db)
    fails(2, "there is no such setting", "serve", "--from", db)
    for args in (("--file", "f", db), ("--file=f", db, "--store-timeout", "2s"), (db, "postgresql://u:secret@h/d"),
                 (db, "--file", "f", db)):
        done = command("import", *args)
        assert done.returncode == 2 and "secret" not in done.stderr, done
        assert "import takes one URL, before its flags: stateward import URL [--FLAG VALUE ...]" in done.stderr
    fails(2, f"the store is named twice: {db}, and --primary", "export", db, "--primary", "sqlite:b.db")
    fails(2, "a file is named sqlite:PATH", "export", str(tmp_path / "a.db"))
    for port in ("0", "65536", "99999", "5432,h:0"):
        fails(2, "postgres: a port is a number from 1 to 65535", "export", f"postgresql://h:{port}/d")
    fails(1, "help: No such file", "import", db, "--file", "help", cwd=tmp_path)
    fails(1, "does not exist", "migrate", "--from", db, "--to", f"sqlite:{tmp_path}/b.db")
    fails(1, "does not exist", "export", db)
    fails(1, "lines: No such file", "import", db, "--file", str(tmp_path / "lines"))
    assert list(tmp_path.iterdir()) == [], "nothing is made by the way"
    for name in ("migrate", "verify", "export", "import", "diagnose"):
        assert f"usage: stateward {name}" in ok(name, "--help")


def test_a_schema_that_is_not_there_is_not_made(tmp_path: pathlib.Path, postgres: stores.Postgres,
                                                store: Callable[[str], str]) -> None:
    url, db = store("postgres"), f"sqlite:{tmp_path}/a.db"
    make_known(db)
    ok("import", url, "--postgres-schema", "right", input='{"kind":"end","records":0}\n')
    for args in (("export", url), ("migrate", "--from", url, "--to", db), ("verify", "--a", url, "--b", db),
                 ("verify", "--a", db, "--b", url, "--repair"), ("cleanup", "--primary", url)):
        fails(1, "no schema tpyo", *args, "--postgres-schema", "tpyo")
        ok(*args, "--postgres-schema", "right")
    postgres.sql("CREATE SCHEMA empty", url.rsplit("/", 1)[1])
    fails(1, "no schema empty", "export", url, "--postgres-schema", "empty")
    assert postgres.sql("SELECT count(*) FROM pg_tables WHERE schemaname IN ('tpyo', 'empty')",
                        url.rsplit("/", 1)[1]) == "0"


def test_an_older_schema_stays_as_it_is(tmp_path: pathlib.Path, postgres: stores.Postgres, own: Any,
                                        store: Callable[[str], str]) -> None:
    """Commands that read refuse an older schema, so that the older service can go on; a newer service updates it."""
    url, db = store("postgres"), f"sqlite:{tmp_path}/a.db"
    make_known(db)
    name, schema, same = url.rsplit("/", 1)[1], ROOT / "storage" / "schema", url + "?connect_timeout=9"
    newest = len([*schema.glob("postgres_*.sql")])
    postgres.sql("CREATE SCHEMA stateward; SET search_path = stateward; CREATE TABLE schema_versions "
                 "(number BIGINT PRIMARY KEY, at TIMESTAMPTZ NOT NULL DEFAULT now());"
                 + "".join((schema / f"postgres_000{n}.sql").read_text() for n in (1, 2))
                 + "; INSERT INTO schema_versions VALUES (1), (2)", name)
    reading = (("export", url), ("migrate", "--from", url, "--to", db), ("verify", "--a", url, "--b", same),
               ("cleanup", "--primary", url), ("diagnose", url))
    for args in (*reading, ("verify", "--a", db, "--b", url, "--repair")):
        fails(1, f"postgres: stateward has an older schema: it is number 2, this program needs number {newest}. "
                 "`stateward serve` brings it up to date", *args)
    fails(1, "->  back up, then start `stateward serve`", "diagnose", url)
    assert postgres.sql("SELECT max(number) FROM stateward.schema_versions", name) == "2"
    server: Server = own(primary=url)
    server.stop()
    told = [line for line in server.log_lines() if line["event"] == "schema_migrated"]
    assert [(line["from"], line["to"]) for line in told] == [(2, newest)]
    for args in reading:
        ok(*args)


def test_one_file_by_two_names(tmp_path: pathlib.Path) -> None:
    db = f"sqlite:{tmp_path}/a.db"
    make_known(db)
    os.link(tmp_path / "a.db", tmp_path / "linked.db")
    (tmp_path / "symbolic.db").symlink_to("a.db")
    for name in ("./a.db", f"//{tmp_path}/a.db", f"{tmp_path}/linked.db", f"{tmp_path}/symbolic.db"):
        other = f"sqlite:{name}"
        fails(2, "--from and --to name the same store", "migrate", "--from", db, "--to", other, cwd=tmp_path)
        fails(2, "--a and --b name the same store", "verify", "--a", other, "--b", db, cwd=tmp_path)
        fails(2, "--fallback: it must be another store than the primary", "serve", "--single-instance",
              "--primary", db, "--fallback", other, cwd=tmp_path)


# the bar ----------------------------------------------------------------------------------------

def on_terminal(*args: str) -> str:
    """What a command writes to a terminal as its standard error."""
    ours, its = pty.openpty()
    out = b""
    with subprocess.Popen([str(BINARY), *args], stdout=subprocess.DEVNULL, stderr=its, env=environ()) as running:
        os.close(its)
        with contextlib.suppress(OSError):  # EIO: nobody has the other end any more
            while part := os.read(ours, 65536):
                out += part
        os.close(ours)
    assert running.returncode == 0, out
    return out.decode()


def test_the_bar(source: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """Drawn again and again in one line, which is empty at the end."""
    a, b, file = f"sqlite:{source}", f"sqlite:{tmp_path}/b.db", f"{tmp_path}/lines"
    bar = r"\[(#*)(\.*)\] ([ \d]{3}) %"
    for begin, last, *args in ((bar, "", "migrate", "--from", a, "--to", b), (bar, "", "verify", "--a", a, "--b", b),
                               ("", r"\d+ records\r\n", "export", a, "--file", file),
                               (bar, "", "import", f"sqlite:{tmp_path}/c.db", "--file", file)):
        drawn, _, rest = on_terminal(*args).rpartition("\r\x1b[K")
        assert re.fullmatch(last, rest), (args, rest)
        first, *texts = drawn.split("\r")
        assert first == "" and texts, (args, drawn)
        for text in texts:
            parts = re.fullmatch(begin + r"  [a-z]+ \d+\x1b\[K", text)
            assert parts and len(text) - len("\x1b[K") < 80, (args, text)
            if begin:
                full, empty, percent = parts.groups()
                assert len(full + empty) == 40 and abs(len(full) - int(percent) * 0.4) < 1, text


def test_a_service_runs_on_the_file(own: Any, tmp_path: pathlib.Path) -> None:
    server: Server = own()
    assert server.process
    url, pid = server.primary, server.process.pid
    for args in (("migrate", "--from", url, "--to", f"sqlite:{tmp_path}/b.db"), ("export", url), ("import", url),
                 ("verify", "--a", url, "--b", "redis:x"), ("diagnose", url)):
        fails(1, f"in use by another process (pid {pid})", *args, input="")


def test_dead_stores(tmp_path: pathlib.Path) -> None:
    port = stores.free_port()
    ok("import", f"sqlite:{tmp_path}/a.db", input='{"kind":"end","records":0}\n')
    for url in (f"redis://127.0.0.1:{port}/0", f"postgresql://u:secret@127.0.0.1:{port}/d"):
        for args in (("migrate", "--from", url, "--to", f"sqlite:{tmp_path}/b.db"), ("export", url),
                     ("migrate", "--from", f"sqlite:{tmp_path}/a.db", "--to", url)):
            assert "secret" not in fails(1, "refused", *args)


def test_a_wrong_password(source: pathlib.Path) -> None:
    with stores.redis() as server:
        server.answers("CONFIG", "SET", "requirepass", "right")
        server.password = "right"
        wrong = server.url().replace("right", "wrong")
        fails(1, "user or password is wrong", "migrate", "--from", f"sqlite:{source}", "--to", wrong)
        assert "wrong@" not in fails(1, "FAILED  login", "diagnose", wrong)
        make_known(server.url())
        assert "FAILED" not in ok("diagnose", env={"STATEWARD_PRIMARY": server.url()})


def test_a_store_that_dies_on_the_way(source: pathlib.Path) -> None:
    """The store is back in time, or it is not."""
    with stores.quick_redis() as server:
        for back in (True, False):
            server.answers("FLUSHALL")
            moving = subprocess.Popen([str(BINARY), "migrate", "--from", f"sqlite:{source}", "--to", server.url()],
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            while int(server.answers("DBSIZE")[1:]) < 50:
                pass
            server.signal(signal.SIGKILL)
            if back:
                time.sleep(1)
                server.start()
            out, err = moving.communicate(timeout=120)
            assert moving.returncode == (0 if back else 1), out + err
        assert "redis: " in err
        server.start()


def test_a_damaged_record_is_named(source: pathlib.Path, tmp_path: pathlib.Path) -> None:
    copy = tmp_path / "copy.db"
    copy.write_bytes(source.read_bytes())
    with contextlib.closing(sqlite3.connect(copy, isolation_level=None)) as db:
        db.execute("UPDATE task SET body = x'ff' WHERE id = (SELECT id FROM task ORDER BY id LIMIT 1 OFFSET 9)")
    assert "sealed anew" in ok("seal", f"sqlite:{copy}")
    done = command("migrate", "--from", f"sqlite:{copy}", "--to", f"sqlite:{tmp_path}/to.db")
    assert done.returncode == 1
    assert "--from: the tasks of tenant default cannot be read on: thread t" in done.stderr
    moved = columns(done.stdout)
    assert moved["task"][2] == 1 and all(row[2] == 0 for kind, row in moved.items() if kind != "task")
    assert moved["task"][0] > 0 and moved["checkpoint"][0] == moved["checkpoint"][1] > 0


# diagnose ---------------------------------------------------------------------------------------

@pytest.mark.parametrize("kind", ["memory", *KIND_OF_STORE, "unix"])
def test_diagnosis_of_a_store_that_is_well(kind: str, store: Callable[[str], str],
                                           quick_redis: stores.Redis) -> None:
    url = {"memory": "memory:", "unix": f"unix:{quick_redis.folder}/sock?db=7"}.get(kind) or store(kind)
    if kind == "sqlite":
        make_known(url)
    out = ok("diagnose", url)
    names = [line.split()[1] for line in out.splitlines()[1:]]
    assert names[-6:] == ["durable", "create", "read", "compare", "end", "remove"]
    assert {"memory": "SQLite 3", "sqlite": "SQLite 3", "postgres": "PostgreSQL 1"}.get(kind, "Redis ") in out
    assert ("contact" in names) == (kind in ("redis", "postgres", "unix"))
    if kind != "memory":
        assert ok("export", url) == '{"kind":"end","records":0}\n', "nothing is left of it"


def test_diagnosis_of_a_store_that_is_not(tmp_path: pathlib.Path, postgres: stores.Postgres) -> None:
    port = stores.free_port()
    fails(1, "Unsupported storage type", "diagnose", "mysql://u:secret@h/d")
    fails(1, "FAILED  file", "diagnose", f"sqlite:{tmp_path}/none.db")
    fails(1, "FAILED  name", "diagnose", "redis://no.such.host.invalid:6379/0")
    fails(1, "FAILED  contact", "diagnose", f"unix:{tmp_path}/none")
    out = fails(1, "FAILED  contact", "diagnose", f"postgresql://u:secret@127.0.0.1:{port}/d")
    assert "start the server" in out and "secret" not in out and "u:***@" in out
    out = fails(1, "FAILED  login", "diagnose", postgres.url("no_such_database"))
    assert "make the role and the database" in out
