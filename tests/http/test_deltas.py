"""Values stored as deltas: several services on one store, some without a cache, damaged rows."""

from __future__ import annotations

import random
from typing import Any

import pytest
import stores
from conftest import Answer, Server
from test_patches import patch, put, stored, value

STEPS = 70


def text(n: int) -> bytes:
    r = random.Random(n)
    return bytes(r.choice(b"abcdefghij ") for _ in range(200))


def whole(n: int) -> bytes:
    return b"%05d" % n + b"".join(text(i) for i in range(n + 1))


def step(server: Server, thread: str, n: int, patched: bool = True) -> None:
    if n == 0 or not patched:
        values, raw = [value(str(n), whole(n))], [whole(n)]
    else:
        base = whole(n - 1)
        parts = [{"len": 5}, {"copy": [5, len(base) - 5]}, {"len": 200}]
        values = [patch(str(n), parts, whole(n), base, str(n - 1))]
        raw = [b"%05d" % n, text(n)]
    answer = put(server, thread, f"c{n:03}", values, *raw, parent=f"c{n - 1:03}" if n else None)
    assert answer.status == 201, answer.body


@pytest.fixture(params=["postgres", "redis"])
def pair(request: pytest.FixtureRequest, own: Any, uid: str) -> list[Server]:
    """Two services on one store; the second one caches nothing."""
    name = uid.replace("-", "_")
    if request.param == "postgres":
        url, args = request.getfixturevalue("postgres").url(), ("--postgres-schema", name)
    else:
        url, args = request.getfixturevalue("quick_redis").url(), ("--redis-prefix", name + ":")
    return [own(*args, primary=url), own(*args, "--cache-bytes", "0", primary=url)]


@pytest.mark.parametrize("patched", [True, False])
def test_two_services_take_turns(pair: list[Server], uid: str, patched: bool) -> None:
    for n in range(STEPS):
        step(pair[n % 2], uid, n, patched)
        assert stored(pair[(n + 1) % 2], uid, f"c{n:03}") == whole(n)
    for n in range(STEPS):
        assert stored(pair[n % 2], uid, f"c{n:03}") == whole(n)
    size = pair[0].get(f"/threads/{uid}").json()["bytes"]
    assert size < STEPS * 200 * 4, size
    assert pair[0].delete(f"/threads/{uid}").status == 204
    step(pair[1], uid, 0)
    step(pair[0], uid, 1, False)  # what it was based on is gone
    assert [stored(s, uid, "c001") for s in pair] == [whole(1)] * 2


def test_pruned_by_the_other(pair: list[Server], uid: str) -> None:
    for n in range(40):
        step(pair[0], uid, n)
    answer = pair[1].post("/maintenance/prune", {"thread_ids": [uid], "strategy": "keep_latest"})
    assert answer.json()["removed"] == 39
    for n in range(40, 50):
        step(pair[0], uid, n)
        assert stored(pair[1], uid, f"c{n:03}") == whole(n)


def said(answer: Answer) -> str:
    assert answer.status == 500 and answer.code == "storage_error", answer.body
    return str(answer.json()["detail"])


NEWEST = "(SELECT max(id) FROM {schema}.checkpoint_values WHERE channel IS NOT NULL)"
HEAD = "(SELECT max(id) FROM {schema}.checkpoint_values WHERE channel IS NULL)"
BASE = f"(SELECT base FROM {{schema}}.checkpoint_values WHERE id = {NEWEST})"


@pytest.mark.parametrize("damage, channel, what", [
    (f"UPDATE {{schema}}.checkpoint_values SET bytes = substr(bytes, 1, 20) WHERE id = {NEWEST}", True, "damaged"),
    (f"UPDATE {{schema}}.checkpoint_values SET hash = sha256('x')::bytea WHERE id = {NEWEST}", None, "damaged"),
    (f"UPDATE {{schema}}.checkpoint_values SET hash = substr(sha256('x'), 1, 16) WHERE id = {NEWEST}", True, "hash"),
    (f"UPDATE {{schema}}.checkpoint_values SET encoding = 77 WHERE id = {NEWEST}", True, "77"),
    (f"UPDATE {{schema}}.checkpoint_values SET bytes = bytes || 'x'::bytea WHERE id = {BASE}", True, ""),
    (f"DELETE FROM {{schema}}.checkpoint_values WHERE id = {BASE}", True, "not there"),
    (f"DELETE FROM {{schema}}.checkpoint_values WHERE id = {NEWEST}", None, "not there"),
    (f"UPDATE {{schema}}.checkpoint_values SET bytes = 'x'::bytea WHERE id = {HEAD}", False, ""),
    ("UPDATE {schema}.checkpoint_writes SET body = substr(body, 1, 10)", None, "damaged"),
])
def test_damaged_rows(postgres: stores.Postgres, own: Any, uid: str, damage: str, channel: bool | None,
                      what: str) -> None:
    schema = uid.replace("-", "_")
    server: Server = own("--postgres-schema", schema, "--cache-bytes", "0", "--inline-max", "0", primary=postgres.url())
    step(server, "other", 0)
    for n in range(4):
        step(server, uid, n)
    writes = {"writes": [{"channel": "w", "idx": 0, "type": "t", "base64": "YWFhYQ=="}]}
    assert server.put(f"/writes/{uid}/c003/task", writes).status == 201
    assert stored(server, uid, "c003") == whole(3)
    postgres.sql(damage.format(schema=schema))
    text_of = said(server.get(f"/checkpoints/{uid}/c003"))
    assert what in text_of and uid[:40] in text_of and "c003" in text_of, text_of
    assert channel is None or ("channel m" in text_of) == channel, text_of
    assert stored(server, "other", "c000") == whole(0)
    step(server, "other", 1)
    assert stored(server, "other", "c001") == whole(1)
