"""Where LangGraph's savers differ from each other: what ours does. Sync and async."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import AsyncIterator, Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import CheckpointTuple
from langgraph.checkpoint.base.id import uuid6
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.types import Send

from stateward import _wire
from stateward._async import AsyncTransport
from stateward._sync import SyncTransport
from stateward.langgraph import StatewardSaver
from stateward.transport import Request, Response
from tests.conftest import Server
from tests.test_saver import METADATA, Saver, checkpoint, config, put


class Counting(SyncTransport):
    requests = 0

    def send(self, request: Request) -> Response:
        self.requests += 1
        return super().send(request)


class AsyncCounting(AsyncTransport):
    requests = 0

    async def send(self, request: Request) -> Response:
        self.requests += 1
        return await super().send(request)


class CountingSaver(StatewardSaver):
    def __init__(self, url: str) -> None:
        self.sync, self.other = Counting(url), AsyncCounting(url)
        super().__init__(self.sync, self.other)

    @property
    def requests(self) -> int:
        return self.sync.requests + self.other.requests


@pytest.fixture(params=["sync", "async"])
async def saver(request: pytest.FixtureRequest, server: Server) -> AsyncIterator[Saver]:
    async with CountingSaver(server.url) as saver:
        yield Saver(saver, request.param == "sync")


def requests(saver: Saver) -> int:
    assert isinstance(saver.saver, CountingSaver)
    return saver.saver.requests


def ids(items: list[CheckpointTuple]) -> list[str]:
    return [item.checkpoint["id"] for item in items]


async def test_all_threads_stand_in_one_order(saver: Saver, uid: Callable[[], str]) -> None:
    """By id, then thread, then namespace, all descending; memory and SQLite list by thread."""
    mark, threads = uid(), sorted(uid() for _ in range(3))
    shared = str(uuid6())
    made: list[tuple[str, str, str]] = []
    for n in range(30):
        place = (random.choice(threads), random.choice(["", "a", "b:1"]))
        given = checkpoint(id=f"{uuid6()}")
        await put(saver, config(place[0], ns=place[1]), given, {**METADATA, "mark": mark, "n": n})
        made.append((given["id"], *place))
    for thread_id in threads:
        for ns in ("", "b:1"):
            at = config(thread_id, ns=ns)
            await put(saver, at, checkpoint(id=shared), {**METADATA, "mark": mark})
            made.append((shared, thread_id, ns))
    found = await saver.list(None, filter={"mark": mark})
    places = [item.config["configurable"] for item in found]
    assert [
        (place["checkpoint_id"], place["thread_id"], place["checkpoint_ns"]) for place in places
    ] == sorted(made, reverse=True)
    exact = await saver.list({"configurable": {"thread_id": threads[0], "checkpoint_id": shared}})
    assert [item.config["configurable"]["checkpoint_ns"] for item in exact] == ["b:1", ""]


@pytest.mark.parametrize(
    ("filter", "found"),
    [
        ({}, "abcde"),
        ({"x": 1}, "ab"),  # numbers by value
        ({"x": 1.0}, "ab"),
        ({"x": True}, "c"),  # which is no number
        ({"x": "1"}, "d"),
        ({"x": None}, "e"),  # absent, too
        ({"y.z": 1}, "a"),  # a key, not a path
        ({"y": {"z": 1}}, "b"),
        ({"y": {}}, ""),  # equality, not containment
        ({"y": {"z": 1}, "x": 1}, "b"),
        ({"'; --": None, "x": "1"}, "d"),
    ],
)
async def test_filters(
    saver: Saver, uid: Callable[[], str], filter: dict[str, Any], found: str
) -> None:
    metadata: dict[str, Any] = {
        "a": {"x": 1, "y.z": 1},
        "b": {"x": 1.0, "y": {"z": 1}},
        "c": {"x": True},
        "d": {"x": "1"},
        "e": {"y": {"z": 1, "more": 2}},
    }
    thread_id = uid()
    for name, more in metadata.items():
        await put(saver, config(thread_id), checkpoint(id=name), {**METADATA, **more})
    listed = await saver.list(config(thread_id), filter=filter)
    assert "".join(sorted(ids(listed))) == found


async def test_a_value_belongs_to_its_checkpoint(saver: Saver, uid: Callable[[], str]) -> None:
    """The same version with another value: in memory the older checkpoint would change, too."""
    at = config(uid())
    first = await put(saver, at, checkpoint({"a": 1}))
    second = await put(saver, first, checkpoint({"a": 2}))
    assert (await saver("get_tuple", first)).checkpoint["channel_values"] == {"a": 1}
    assert (await saver("get_tuple", second)).checkpoint["channel_values"] == {"a": 2}
    third = await saver("put", second, checkpoint({"a": 0}), METADATA, {})
    assert (await saver("get_tuple", third)).checkpoint["channel_values"] == {"a": 2}


async def test_only_channels_of_new_versions_are_stored(
    saver: Saver, uid: Callable[[], str]
) -> None:
    """As memory does; Postgres stores plain values all the same, and SQLite all values."""
    at = config(uid())
    given = checkpoint({"old": "x", "new": "y"}, channel_versions={"old": 1, "new": 2})
    await saver("put", at, given, METADATA, {"new": 2})
    assert (await saver("get_tuple", at)).checkpoint["channel_values"] == {"new": "y"}


async def test_special_writes_among_others_are_ordinary(
    saver: Saver, uid: Callable[[], str]
) -> None:
    """As in PostgreSQL; memory replaces them in any company."""
    at = await put(saver, config(uid()), checkpoint())
    await saver("put_writes", at, [("a", 1), ("__error__", "first")], "t")
    await saver("put_writes", at, [("a", 2), ("__error__", "second")], "t")
    assert (await saver("get_tuple", at)).pending_writes == [
        ("t", "__error__", "first"),
        ("t", "a", 1),
    ]
    await saver("put_writes", at, [("__error__", "third")], "t")
    assert ("t", "__error__", "third") in (await saver("get_tuple", at)).pending_writes


async def test_one_channel_twice_among_special_writes(saver: Saver, uid: Callable[[], str]) -> None:
    at = await put(saver, config(uid()), checkpoint())
    await saver("put_writes", at, [("__interrupt__", 1), ("__interrupt__", 2)], "t")
    await saver("put_writes", at, [("__error__", 1), ("__error__", 2), ("a", 3)], "u")
    assert (await saver("get_tuple", at)).pending_writes == [
        ("t", "__interrupt__", 2),
        ("u", "__error__", 1),
        ("u", "a", 3),
    ]


async def test_a_late_put_makes_a_thread_anew(saver: Saver, uid: Callable[[], str]) -> None:
    thread_id = uid()
    at = await put(saver, config(thread_id), checkpoint({"a": "x" * 1000}))
    await saver("delete_thread", thread_id)
    late = checkpoint({"a": "x" * 1001}, channel_versions={"a": "2"})
    at = await put(saver, at, late)
    read = await saver("get_tuple", at)
    assert read.checkpoint["channel_values"] == {"a": "x" * 1001}
    assert len(await saver.list(config(thread_id))) == 1


async def grown(saver: Saver, at: RunnableConfig, steps: int) -> list[str]:
    made = []
    for n in range(steps):
        given = checkpoint({"n": n}, channel_versions={"n": n})
        at = await put(saver, at, given, {**METADATA, "step": n})
        made.append(given["id"])
    return made


async def test_prune_keeps_as_many_as_it_is_told(saver: Saver, uid: Callable[[], str]) -> None:
    thread_id = uid()
    made = await grown(saver, config(thread_id), 8)
    inner = await grown(saver, config(thread_id, ns="own"), 3)
    await saver("prune", [thread_id], keep_last=5)
    assert ids(await saver.list(config(thread_id))) == made[:2:-1]
    assert ids(await saver.list(config(thread_id, ns="own"))) == inner[::-1]
    assert (await saver.list(config(thread_id)))[-1].parent_config is None
    await saver("prune", [thread_id])
    assert ids(await saver.list(config(thread_id))) == made[:-2:-1]
    assert ids(await saver.list(config(thread_id, ns="own"))) == inner[:-2:-1]


async def test_prune_by_age(saver: Saver, uid: Callable[[], str]) -> None:
    thread_id = uid()
    at = config(thread_id)
    made = await grown(saver, at, 3)
    await asyncio.sleep(0.05)
    between = datetime.now(timezone.utc)
    await asyncio.sleep(0.05)
    made += await grown(saver, at, 2)
    await saver("prune", [thread_id], older_than=between - timedelta(days=1))
    assert len(await saver.list(at)) == 5
    await saver("prune", [thread_id], older_than=between.isoformat())
    assert ids(await saver.list(at)) == made[:2:-1]
    future = datetime.now(timezone.utc) + timedelta(days=1)
    await saver("prune", [thread_id], older_than=future, keep_last=2)
    assert len(await saver.list(at)) == 2
    await saver("prune", [thread_id], older_than=future)
    assert ids(await saver.list(at)) == made[-1:]


@pytest.mark.parametrize("bound", [{"keep_last": 2}, {"older_than": "2026-01-01T00:00:00Z"}])
async def test_delete_has_no_bounds(
    saver: Saver, uid: Callable[[], str], bound: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match="delete"):
        await saver("prune", [uid()], strategy="delete", **bound)


async def test_delta_history_takes_few_round_trips(saver: Saver, uid: Callable[[], str]) -> None:
    at = config(uid())
    at = await put(saver, at, checkpoint({"d": "seed"}, channel_versions={"d": "0"}))
    for n in range(1, 200):
        await saver("put_writes", at, [("d", n)], "t")
        at = await put(saver, at, checkpoint(channel_versions={"d": str(n)}))
    before = requests(saver)
    for target in (at, config(at["configurable"]["thread_id"])):
        asked = {"config": target, "channels": ["d"]}
        history = await saver("get_delta_channel_history", **asked)
        assert history == {"d": {"seed": "seed", "writes": [("t", "d", n) for n in range(1, 200)]}}
    assert requests(saver) - before <= 2 * 5


async def test_delta_history_leaves_other_channels_where_they_are(
    saver: Saver, uid: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    at = await put(saver, config(uid()), checkpoint({"d": "seed"}, channel_versions={"d": "0"}))
    for n in range(1, 20):
        await saver("put_writes", at, [("d", n), ("large", random.randbytes(20_000))], "t")
        values, versions = {"large": random.randbytes(50_000)}, {"d": str(n), "large": str(n)}
        at = await put(saver, at, checkpoint(values, channel_versions=versions))
    read: list[int] = []
    original = _wire.read_page

    def read_page(response: Response, serde: SerializerProtocol) -> _wire.Page:
        read.append(len(response.body))
        return original(response, serde)

    monkeypatch.setattr(_wire, "read_page", read_page)
    history = await saver("get_delta_channel_history", config=at, channels=["d"])
    assert history == {"d": {"seed": "seed", "writes": [("t", "d", n) for n in range(1, 20)]}}
    assert sum(read) < 20_000


async def test_delta_history_of_ids_without_order(saver: Saver, uid: Callable[[], str]) -> None:
    """A parent whose id is above its child's, and ids as long as they may be."""
    thread_id = uid()
    chain = ["m" * 512, "z", "a b", "y", "b" * 512, "c"]
    at = config(thread_id)
    for n, id_ in enumerate(chain):
        values = {"d": "seed"} if n == 1 else {}
        at = await put(saver, at, checkpoint(values, id=id_, channel_versions={"d": str(n)}))
        await saver("put_writes", at, [("d", n)], "t")
    history = await saver("get_delta_channel_history", config=at, channels=["d", "e"])
    assert history["d"] == {"seed": "seed", "writes": [("t", "d", n) for n in range(1, 5)]}
    assert history["e"] == {"writes": []}
    for missing in (config(uid()), config(thread_id, "absent")):
        history = await saver("get_delta_channel_history", config=missing, channels=["d"])
        assert history == {"d": {"writes": []}}
    assert await saver("get_delta_channel_history", config=at, channels=[]) == {}


