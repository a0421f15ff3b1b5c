"""The lines of the table about Redis and PostgreSQL; see cases.py."""

import contextlib
import pathlib
import subprocess
from collections.abc import Callable, Iterator

from cases import Case, Plan, alternate, append, by_size, newest, text
from load import fill, number, request, wrk
from servers import Server, folder, redis, stateward, stores, webdis

# What an append writes, and what a PATCH of a counter does, as statements for pgbench.
INSERT = r"""\set session random(1, 1000)
\set id random(1, 1000000000000)
INSERT INTO stateward.conversations (session, seq, stamp, message_id, role, content)
VALUES (:session, :id, 1, (:id)::text::bytea, 'user', '"{text}"') ON CONFLICT DO NOTHING;
"""
UPDATE = """UPDATE stateward.sessions SET request_count = request_count + 1,
processing_time = processing_time + 0.25, version = version + 1 WHERE session_id = 's-0';
"""


@contextlib.contextmanager
def over_redis() -> Iterator[Server]:
    with redis() as store, stateward(url=store.url()) as server:
        yield server


@contextlib.contextmanager
def over_postgres() -> Iterator[tuple[Server, stores.Postgres]]:
    with stores.postgres() as store, stateward(url=store.url()) as server:
        yield server, store


@contextlib.contextmanager
def over_postgres_alone() -> Iterator[Server]:
    with over_postgres() as (server, _):
        yield server


def rd_append(plan: Plan) -> Iterator[tuple[float, float]]:
    """Both over a Redis that keeps nothing on the disk; ours does three things where RPUSH does one."""
    for _ in range(plan.rounds):
        with over_redis() as ours, webdis() as theirs:
            yield append(ours, plan)(), wrk(theirs.url, plan.seconds, "rpush.lua").rate


def one_thread(count: int) -> Iterator[bytes]:
    for i in range(count):
        yield request("PUT", f"/checkpoints/hot/c-{i}", '{"checkpoint_data": {"text": "%s"}}' % text(20_000))


def rd_latest(plan: Plan) -> Iterator[tuple[float, float]]:
    return by_size(plan, "/threads/hot/latest", one_thread, over_redis, many=5000, few=10)


def rd_newest(plan: Plan) -> Iterator[tuple[float, float]]:
    return newest(plan, over_redis)


def pgbench(
    store: stores.Postgres, plan: Plan, path: pathlib.Path, script: str, connections: int
) -> Callable[[], float]:
    file = path / "script.sql"
    file.write_text(script)
    command = [str(stores.POSTGRES_BIN / "pgbench"), "-n", "-M", "prepared", "-c", str(connections), "-j", "2",
               "-T", str(plan.seconds), "-f", str(file), store.url()]

    def run() -> float:
        out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return float(number(r"tps = ([\d.]+)", out))

    return run


def pg_append(plan: Plan) -> Iterator[tuple[float, float]]:
    with over_postgres() as (server, store), folder("pgbench") as path:
        script = INSERT.format(text="x" * 200)
        yield from alternate(plan, append(server, plan), pgbench(store, plan, path, script, 32))


def pg_hot(plan: Plan) -> Iterator[tuple[float, float]]:
    with over_postgres() as (server, store), folder("pgbench") as path:
        fill(server, iter([request("PUT", "/sessions/s-0", '{"user_id": "u"}')]))
        yield from alternate(plan, lambda: wrk(server.url, plan.seconds, "patch.lua", "1").rate,
                             pgbench(store, plan, path, UPDATE, 64))


def pg_newest(plan: Plan) -> Iterator[tuple[float, float]]:
    return newest(plan, over_postgres_alone)


def mem_newest(plan: Plan) -> Iterator[tuple[float, float]]:
    return newest(plan, lambda: stateward(memory=True))


CASES = [
    Case("rd_append", "Redis: append vs webdis RPUSH, c=64, req/s", 1.0, rd_append),
    Case("rd_latest", "Redis: latest of 5000 x 20 KB vs of 10, req/s", 0.5, rd_latest),
    Case("rd_newest", "Redis: last 50 of 100 000 vs of 100, req/s", 0.5, rd_newest),
    Case("pg_append", "PostgreSQL: append, c=64, vs pgbench c=32, req/s", 1.2, pg_append),
    Case("pg_hot", "PostgreSQL: PATCH one session vs pgbench, c=64, req/s", 5, pg_hot),
    Case("pg_newest", "PostgreSQL: last 50 of 100 000 vs of 100, req/s", 0.5, pg_newest),
    Case("mem_newest", "memory:, last 50 of 100 000 vs of 100, req/s", 0.5, mem_newest),
]
