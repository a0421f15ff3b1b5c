"""Random programs on LangGraph's InMemorySaver and on ours: both answer the same.

Programs keep away from what langgraph itself leaves open, and where its savers differ; each ruling
on that has a test of its own in `test_saver.py`.
"""

from __future__ import annotations

import copy
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, cast

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import Checkpoint, CheckpointTuple
from langgraph.checkpoint.base.id import uuid6
from langgraph.checkpoint.memory import InMemorySaver

from stateward.langgraph import StatewardSaver
from tests.conftest import Server
from tests.test_saver import Saver, config

STEPS = 400  # of each program; there are 4 for each kind of store
TEXT = [random.Random(n).randbytes(150).hex() for n in range(50)]
TASKS = {"t1": "~2", "t2": "~1", "t3": ""}


class Reference(InMemorySaver):
    """With what InMemorySaver has not."""

    def _checkpoints(self, thread_id: str) -> list[tuple[str, str]]:
        return [(ns, id_) for ns, ids in self.storage[thread_id].items() for id_ in ids]

    def _remove(self, thread_id: str, gone: set[tuple[str, str]]) -> None:
        for ns, id_ in gone:
            del self.storage[thread_id][ns][id_]
            self.writes.pop((thread_id, ns, id_), None)
        for ns, ids in self.storage[thread_id].items():
            for id_, (head, metadata, parent) in ids.items():
                if (ns, str(parent)) in gone:
                    ids[id_] = (head, metadata, None)

    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        self.storage[target_thread_id] = copy.deepcopy(self.storage[source_thread_id])
        for (thread_id, *rest), writes in [*self.writes.items()]:
            if thread_id == source_thread_id:
                self.writes[target_thread_id, rest[0], rest[1]] = dict(writes)
        for (thread_id, ns, channel, version), blob in [*self.blobs.items()]:
            if thread_id == source_thread_id:
                self.blobs[target_thread_id, ns, channel, version] = blob

    def prune(
        self, thread_ids: Any, *, strategy: str = "keep_latest", keep_last: int | None = None
    ) -> None:
        for thread_id in thread_ids:
            if strategy == "delete":
                self.delete_thread(thread_id)
                continue
            for ids in [*self.storage[thread_id].items()]:
                ns, old = ids[0], sorted(ids[1], reverse=True)[keep_last or 1 :]
                self._remove(thread_id, {(ns, id_) for id_ in old})

    def delete_for_runs(self, run_ids: Any) -> None:
        for thread_id in [*self.storage]:
            found = {
                (ns, id_)
                for ns, id_ in self._checkpoints(thread_id)
                if self.serde.loads_typed(self.storage[thread_id][ns][id_][1]).get("run_id")
                in run_ids
            }
            self._remove(thread_id, found)