async def test_a_listing_is_lazy(saver: Saver, uid: Callable[[], str]) -> None:
    thread_id = uid()
    await grown(saver, config(thread_id), 40)
    before = requests(saver)
    if saver.sync:
        listing = saver.saver.list(config(thread_id))
        assert requests(saver) == before
        for _ in range(10):
            next(listing)
    else:
        alisting = saver.saver.alist(config(thread_id))
        assert requests(saver) == before
        for _ in range(10):
            await anext(alisting)
        await alisting.aclose()  # type: ignore[attr-defined]
    assert requests(saver) == before + 1


async def test_sends_of_old_checkpoints_need_no_request_within_a_page(
    saver: Saver, uid: Callable[[], str]
) -> None:
    at = config(uid())
    for n in range(9):
        at = await put(saver, at, checkpoint(v=3))
        await saver("put_writes", at, [("__pregel_tasks", Send("n", n))], "t")
    before = requests(saver)
    items = await saver.list(config(at["configurable"]["thread_id"]))
    sends = [item.checkpoint["channel_values"].get("__pregel_tasks") for item in items]
    assert sends == [*([Send("n", n)] for n in range(7, -1, -1)), None]
    assert requests(saver) == before + 1


@pytest.mark.parametrize("others", [{}, {"other": 1}])
async def test_a_channel_may_have_any_name(
    saver: Saver, uid: Callable[[], str], others: dict[str, int]
) -> None:
    """Also that which stands in for what JSON does not have."""
    at = config(uid())
    for name in ("$stateward", "__start__", "a b", "ü", "checkpoint"):
        versions = {name: "1.5", **dict.fromkeys(others, "1.5")}
        seen = {"node": {name: "1.5"}}
        given = checkpoint(
            {name: "v", **others}, channel_versions=versions, versions_seen=seen, ts=float("inf")
        )
        at = await put(saver, at, given)
        await saver("put_writes", at, [(name, 1)], "t")
        found = await saver("get_tuple", at)
        assert found.checkpoint == given
        assert found.pending_writes == [("t", name, 1)]


