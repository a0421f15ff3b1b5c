"""Damaged records on each store: what reads them, lists too, names them or is right, and others are unharmed.

What no checksum covers (a text in PostgreSQL or Redis) is not tried; pages of SQLite: test_crash.py.
"""

from __future__ import annotations

import contextlib
import pathlib
import sqlite3
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
import stores
from conftest import BINARY, Answer, Server
from patching import step

NEWEST = 3


def reads(id_: str) -> dict[str, str]:
    """All that reads records of a session and a thread. In lists of all, "other" comes as well."""
    cp = f"c{NEWEST:03}"
    return {
        "session": f"/sessions/{id_}", "sessions": "/sessions",
        "messages": f"/conversations/{id_}/messages",
        "page": f"/conversations/{id_}/messages?limit=2",
        "context": f"/sessions/{id_}/context", "versions": f"/sessions/{id_}/context/versions",
        "checkpoint": f"/checkpoints/{id_}/{cp}", "latest": f"/threads/{id_}/latest",
        "list": f"/checkpoints?thread_id={id_}&values=false", "values": f"/checkpoints?thread_id={id_}",
        "all": "/checkpoints?values=false", "all values": "/checkpoints",
        "writes": f"/writes/{id_}/{cp}", "thread": f"/threads/{id_}", "threads": "/threads",
    }


LISTS = {name for name, path in reads("x").items() if "x" not in path}


def fill(server: Server, id_: str) -> None:
    assert server.put(f"/sessions/{id_}?with_context=true", {"user_id": "u", "metadata": {"a": 1}}).status == 201
    for n in range(3):
        message = {"id": f"m{n}", "role": "user", "content": f"text {n}"}
        assert server.post(f"/conversations/{id_}/messages", message).status == 201
    for n in range(NEWEST + 1):
        step(server, id_, n)
    writes = {"writes": [{"channel": "w", "idx": 0, "type": "t", "base64": "YWFhYQ=="}]}
    assert server.put(f"/writes/{id_}/c{NEWEST:03}/task", writes).status == 201


def check(server: Server, id_: str, before: dict[str, bytes], wrong: str, what: str) -> None:
    """The reads that are `wrong`, and no others, fail, and say what it is that is damaged."""
    for name, path in reads(id_).items():
        answer: Answer = server.get(path)
        if name not in wrong.split("+"):
            assert (answer.status, answer.body) == (200, before[name]), (name, answer.body)
            continue
        assert answer.status == 500 and answer.code == "storage_error", (name, answer.body)
        detail = answer.json()["detail"]
        assert f"session {id_}" in detail or f"thread {id_}" in detail, (name, detail)
        if name in ("checkpoint", "latest", "list", "values", "all", "all values", "messages"):
            assert what in detail, (name, detail)
    for name, path in reads("other").items():
        if name not in LISTS:
            assert server.get(path).status == 200, name
    step(server, "other", NEWEST + 1)


def prepare(server: Server, id_: str) -> dict[str, bytes]:
    for one in ("other", id_):
        fill(server, one)
    before = {name: server.get(path) for name, path in reads(id_).items()}
    assert all(answer.status == 200 for answer in before.values()), before
    return {name: answer.body for name, answer in before.items()}


CUT = "redis.call('HSET', k, f, v:sub(1, #v - 30))"
FLIP = "redis.call('HSET', k, f, v:sub(1, -2) .. string.char(bit.bxor(v:byte(-1), 1)))"
DROP = "redis.call('HDEL', k, f)"
WITH_VALUES = "checkpoint+latest+values+all values"
LOADED = "checkpoint+latest+list+values+all+all values"


