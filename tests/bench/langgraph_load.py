#!/usr/bin/env python3
"""A chat agent's thread on savers of LangGraph: langgraph_load.py STATEWARD_URL POSTGRESQL_URL

Each line of stdin asks for a measurement, {"do": name, "saver": ours | theirs | memory, ...}; a line of
stdout answers it. One process for all savers, so that both sides of a ratio meet the same Python.
"""

import contextlib
import gc
import itertools
import json
import random
import socket
import sys
import threading
import time
import urllib.parse
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.base.id import uuid6
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.postgres import PostgresSaver
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool
from stateward.langgraph import StatewardSaver

WORD = random.Random(7)
WORDS = ["".join(WORD.choices("etaoinshrdlucmfwypvbgkjqxz", k=WORD.randint(2, 10))) for _ in range(6000)]


def message(i: int) -> AnyMessage:
    """Each has a text of its own: PostgreSQL would compress repetitions."""
    text = " ".join(random.Random(i).choices(WORDS, k=60))[:380]
    return (HumanMessage if i % 2 == 0 else AIMessage)(content=text, id=str(uuid.UUID(int=i)))


def config(thread: str, checkpoint: str | None = None) -> dict:
    place = {"thread_id": thread, "checkpoint_ns": ""}
    return {"configurable": place if checkpoint is None else {**place, "checkpoint_id": checkpoint}}


def workload(saver: BaseCheckpointSaver, thread: str) -> Iterator[tuple]:
    """What a graph calls at each step: a put, and the writes of two tasks."""
    messages, versions, seen, parent = [], {}, {"__input__": {}}, None
    for i in itertools.count():
        messages = [*messages, message(i)]
        new = {name: saver.get_next_version(versions.get(name), None)
               for name in ("messages", "branch:to:agent", "route", "usage")}
        versions.update(new)
        seen = {**seen, "agent": {**versions}}
        checkpoint = {
            "v": 4, "id": str(uuid6(clock_seq=i)), "ts": datetime.now(UTC).isoformat(),
            "channel_values": {"messages": messages, "branch:to:agent": None, "route": "agent" if i % 2 else "tools",
                               "usage": {"in": i * 13, "out": i * 7}},
            "channel_versions": {**versions}, "versions_seen": seen, "updated_channels": sorted(new),
        }
        metadata = {"source": "loop", "step": i, "parents": {}, "run_id": thread}
        writes = [
            ([("messages", [message(i + 1)]), ("branch:to:agent", None)], "~__pregel_pull, agent"),
            ([("route", "tools"), ("usage", {"in": i, "out": i})], "~__pregel_pull, tools"),
        ]
        yield (config(thread, parent), checkpoint, metadata, new), config(thread, checkpoint["id"]), writes
        parent = checkpoint["id"]


def prepare(saver: BaseCheckpointSaver, thread: str, steps: int) -> list[tuple]:
    """The arguments of all calls, made before the clock starts: they are not the saver's work."""
    return [*itertools.islice(workload(saver, thread), steps)]


def carry_out(saver: BaseCheckpointSaver, prepared: list[tuple]) -> float:
    """Seconds within the saver."""
    begin = time.perf_counter()
    for put, at, writes in prepared:
        saver.put(*put)
        for some, path in writes:
            saver.put_writes(at, some, str(uuid.uuid4()), path)
    return time.perf_counter() - begin


def run(saver: BaseCheckpointSaver, thread: str, steps: int) -> float:
    """Seconds within the saver."""
    return carry_out(saver, prepare(saver, thread, steps))


def name() -> str:
    return f"bench-{uuid.uuid4()}"


def rate(saver: BaseCheckpointSaver, steps: int, threads: int) -> float:
    """Steps a second; several threads share the saver."""
    if threads == 1:
        return steps / run(saver, name(), steps)
    ready = threading.Barrier(threads + 1)
    failed: list[Exception] = []

    def work() -> None:
        thread = name()
        prepared = prepare(saver, thread, steps)
        ready.wait()
        try:
            carry_out(saver, prepared)
            found = saver.get_tuple(config(thread))
            assert found and len(found.checkpoint["channel_values"]["messages"]) == steps
        except Exception as error:
            failed.append(error)

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    ready.wait()
    begin = time.perf_counter()
    for worker in workers:
        worker.join()
    if failed:
        raise failed[0]
    return threads * steps / (time.perf_counter() - begin)


def read_us(savers: dict[str, BaseCheckpointSaver], steps: int, repeat: int) -> dict[str, tuple[float, float]]:
    """Microseconds of get_tuple and of list(limit=10), each the quickest of some runs.

    The savers take turns, because the time of the serializer, the same for all, may double from one second to
    the next.
    """
    threads = {which: name() for which in savers}
    taken: dict[str, tuple[list[float], list[float]]] = {which: ([], []) for which in savers}
    for which, saver in savers.items():
        run(saver, threads[which], steps)
    for _ in range(repeat):
        for which, saver in savers.items():
            at = config(threads[which])
            begin = time.perf_counter()
            found = saver.get_tuple(at)
            middle = time.perf_counter()
            listed = list(saver.list(at, limit=10))
            taken[which][0].append(middle - begin)
            taken[which][1].append(time.perf_counter() - middle)
            assert found and len(found.checkpoint["channel_values"]["messages"]) == steps
            assert len(listed) == 10
            assert len(found.pending_writes) == 4
    return {which: (min(gets) * 1e6, min(lists) * 1e6) for which, (gets, lists) in taken.items()}


class Counter:
    """A proxy to a server that counts the bytes which go there."""

    def __init__(self, url: str) -> None:
        parts = urllib.parse.urlsplit(url)
        self._to = (parts.hostname, parts.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.sent = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            client, _ = self._listener.accept()
            server = socket.create_connection(self._to)
            threading.Thread(target=self._copy, args=(client, server, True), daemon=True).start()
            threading.Thread(target=self._copy, args=(server, client, False), daemon=True).start()

    def _copy(self, source: socket.socket, target: socket.socket, count: bool) -> None:
        while data := source.recv(1 << 16):
            self.sent += len(data) if count else 0
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def sent(url: str, steps: int) -> int:
    """All bytes sent for so many steps: request lines, headers and bodies."""
    counter = Counter(url)
    with StatewardSaver.from_url(counter.url) as saver:
        run(saver, name(), steps)
    return counter.sent


def main(url: str, postgres: str) -> None:
    settings = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
    with contextlib.ExitStack() as stack:
        alone = stack.enter_context(PostgresSaver.from_conn_string(postgres))
        alone.setup()
        pool = stack.enter_context(ConnectionPool(postgres, min_size=16, max_size=16, kwargs=settings))
        pool.wait()
        ours = stack.enter_context(StatewardSaver.from_url(url))
        # A connection of its own is the fastest that PostgresSaver has; threads need its pool.
        savers = {("ours", False): ours, ("theirs", False): alone, ("memory", False): InMemorySaver(),
                  ("ours", True): ours, ("theirs", True): PostgresSaver(pool)}
        do = {
            "run": lambda saver, steps: run(saver, name(), steps),
            "rate": rate,
            "read": lambda _, steps, repeat: read_us(
                {which: saver for (which, shared), saver in savers.items() if not shared}, steps, repeat),
            "sent": lambda saver, steps: sent(url, steps),
        }
        for line in sys.stdin:
            asked = json.loads(line)
            saver = savers[asked.pop("saver"), asked.get("threads", 1) > 1]
            gc.collect()
            print(json.dumps(do[asked.pop("do")](saver, **asked)), flush=True)


main(*sys.argv[1:])
