"""LangGraph's own suite for checkpointers."""

from __future__ import annotations

import pathlib
from collections.abc import AsyncGenerator, Iterator
from typing import Any

import pytest
from langgraph.checkpoint.conformance import checkpointer_test, validate

from stateward.langgraph import StatewardSaver
from tests.conftest import Server

PASSED = {
    "put": 17,
    "put_writes": 10,
    "get_tuple": 10,
    "list": 16,
    "delete_thread": 5,
    "delete_for_runs": 7,
    "copy_thread": 8,
    "prune": 8,
}


@pytest.fixture
def memory(tmp_path: pathlib.Path) -> Iterator[Server]:
    server = Server(tmp_path, "memory:").start()
    yield server
    server.stop()


async def test_suite_in_memory(memory: Server) -> None:
    await test_suite(memory)


async def test_suite(server: Server) -> None:
    async def savers() -> AsyncGenerator[Any, None]:
        async with StatewardSaver.from_url(server.url) as saver:
            yield saver

    report = await validate(checkpointer_test(name="stateward")(savers))
    failures = [text for result in report.results.values() for text in result.failures]
    assert not failures, "\n".join(failures)
    # A capability that is not overridden counts as absent, not as failed: hence the numbers.
    assert {name: result.tests_passed for name, result in report.results.items()} == PASSED
    assert all(result.detected for result in report.results.values())
