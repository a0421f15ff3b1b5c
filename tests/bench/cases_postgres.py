"""The lines of the table that are about PostgreSQL; see cases.py."""

import contextlib
import pathlib
import subprocess
import sys
from collections.abc import Callable, Iterator

from cases import FEW, MANY, Case, Plan, alternate, append, messages
from load import fill, number, request, wrk
from servers import ROOT, Server, folder, stateward

sys.path.insert(0, str(ROOT / "tests" / "support"))

import stores  # noqa: E402

# What an append writes, and what a PATCH of a counter does, as pgbench would do it.
INSERT = r"""\set session random(1, 1000)
\set id random(1, 1000000000000)
INSERT INTO stateward.conversations (session, seq, stamp, message_id, role, content)
VALUES (:session, :id, 1, (:id)::text::bytea, 'user', '"{text}"') ON CONFLICT DO NOTHING;
"""
UPDATE = """UPDATE stateward.sessions SET request_count = request_count + 1,
processing_time = processing_time + 0.25, version = version + 1 WHERE session_id = 's-0';
"""


@contextlib.contextmanager
def over_postgres() -> Iterator[tuple[Server, stores.Postgres]]:
    with stores.postgres() as store, stateward("--primary", store.url()) as server:
        yield server, store


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
    path = "/conversations/hot/messages?limit=50"
    with over_postgres() as (ours, _), over_postgres() as (theirs, _):
        fill(ours, messages(MANY))
        fill(theirs, messages(FEW))
        yield from alternate(plan, lambda: wrk(ours.url + path, plan.seconds).rate,
                             lambda: wrk(theirs.url + path, plan.seconds).rate)


CASES = [
    Case("pg_append", "PostgreSQL: append, c=64, vs pgbench c=32, req/s", 1.2, pg_append),
    Case("pg_hot", "PostgreSQL: PATCH one session vs pgbench, c=64, req/s", 5, pg_hot),
    Case("pg_newest", "PostgreSQL: last 50 of 100 000 vs of 100, req/s", 0.5, pg_newest),
]
