"""One saver for many: threads, tasks, both at once, processes, several servers."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from langgraph.checkpoint.base import CheckpointTuple

from stateward._async import AsyncTransport
from stateward._sync import SyncTransport
from stateward.errors import BaseMissing
from stateward.langgraph import StatewardSaver
from stateward.transport import Request, Response
from tests.conftest import Server
from tests.test_saver import METADATA, checkpoint, config

STEPS = 12


def log(thread_id: str, n: int) -> list[str]:
    return [random.Random(f"{thread_id}{i}").randbytes(150).hex() for i in range(n)]


def given(thread_id: str, n: int) -> Any:
    version = f"{n:05}.{thread_id}"
    return checkpoint(
        {"log": log(thread_id, n), "n": n}, channel_versions={"log": version, "n": version}
    )


def check(thread_id: str, found: CheckpointTuple | None) -> None:
    assert found is not None
    assert found.checkpoint["channel_values"] == {"log": log(thread_id, STEPS), "n": STEPS}
    assert found.pending_writes == [("t1", "n", STEPS), ("t2", "n", -STEPS)]


def grow(saver: StatewardSaver, thread_id: str) -> None:
    at = config(thread_id)
    for n in range(1, STEPS + 1):
        new = given(thread_id, n)
        at = saver.put(at, new, METADATA, new["channel_versions"])
        saver.put_writes(at, [("n", n)], "t1", "~1")
        saver.put_writes(at, [("n", -n)], "t2", "~2")
    check(thread_id, saver.get_tuple(config(thread_id)))
    assert len(list(saver.list(config(thread_id)))) == STEPS


async def agrow(saver: StatewardSaver, thread_id: str) -> None:
    at = config(thread_id)
    for n in range(1, STEPS + 1):
        new = given(thread_id, n)
        at = await saver.aput(at, new, METADATA, new["channel_versions"])
        await asyncio.gather(
            saver.aput_writes(at, [("n", n)], "t1", "~1"),
            saver.aput_writes(at, [("n", -n)], "t2", "~2"),
        )
    check(thread_id, await saver.aget_tuple(config(thread_id)))
    assert len([item async for item in saver.alist(config(thread_id))]) == STEPS


def test_sixteen_threads(server: Server, uid: Callable[[], str]) -> None:
    with StatewardSaver.from_url(server.url) as saver, ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda name: grow(saver, name), [uid() for _ in range(16)]))


async def test_sixty_four_tasks(server: Server, uid: Callable[[], str]) -> None:
    async with StatewardSaver.from_url(server.url) as saver:
        await asyncio.gather(*(agrow(saver, uid()) for _ in range(64)))


async def test_threads_and_tasks_at_once(server: Server, uid: Callable[[], str]) -> None:
    async with StatewardSaver.from_url(server.url) as saver:
        with ThreadPoolExecutor(8) as pool:
            loop = asyncio.get_running_loop()
            threads = [loop.run_in_executor(pool, grow, saver, uid()) for _ in range(8)]
            other_loop = loop.run_in_executor(
                None, lambda: asyncio.run(_with_own_loop(saver, uid()))
            )
            await asyncio.gather(*threads, other_loop, *(agrow(saver, uid()) for _ in range(8)))


async def _with_own_loop(saver: StatewardSaver, thread_id: str) -> None:
    await agrow(saver, thread_id)
    await saver.aclose()


def test_forked_children(server: Server, uid: Callable[[], str]) -> None:
    names = [uid() for _ in range(4)]
    with StatewardSaver.from_url(server.url) as saver:
        grow(saver, uid())
        children = []
        for name in names:
            child = os.fork()
            if child == 0:
                try:
                    grow(saver, name)
                    asyncio.run(_with_own_loop(saver, f"{name}-async"))
                except BaseException:
                    os._exit(1)
                os._exit(0)
            children.append(child)
        grow(saver, uid())
        assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
        for name in names:
            check(name, saver.get_tuple(config(name)))


class RoundRobin(SyncTransport):
    """Each request to another server."""

    def __init__(self, urls: list[str]) -> None:
        super().__init__(urls[0])
        self._each = [SyncTransport(url) for url in urls]
        self._next = itertools.cycle(self._each)
        self.patched = 0
        self.refused = 0

    def send(self, request: Request) -> Response:
        self.patched += b'"parts":' in request.body
        try:
            return next(self._next).send(request)
        except BaseMissing:
            self.refused += 1
            raise

    def close(self) -> None:
        for transport in self._each:
            transport.close()


class AsyncRoundRobin(AsyncTransport):
    """Each request to another server."""

    def __init__(self, urls: list[str]) -> None:
        super().__init__(urls[0])
        self._each = [AsyncTransport(url) for url in urls]
        self._next = itertools.cycle(self._each)

    async def send(self, request: Request) -> Response:
        return await next(self._next).send(request)

    async def aclose(self) -> None:
        for transport in self._each:
            await transport.aclose()


async def test_two_servers_on_one_store(
    store: str, server: Server, second_server: Server, uid: Callable[[], str]
) -> None:
    """What one server has put is a base at the other, which has not seen it."""
    if not store:
        pytest.skip("a sqlite file has one server")
    urls = [server.url, second_server.url]
    sync = RoundRobin(urls)
    async with StatewardSaver(sync, AsyncRoundRobin(urls)) as saver:
        for _ in range(3):
            grow(saver, uid())
        await asyncio.gather(*(agrow(saver, uid()) for _ in range(4)))
    assert sync.patched == 3 * (STEPS - 2)  # the first is too short
    assert sync.refused == 0
