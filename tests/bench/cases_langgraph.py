"""The lines of the table that are about LangGraph's savers, all on one PostgreSQL; see cases.py."""

import contextlib
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from cases import Case, Plan
from load import HERE
from servers import ROOT, Server, stateward, stores

PYTHON = ROOT / "build" / "venv-bench" / "bin" / "python"
PEER = "peer"  # the database of PostgresSaver
STEPS = 200
SIZE = ("SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0) FROM pg_class c JOIN pg_namespace n "
        "ON n.oid = c.relnamespace WHERE relkind = 'r' AND n.nspname = '{}'")


@dataclass
class Savers:
    """Both savers in a process of their own, and what lies below them."""

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
        """What a thread of so many steps adds to tables and indexes of its schema."""
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
    """Less what the same objects take in memory, which is time of Python's serializer."""
    with savers() as both:
        for _ in range(plan.rounds):
            took = both.ask("read", "memory", steps=STEPS, repeat=30)
            ours, theirs, memory = (took[saver][which] for saver in ("ours", "theirs", "memory"))
            yield ours - memory, theirs - memory


def gets(plan: Plan) -> Iterator[tuple[float, float]]:
    return reads(plan, 0)


def lists(plan: Plan) -> Iterator[tuple[float, float]]:
    return reads(plan, 1)


def cpu(plan: Plan) -> Iterator[tuple[float, float]]:
    """Milliseconds of the service for a step of a thread that is long already, and of one that is not."""
    with savers() as both:
        for i in range(min(plan.rounds, 2)):  # of a minute each
            used = {}
            for length, grown in ((100, 100), (2000, 1800)):
                both.ask("grow", "ours", thread=f"grown-{i}", steps=grown)
                begin = both.server.cpu_s()
                both.ask("grow", "ours", thread=f"grown-{i}", steps=100)
                used[length] = (both.server.cpu_s() - begin) / 100 * 1e3
            yield used[2000], used[100]


def growing_cpu(plan: Plan) -> Iterator[tuple[float, float]]:
    """CPU of the service for a step at 2000 steps and at 100: a hundred steps around each."""
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


CASES = [
    Case("langgraph_stored", "LangGraph: bytes of 200 steps vs PostgresSaver", 0.05, stored, at_most=True),
    Case("langgraph_linear", "LangGraph: bytes of 400 steps vs of 200", 2.1, linear, at_most=True),
    Case("langgraph_cpu", "CPU of a step at 2000 steps vs at 100, us", 4, growing_cpu, at_most=True),
    Case("langgraph_sent", "LangGraph: MB sent for 200 steps", 0.9, sent, at_most=True),
    Case("langgraph_step", "LangGraph: steps/s vs PostgresSaver", 1.8, steps),
    Case("langgraph_threads", "LangGraph: 16 threads, one saver, vs its pool, steps/s", 3, threads),
    Case("langgraph_get", "LangGraph: get_tuple, 200 steps, vs PostgresSaver, us", 0.5, gets, at_most=True),
    Case("langgraph_list", "LangGraph: list(10), 200 steps, vs PostgresSaver, us", 0.5, lists, at_most=True),
    Case("langgraph_cpu", "LangGraph: CPU ms of step 2000 vs of step 100", 4, cpu, at_most=True),
]