class Program:
    """Draws one operation after the other, and runs each on both savers."""

    def __init__(self, seed: int, saver: Saver, prefix: str, restart: Callable[[], None]) -> None:
        self.r = random.Random(seed)
        self.saver = saver
        self.reference = Reference()
        self.restart = restart
        self.prefix = prefix
        self.threads = [f"{prefix}-{n}" for n in range(3)]
        self.states: dict[tuple[str, str, str], Checkpoint] = {}

    async def run(self, steps: int) -> None:
        actions: dict[Callable[[], Awaitable[None]], int] = {
            self.put: 30,
            self.put_again: 3,
            self.put_writes: 25,
            self.get: 20,
            self.listing: 10,
            self.history: 5,
            self.copy: 2,
            self.prune: 2,
            self.delete_runs: 1,
            self.delete: 1,
        }
        for _ in range(steps):
            (action,) = self.r.choices([*actions], weights=[*actions.values()])
            await action()
            if self.r.random() < 0.005:
                self.restart()
        for thread_id in self.threads:
            await self._same_list({"configurable": {"thread_id": thread_id}})

    async def put(self) -> None:
        thread_id, ns = self._space()
        known = self._known(thread_id, ns)
        parent: str | None = None
        if known:
            parent = self.r.choice(known) if self.r.random() < 0.2 else max(known)
        given = self._next(self.states.get((thread_id, ns, parent or "")))
        await self._put(config(thread_id, parent, ns), given)

    async def put_again(self) -> None:
        """The same id with other values."""
        thread_id, ns = self._space()
        if known := self._known(thread_id, ns):
            given = self._next(self.states[thread_id, ns, self.r.choice(known)])
            given["id"] = self.r.choice(known)
            parent = self.r.choice([None, *(id_ for id_ in known if id_ < given["id"])])
            await self._put(config(thread_id, parent, ns), given)

    async def _put(self, at: RunnableConfig, given: Checkpoint) -> None:
        new = {name: given["channel_versions"][name] for name in given["updated_channels"] or ()}
        metadata: Any = {
            "source": self.r.choice(["loop", "update"]),
            "step": self.r.randrange(5),
            "run_id": f"{self.prefix}-run-{self.r.randrange(8)}",
        }
        answer = await self.saver("put", at, copy.deepcopy(given), metadata, new)
        assert answer == self.reference.put(at, copy.deepcopy(given), metadata, new)
        place = at["configurable"]
        self.states[place["thread_id"], place["checkpoint_ns"], given["id"]] = given

    def _next(self, before: Checkpoint | None) -> Checkpoint:
        """What follows a checkpoint: some channels change, grow, shrink or go."""
        values = copy.deepcopy(before["channel_values"]) if before else {}
        versions = dict(before["channel_versions"]) if before else {}
        updated = self.r.sample(["log", "map", "blob", "n", "delta"], self.r.randrange(1, 5))
        for name in updated:
            versions[name] = self.saver.saver.get_next_version(cast(Any, versions.get(name)), None)
            if name != "delta" and self.r.random() < 0.1:
                values.pop(name, None)
            else:
                self._change(name, values)
        return {
            "v": 4,
            "id": str(uuid6()),
            "ts": "2026-01-01T00:00:00+00:00",
            "channel_values": values,
            "channel_versions": versions,
            "versions_seen": {"node": dict(versions)},
            "updated_channels": sorted(updated),
        }

    def _change(self, name: str, values: dict[str, Any]) -> None:
        text = self.r.choice(TEXT)
        if name == "log":
            log = values.setdefault("log", [])
            log.append(text)
            if self.r.random() < 0.2:
                log[self.r.randrange(len(log))] = text + "!"
            if self.r.random() < 0.1:
                del log[: self.r.randrange(len(log))]
        elif name == "map":
            values.setdefault("map", {})[self.r.choice("abcdef")] = [text, self.r.random()]
        elif name == "blob":
            values["blob"] = self.r.randbytes(self.r.choice([0, 10, 1000, 30_000]))
        elif name == "n":
            values["n"] = self.r.choice([None, True, 1, 1.5, 2**40, "ü\u0000", [], {}])
        elif self.r.random() < 0.3:
            values["delta"] = text
        else:
            values.pop("delta", None)

    async def put_writes(self) -> None:
        thread_id, ns = self._space()
        known = self._known(thread_id, ns)
        id_ = self.r.choice(known) if known and self.r.random() < 0.9 else str(uuid6())
        names = (
            ["__error__", "__interrupt__", "__resume__", "__scheduled__"]
            if self.r.random() < 0.3
            else ["log", "delta", "delta", "other"]
        )
        writes = [
            (self.r.choice(names), self.r.choice([1, None, "x", self.r.choice(TEXT)]))
            for _ in range(self.r.randrange(4))
        ]
        task = self.r.choice([*TASKS])
        at = config(thread_id, id_, ns)
        await self.saver("put_writes", at, writes, task, TASKS[task])
        self.reference.put_writes(at, writes, task, TASKS[task])

    async def get(self) -> None:
        thread_id, ns = self._space()
        known = self._known(thread_id, ns)
        id_ = self.r.choice([None, None, *known, str(uuid6())])
        at = config(thread_id, id_, ns)
        assert await self.saver("get_tuple", at) == self.reference.get_tuple(at)

    async def listing(self) -> None:
        thread_id, ns = self._space()
        place = {"thread_id": thread_id}
        if self.r.random() < 0.5:
            place["checkpoint_ns"] = ns
        known = self._known(thread_id, ns)
        if known and self.r.random() < 0.2:
            place["checkpoint_id"] = self.r.choice(known)
        before = config(thread_id, self.r.choice([*known, "1"]), ns)
        filters: list[dict[str, Any]] = [
            {"source": "loop"},
            {"step": 3, "source": "update"},
            {"absent": None},
            {"run_id": f"{self.prefix}-run-1"},
            {"step": "3"},
        ]
        await self._same_list(
            {"configurable": place},
            filter=self.r.choice([None, None, *filters]),
            before=self.r.choice([None, before]),
            limit=self.r.choice([None, 0, 1, 3, 20, 1000]),
        )

    async def _same_list(self, at: Any, *, limit: int | None = None, **how: Any) -> None:
        ours = await self.saver.list(at, limit=limit, **how)
        theirs = sorted(self.reference.list(at, **how), key=_place, reverse=True)
        assert ours == theirs[:limit]

    async def history(self) -> None:
        thread_id, ns = self._space()
        id_ = self.r.choice([None, *self._known(thread_id, ns)])
        asked: dict[str, Any] = {
            "config": config(thread_id, id_, ns),
            "channels": ["delta", "log", "never"],
        }
        theirs = self.reference.get_delta_channel_history(**asked)
        assert await self.saver("get_delta_channel_history", **asked) == theirs

    async def copy(self) -> None:
        source, target = self.r.choice(self.threads), f"{self.prefix}-copy-{uuid6()}"
        await self.saver("copy_thread", source, target)
        self.reference.copy_thread(source, target)
        for (thread_id, ns, id_), state in [*self.states.items()]:
            if thread_id == source:
                self.states[target, ns, id_] = state
        self.threads[self.r.randrange(3)] = target

    async def prune(self) -> None:
        threads = self.r.sample(self.threads, self.r.randrange(1, 3))
        how: dict[str, Any] = {"keep_last": self.r.choice([None, 1, 2, 5])}
        if self.r.random() < 0.1:
            how = {"strategy": "delete"}
        await self.saver("prune", threads, **how)
        self.reference.prune(threads, **how)

    async def delete_runs(self) -> None:
        runs = [f"{self.prefix}-run-{n}" for n in self.r.sample(range(8), 2)]
        await self.saver("delete_for_runs", runs)
        self.reference.delete_for_runs(runs)

    async def delete(self) -> None:
        thread_id = self.r.choice(self.threads)
        await self.saver("delete_thread", thread_id)
        self.reference.delete_thread(thread_id)

    def _space(self) -> tuple[str, str]:
        return self.r.choice(self.threads), self.r.choice(["", "", "own ns"])

    def _known(self, thread_id: str, ns: str) -> list[str]:
        return [*self.reference.storage[thread_id].get(ns, ())]


def _place(item: CheckpointTuple) -> tuple[str, str, str]:
    place = item.config["configurable"]
    return place["checkpoint_id"], place["thread_id"], place["checkpoint_ns"]


@pytest.fixture(params=["sync", "async"])
async def saver(
    request: pytest.FixtureRequest, second_server: Server, patches: int
) -> AsyncIterator[Saver]:
    async with StatewardSaver.from_url(second_server.url, patch_memory=patches) as saver:
        yield Saver(saver, request.param == "sync")


@pytest.mark.parametrize("patches", [0, 1 << 20], ids=["whole", "patches"])
async def test_random_programs(saver: Saver, second_server: Server, uid: Callable[[], str]) -> None:
    def restart() -> None:
        second_server.kill()
        second_server.start(wait=False)

    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    await Program(seed, saver, uid(), restart).run(STEPS)
