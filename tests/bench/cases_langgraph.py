"""The lines of the table about LangGraph's savers, all on one PostgreSQL; see cases.py."""

import contextlib
import json
import pathlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cases import Case, Plan, text
from load import HERE, number
from servers import ROOT, Server, folder, stateward, stores

PYTHON = ROOT / "build" / "venv-bench" / "bin" / "python"
PEER = "peer"  # the database of PostgresSaver
STEPS = 200
SIZE = ("SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0) FROM pg_class c JOIN pg_namespace n "
        "ON n.oid = c.relnamespace WHERE relkind = 'r' AND n.nspname = '{}'")


@dataclass
class Savers:
    """Both savers in a process of their own, and the stores below them."""

    store: stores.Postgres
    server: Server
    process: subprocess.Popen[str]

    def ask(self, do: str, saver: str, **how: Any) -> Any:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps({"do": do, "saver": saver, **how}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{do} of {saver} has failed")
        return json.loads(line)

    def stored(self, saver: str, steps: int) -> int:
        """What a thread of this many steps adds to the tables and indexes of its schema."""
        where = {"ours": ("stateward", "postgres"), "theirs": ("public", PEER)}[saver]
        before = int(self.store.sql(SIZE.format(where[0]), where[1]))
        self.ask("run", saver, steps=steps)
        return int(self.store.sql(SIZE.format(where[0]), where[1])) - before


@contextlib.contextmanager
def savers() -> Iterator[Savers]:
    with stores.postgres() as store:
        store.sql(f"CREATE DATABASE {PEER}")
        with stateward("--primary", store.url()) as server:
            command = [str(PYTHON), str(HERE / "langgraph_load.py"), server.url, store.url(PEER)]
            with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                  env={"PYTHONPATH": str(ROOT / "clients" / "python")}) as process:
                both = Savers(store, server, process)
                for saver in ("ours", "theirs", "memory"):
                    both.ask("run", saver, steps=20)
                yield both
                assert process.stdin
                process.stdin.close()


def stored(plan: Plan) -> Iterator[tuple[float, float]]:
    with savers() as both:
        for _ in range(plan.rounds):
            yield both.stored("ours", STEPS), both.stored("theirs", STEPS)


def linear(plan: Plan) -> Iterator[tuple[float, float]]:
    with savers() as both:
        for _ in range(plan.rounds):
            yield both.stored("ours", 2 * STEPS), both.stored("ours", STEPS)


def sent(plan: Plan) -> Iterator[tuple[float, float]]:
    with savers() as both:
        for _ in range(plan.rounds):
            yield both.ask("sent", "ours", steps=STEPS) / 1e6, 1


def steps(plan: Plan) -> Iterator[tuple[float, float]]:
    with savers() as both:
        for _ in range(plan.rounds):
            yield tuple(both.ask("rate", saver, steps=STEPS, threads=1) for saver in ("ours", "theirs"))


def threads(plan: Plan) -> Iterator[tuple[float, float]]:
    with savers() as both:
        for _ in range(plan.rounds):
            yield tuple(both.ask("rate", saver, steps=50, threads=16) for saver in ("ours", "theirs"))


def reads(plan: Plan, which: int) -> Iterator[tuple[float, float]]:
    """Without what the same objects take in memory, which is time of Python's serializer; 0 if that takes longer."""
    with savers() as both:
        for _ in range(plan.rounds):
            took = both.ask("read", "memory", steps=STEPS, repeat=30)
            ours, theirs, memory = (took[saver][which] for saver in ("ours", "theirs", "memory"))
            yield max(ours - memory, 0), theirs - memory


def gets(plan: Plan) -> Iterator[tuple[float, float]]:
    return reads(plan, 0)


def lists(plan: Plan) -> Iterator[tuple[float, float]]:
    return reads(plan, 1)


def cpu(plan: Plan) -> Iterator[tuple[float, float]]:
    """CPU time of the service for a step at 2000 steps and at 100: over a hundred steps around each."""
    marks = ["50", "150", "1950", "2050"]
    for _ in range(plan.rounds):
        with stateward() as server:
            port = server.url.rpartition(":")[2]
            command = [str(PYTHON), str(HERE / "growing.py"), port, *marks]
            used = []
            with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
                for _ in marks:
                    assert client.stdout and client.stdin and client.stdout.readline()
                    used.append(server.cpu_s())
                    client.stdin.write("\n")
                    client.stdin.flush()
            yield (used[3] - used[2]) * 1e4, (used[1] - used[0]) * 1e4