async def test_metadata_is_json(saver: Saver, uid: Callable[[], str]) -> None:
    """As with PostgresSaver; InMemorySaver keeps numbers as names."""
    at = await put(saver, config(uid()), checkpoint(), {"source": "loop", "x": {1: (2, 3)}})
    assert (await saver("get_tuple", at)).metadata["x"] == {"1": [2, 3]}
    assert len(await saver.list(at, filter={"x": {"1": [2, 3]}})) == 1


@pytest.mark.parametrize(
    ("given", "other"),
    [
        (math.nan, math.inf),
        (b"x", b"y"),
        ({"$stateward": ["a", "b"]}, {"$stateward": ["a", "c"]}),
        ([{1, 2}, "\ud83d"], [{1, 3}, "\ud83d"]),
        ({1: 2**70}, {1: 2**71}),
    ],
)
async def test_filters_for_what_json_does_not_have(
    saver: Saver, uid: Callable[[], str], given: Any, other: Any
) -> None:
    at = await put(saver, config(uid()), checkpoint(), {"source": "loop", "x": given})
    assert len(await saver.list(at, filter={"x": given, "source": "loop"})) == 1
    assert await saver.list(at, filter={"x": other}) == []


async def test_filters_for_the_name_of_the_stand_in(saver: Saver, uid: Callable[[], str]) -> None:
    metadata = {"source": "loop", "$stateward": ["a", "b"]}
    at = await put(saver, config(uid()), checkpoint(), metadata)
    assert len(await saver.list(at, filter={"$stateward": ["a", "b"]})) == 1