@pytest.mark.parametrize("kind, field, harm, wrong, what", [
    ("messages", "m1", CUT, "messages+page", "message m1"),
    ("messages", "m1", DROP, "messages+page", "message m1"),
    ("order", "", "redis.call('DEL', k)", "messages+page", "order"),
    ("contexts", "", DROP, "context", ""),
    ("session", "contexts", "redis.call('HSET', k, f, 'x')", "session+sessions+messages+page+context+versions", ""),
    ("thread", "n:", CUT, f"{LOADED}+writes+thread+threads", ""),
    ("checkpoints", "c003", CUT, f"{LOADED}+writes+thread+threads", "checkpoint c003"),
    ("values", "v", CUT, WITH_VALUES, "checkpoint c003"),
    ("values", "v", FLIP, WITH_VALUES, "channel m"),
    ("values", "v", DROP, WITH_VALUES, "checkpoint c003"),
    ("values", "h", CUT, LOADED, "checkpoint c003"),
    ("values", "h", FLIP, LOADED, "checkpoint c003"),
    ("values", "h", DROP, LOADED, "checkpoint c003"),
    ("writes", "task", CUT, f"{LOADED}+writes", "checkpoint c003"),
    ("writes", "task", "redis.call('HSET', k, f, '')", f"{LOADED}+writes", "checkpoint c003"),
])
def test_redis(quick_redis: stores.Redis, own: Any, uid: str, kind: str, field: str, harm: str, wrong: str,
               what: str) -> None:
    server: Server = own("--redis-prefix", uid + ":", "--cache-bytes", "0", "--inline-max", "0",
                         primary=quick_redis.url())
    before = prepare(server, uid)
    # Of values it is the newest of a channel, or the newest head: one without the two texts channel and version.
    script = """
        local k = redis.call('KEYS', ARGV[1])[1]
        local f, newest = ARGV[2], 0
        local all = redis.call('TYPE', k).ok == 'hash' and redis.call('HKEYS', k) or {}
        for _, name in ipairs(all) do
            local v = redis.call('HGET', k, name)
            local head = select(2, (v:match('^[^\\n]*\\n') or ''):gsub('-', '')) == 2
            if ARGV[3] ~= 'values' and (f == '' or f == name) then f = name end
            if ARGV[3] == 'values' and head == (ARGV[2] == 'h') and tonumber(name) > newest then
                f, newest = name, tonumber(name)
            end
        end
        local v = all[1] and redis.call('HGET', k, f)
        %s
        return 'done'"""
    key = f"{uid}:{{*}}{kind}:default:{uid}*"
    answer = quick_redis.answers("EVAL", script % harm, "0", key, field, kind)
    assert answer == b"$4\r\ndone\r\n", answer
    check(server, uid, before, wrong, what)


@pytest.mark.parametrize("kind, command, wrong", [
    ("checkpoints", "'HDEL', k, 'c003'", "latest+list+values+thread"),
    ("sequence", "'DEL', k", "latest+list+values+thread"),
    ("ages", "'DEL', k", "thread"),
])
def test_redis_lost_checkpoints(quick_redis: stores.Redis, own: Any, uid: str, kind: str, command: str,
                                wrong: str) -> None:
    """Their thread tells that they are lost. Lists of all leave them out: they may just have been removed."""
    server: Server = own("--redis-prefix", uid + ":", primary=quick_redis.url())
    before = prepare(server, uid)
    script = f"local k = redis.call('KEYS', ARGV[1])[1] return redis.call({command})"
    assert quick_redis.answers("EVAL", script, "0", f"{uid}:{{*}}{kind}:default:{uid}*") == b":1\r\n"
    for name, path in reads(uid).items():
        answer = server.get(path)
        if name in wrong.split("+"):
            detail = answer.json()["detail"]
            assert f"thread {uid}" in detail and "is not there" in detail, (name, detail)
        elif kind == "checkpoints" and name in ("checkpoint", "writes"):
            assert answer.status == 404 or answer.json()["writes"] == []
        elif name in ("all", "all values"):
            found = {(one["thread_id"], one["checkpoint_id"]) for one in answer.json()["items"]}
            assert {("other", f"c{n:03}") for n in range(NEWEST + 1)} <= found
        elif name != "threads":
            assert (answer.status, answer.body) == (200, before[name]), name


def command(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(BINARY), *args], capture_output=True, text=True)


TWICE = "redis.call('ZADD', k, 0, ('%020d'):format(tonumber(first:sub(1, 20)) + 1) .. first:sub(21))"


@pytest.mark.parametrize("harm", ["redis.call('DEL', k)", TWICE, "redis.call('ZREM', k, first)"])
def test_redis_order_of_messages(quick_redis: stores.Redis, own: Any, uid: str, harm: str,
                                 tmp_path: pathlib.Path) -> None:
    """What no longer fits its messages is found by a comparison, and does not keep anything from being copied."""
    redis, copy = ("--redis-prefix", uid + ":"), f"sqlite:{tmp_path}/copy.db"
    server: Server = own(*redis, primary=quick_redis.url())
    for id_ in ("a", "b", uid, "z"):
        for n in range(3):
            message = {"id": f"m{n}", "role": "user", "content": "x"}
            path = f"/conversations/{id_}/messages?require_session=false"
            assert server.post(path, message).status == 201
    both = ("verify", "--a", quick_redis.url(), "--b", copy, *redis)
    assert command("migrate", "--from", quick_redis.url(), "--to", copy, *redis).returncode == 0
    done = command(*both)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "equal"), done
    script = f"""local k = redis.call('KEYS', ARGV[1])[1]
        local first = redis.call('ZRANGE', k, 0, 0)[1]
        return {harm}"""
    assert quick_redis.answers("EVAL", script, "0", f"{uid}:{{*}}order:default:{uid}") == b":1\r\n"
    for more in ((), ("--repair",)):
        done = command(*both, *more)
        assert done.returncode == 1 and "equal" not in done.stdout, (more, done)
        assert f"session {uid}: redis: it has 3 messages, and their order lists " in done.stderr, (more, done)
    again = f"sqlite:{tmp_path}/again.db"
    done = command("migrate", "--from", quick_redis.url(), "--to", again, *redis)
    assert done.returncode == 0, done
    done = command("verify", "--a", copy, "--b", again)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "equal"), done
    for query in ("", "?limit=0", "?limit=2"):
        answer = server.get(f"/conversations/{uid}/messages{query}")
        if "DEL" in harm:
            assert answer.code == "storage_error", answer.body
            assert "the order of its messages is not there" in answer.json()["detail"], answer.body
        assert server.get(f"/conversations/a/messages{query}").status == 200