# What PostgresSaver sends for the same step: values, checkpoint; then the writes of two tasks. The list of
# messages lies in a table already and does not travel, which is in favour of PostgresSaver.
REPLAYED = r"""\set version random(1, 1000000000000)
\set id random(1, 1000000000000)
BEGIN;
INSERT INTO checkpoint_blobs (thread_id, checkpoint_ns, channel, version, type, blob)
SELECT 't-' || :client_id, '', channel, :version, type, blob FROM replayed_blobs
ON CONFLICT (thread_id, checkpoint_ns, channel, version) DO NOTHING;
INSERT INTO checkpoints (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, checkpoint, metadata)
SELECT 't-' || :client_id, '', :id, :id, checkpoint, metadata FROM replayed_checkpoint
ON CONFLICT (thread_id, checkpoint_ns, checkpoint_id)
DO UPDATE SET checkpoint = EXCLUDED.checkpoint, metadata = EXCLUDED.metadata;
COMMIT;
""" + "".join(fr"""BEGIN;
INSERT INTO checkpoint_writes (thread_id, checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, type, blob)
SELECT 't-' || :client_id, '', :id, 'task-{task}', '~__pregel_pull, {task}', idx, channel, type, blob
FROM replayed_writes WHERE task = {task} ON CONFLICT (thread_id, checkpoint_ns, checkpoint_id, task_id, idx) DO NOTHING;
COMMIT;
""" for task in (1, 2))
CLIENTS, FIRST, MORE = 16, 100, 50  # clients of one thread each; steps that it has, then steps that it adds


def prepare_peer(store: stores.Postgres, path: pathlib.Path) -> None:
    """Makes the tables of PostgresSaver, and what a step after FIRST + MORE / 2 others puts into them."""
    setup = ("import sys\nfrom langgraph.checkpoint.postgres import PostgresSaver\n"
             "with PostgresSaver.from_conn_string(sys.argv[1]) as saver: saver.setup()")
    subprocess.run([str(PYTHON), "-c", setup, store.url(PEER)], check=True)
    messages = text(620 * (FIRST + MORE // 2))
    header = json.dumps({"v": 4, "id": text(36), "ts": text(32), "channel_versions": text(220),
                         "versions_seen": text(300)})
    store.sql(f"""CREATE TABLE replayed_blobs AS SELECT * FROM (VALUES ('messages', 'msgpack', '{messages}'::bytea),
        ('branch:to:agent', 'null', ''), ('route', 'msgpack', 'agent'), ('usage', 'msgpack', '{text(20)}'))
        AS v (channel, type, blob);
        CREATE TABLE replayed_checkpoint AS SELECT '{header}'::jsonb AS checkpoint,
        '{{"source": "loop", "step": 1, "parents": {{}}, "run_id": "replayed"}}'::jsonb AS metadata;
        CREATE TABLE replayed_writes AS SELECT * FROM (VALUES (1, 0, 'messages', 'msgpack', '{text(620)}'::bytea),
        (1, 1, 'branch:to:agent', 'null', ''), (2, 0, 'route', 'msgpack', 'tools'),
        (2, 1, 'usage', 'msgpack', '{text(20)}'))
        AS v (task, idx, channel, type, blob)""", PEER)
    (path / "step.sql").write_text(REPLAYED)


def play(server: Server, path: pathlib.Path, part: str) -> float:
    """Steps a second."""
    port = server.url.rpartition(":")[2]
    files = [str(path / f"{part}-{i}") for i in range(CLIENTS)]
    out = subprocess.run([str(ROOT / "build" / "tests" / "replay"), port, *files], check=True, capture_output=True,
                         text=True).stdout
    requests, seconds = out.split()
    return int(requests) / 3 / float(seconds)


def replay(plan: Plan) -> Iterator[tuple[float, float]]:
    with stores.postgres() as store, folder("replay") as path:
        store.sql(f"CREATE DATABASE {PEER}")
        prepare_peer(store, path)
        command = [str(stores.POSTGRES_BIN / "pgbench"), "-n", "-M", "prepared", "-c", str(CLIENTS), "-j", "2",
                   "-T", str(plan.seconds), "-f", str(path / "step.sql"), store.url(PEER)]
        recorder = [str(PYTHON), str(HERE / "growing.py"), "record", str(path)]
        subprocess.run([*recorder, str(CLIENTS), str(FIRST), str(MORE)], check=True)
        for i in range(plan.rounds):
            with stateward("--primary", store.url(), "--postgres-schema", f"replayed_{i}") as server:
                play(server, path, "first")
                ours = play(server, path, "more")
            out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            yield ours, float(number(r"tps = ([\d.]+)", out))


CASES = [
    Case("langgraph_stored", "LangGraph: bytes of 200 steps vs PostgresSaver", 0.05, stored, at_most=True),
    Case("langgraph_linear", "LangGraph: bytes of 400 steps vs of 200", 2.1, linear, at_most=True),
    Case("langgraph_cpu", "CPU of a step at 2000 steps vs at 100, us", 4, cpu, at_most=True),
    Case("langgraph_sent", "LangGraph: MB sent for 200 steps", 0.9, sent, at_most=True),
    Case("langgraph_step", "LangGraph: steps/s vs PostgresSaver", 1.8, steps),
    Case("langgraph_replay", "LangGraph: the step replayed in C vs its SQL in pgbench", 3, replay),
    Case("langgraph_threads", "LangGraph: 16 threads, one saver, vs its pool, steps/s", 3, threads),
    Case("langgraph_get", "LangGraph: get_tuple, 200 steps, vs PostgresSaver, us", 0.5, gets, at_most=True),
    Case("langgraph_list", "LangGraph: list(10), 200 steps, vs PostgresSaver, us", 0.5, lists, at_most=True),
]