async def test_without_a_thread_or_a_checkpoint(saver: Saver, uid: Callable[[], str]) -> None:
    """None is no thread: neither one of that name, nor all of them."""
    nobody: RunnableConfig = {"configurable": {"thread_id": None}}
    missing: RunnableConfig = {"configurable": {}}
    given = checkpoint()
    before = requests(saver)
    for at, kind in ((nobody, ValueError), (missing, KeyError)):
        with pytest.raises(kind, match="thread_id"):
            await saver("get_tuple", at)
        with pytest.raises(kind, match="thread_id"):
            await saver.list(at)
        with pytest.raises(kind, match="thread_id"):
            await put(saver, at, given)
        with pytest.raises(kind, match="thread_id"):
            await saver("put_writes", at, [("a", 1)], "t")
        with pytest.raises(kind, match="thread_id"):
            await saver("get_delta_channel_history", config=at, channels=["a"])
    calls: list[tuple[str, tuple[object, ...]]] = [
        ("delete_thread", (None,)),
        ("copy_thread", (None, uid())),
        ("copy_thread", (uid(), None)),
        ("prune", ([uid(), None],)),
        ("delete_for_runs", ([None],)),
    ]
    for name, arguments in calls:
        with pytest.raises(ValueError, match="_id is None"):
            await saver(name, *arguments)
    latest: RunnableConfig = {"configurable": {"thread_id": uid(), "checkpoint_id": None}}
    for at in (config(uid()), latest):
        with pytest.raises(KeyError, match="checkpoint_id"):
            await saver("put_writes", at, [("a", 1)], "t")
    assert requests(saver) == before


async def test_no_namespace_is_the_root(saver: Saver, uid: Callable[[], str]) -> None:
    thread_id = uid()
    root: RunnableConfig = {"configurable": {"thread_id": thread_id, "checkpoint_ns": None}}
    at = await put(saver, root, checkpoint({"a": 1}))
    assert at["configurable"]["checkpoint_ns"] == ""
    await put(saver, config(thread_id, ns="inner"), checkpoint({"a": 2}))
    assert (await saver("get_tuple", root)).checkpoint["channel_values"] == {"a": 1}
    await put(saver, at, checkpoint({"b": 1}))
    history = await saver("get_delta_channel_history", config=root, channels=["a"])
    assert history == {"a": {"seed": 1, "writes": []}}


async def test_nothing_is_to_be_set_up(saver: Saver) -> None:
    """PostgresSaver must be set up once, and AsyncPostgresSaver with await."""
    saver.saver.setup()  # type: ignore[attr-defined]
    assert await saver.saver.setup() is None  # type: ignore[attr-defined]