VALUE = "(SELECT max(id) FROM {value} WHERE channel IS NOT NULL)"
HEAD = "(SELECT max(id) FROM {value} WHERE channel IS NULL)"
BASE = f"(SELECT base FROM {{value}} WHERE id = {VALUE})"
CHECKPOINT = "(SELECT max(id) FROM {checkpoint})"
TASK = "(SELECT max(id) FROM {task})"
SQL = [
    (f"UPDATE {{value}} SET bytes = substr(bytes, 1, 20) WHERE id = {VALUE}", WITH_VALUES, "channel m"),
    (f"UPDATE {{value}} SET hash = (SELECT hash FROM {{value}} ORDER BY id LIMIT 1) WHERE id = {VALUE}",
     WITH_VALUES, "channel m"),
    (f"UPDATE {{value}} SET hash = substr(hash, 1, 9) WHERE id = {VALUE}", WITH_VALUES, "checkpoint c003"),
    (f"UPDATE {{value}} SET encoding = 77 WHERE id = {VALUE}", WITH_VALUES, "77"),
    (f"UPDATE {{value}} SET bytes = substr(bytes, 2) WHERE id IN {BASE}", WITH_VALUES, "checkpoint c003"),
    (f"DELETE FROM {{value}} WHERE id IN {BASE}", WITH_VALUES, "checkpoint c00"),  # it was c002's
    (f"DELETE FROM {{value}} WHERE id = {VALUE}", WITH_VALUES, "checkpoint c003"),
    (f"UPDATE {{value}} SET bytes = substr(bytes, 1, 3) WHERE id = {HEAD}", LOADED, "checkpoint c003"),
    (f"DELETE FROM {{value}} WHERE id = {HEAD}", LOADED, "checkpoint c003"),
    (f"UPDATE {{checkpoint}} SET refs = substr(refs, 1, 3) WHERE id = {CHECKPOINT}", WITH_VALUES, "checkpoint c003"),
    (f"UPDATE {{checkpoint}} SET head = 1 WHERE id = {CHECKPOINT}", LOADED, "checkpoint c003"),
    (f"UPDATE {{task}} SET body = substr(body, 1, 5) WHERE id = {TASK}", f"{LOADED}+writes", "checkpoint c003"),
    (f"UPDATE {{task}} SET body = substr(body, 1, 0) WHERE id = {TASK}", f"{LOADED}+writes", "checkpoint c003"),
]


@pytest.mark.parametrize("harm, wrong, what", SQL)
def test_postgres(postgres: stores.Postgres, own: Any, uid: str, harm: str, wrong: str, what: str) -> None:
    schema = uid.replace("-", "_")
    server: Server = own("--postgres-schema", schema, "--cache-bytes", "0", "--inline-max", "0",
                         primary=postgres.url())
    before = prepare(server, uid)
    postgres.sql(harm.format(value=f"{schema}.checkpoint_values", checkpoint=f"{schema}.checkpoints",
                             task=f"{schema}.checkpoint_writes"))
    check(server, uid, before, wrong, what)


@pytest.mark.parametrize("harm, wrong, what", SQL)
def test_sqlite(own: Callable[..., Server], tmp_path: pathlib.Path, uid: str, harm: str, wrong: str,
                what: str) -> None:
    server = own("--cache-bytes", "0", "--inline-max", "0")
    before = prepare(server, uid)
    assert server.stop() == 0
    with contextlib.closing(sqlite3.connect(tmp_path / "state.db", isolation_level=None)) as db:
        db.execute(harm.format(value="value", checkpoint="checkpoint", task="task"))
    subprocess.run([BINARY, "seal", f"sqlite:{tmp_path}/state.db"], check=True, capture_output=True)
    server.start()
    check(server, uid, before, wrong, what)
