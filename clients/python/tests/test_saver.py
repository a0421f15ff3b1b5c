"""What the official suite does not ask of a checkpointer. Every test runs sync and async."""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
)
from langgraph.checkpoint.base.id import uuid6
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.types import Send

from stateward import FormMismatch
from stateward._sync import SyncTransport
from stateward.errors import ThreadExistsError, TooLargeError
from stateward.langgraph import StatewardSaver
from stateward.transport import json_request, path
from tests.conftest import Server
from tests.raw_server import answer, serving


@dataclass
class Mine:
    """A type of the application's own."""

    x: int


class Saver:
    """Calls the sync or the async method of a name."""

    def __init__(self, saver: BaseCheckpointSaver[str], sync: bool) -> None:
        self.saver = saver
        self.sync = sync

    async def __call__(self, name: str, *args: Any, **kwargs: Any) -> Any:
        if self.sync:
            return getattr(self.saver, name)(*args, **kwargs)
        return await getattr(self.saver, "a" + name)(*args, **kwargs)

    async def list(self, *args: Any, **kwargs: Any) -> list[CheckpointTuple]:
        if self.sync:
            return list(self.saver.list(*args, **kwargs))
        return [item async for item in self.saver.alist(*args, **kwargs)]

    def using(self, saver: BaseCheckpointSaver[str]) -> Saver:
        return Saver(saver, self.sync)


@pytest.fixture(params=["sync", "async"])
async def saver(request: pytest.FixtureRequest, server: Server) -> AsyncIterator[Saver]:
    async with StatewardSaver.from_url(server.url) as saver:
        yield Saver(saver, request.param == "sync")


def config(thread_id: Any, checkpoint_id: str | None = None, ns: str = "") -> RunnableConfig:
    configurable = {"thread_id": thread_id, "checkpoint_ns": ns}
    if checkpoint_id is not None:
        configurable["checkpoint_id"] = checkpoint_id
    return {"configurable": configurable}


def checkpoint(values: dict[str, Any] | None = None, **members: Any) -> Checkpoint:
    made: dict[str, Any] = {
        "v": 4,
        "id": str(uuid6(clock_seq=-1)),
        "ts": "2026-01-01T00:00:00+00:00",
        "channel_values": values or {},
        "channel_versions": dict.fromkeys(values or {}, "1"),
        "versions_seen": {},
        "updated_channels": None,
    }
    return Checkpoint(**{**made, **members})  # type: ignore[typeddict-item]


METADATA: CheckpointMetadata = {"source": "loop", "step": 1, "parents": {}}


async def put(
    saver: Saver, at: RunnableConfig, given: Checkpoint, metadata: Any = METADATA
) -> RunnableConfig:
    after: RunnableConfig = await saver("put", at, given, metadata, given["channel_versions"])
    return after


async def test_round_trip_of_everything(saver: Saver, uid: Callable[[], str]) -> None:
    values = {
        "text": "ü\u0000\ud83d",
        "huge": "x" * 3_000_000,
        "nan": math.inf,
        "int": 2**60,
        "bytes": b"\x00\xff",
        "none": None,
        "messages": [HumanMessage("hi", id="1"), AIMessage("", id="2")],
        "set": {1, 2},
        "sends": [Send("node", {"a": 1})],
    }
    given = checkpoint(
        values,
        channel_versions={
            **dict.fromkeys(values, 1),
            "nan": 1.5,
            "int": "00001.5",
            "gone": 3,
        },
        versions_seen={"node": {"text": 1, "nan": 1.5, "int": "00001.5"}},
        updated_channels=["text"],
    )
    metadata = {**METADATA, "list": [1, {"a": None}], "bad": math.inf, "object": {3}}
    before = copy.deepcopy(given)
    after = await put(saver, config(uid(), "parent"), given, metadata)
    assert given == before, "put changes what it is given"
    for at in (after, config(after["configurable"]["thread_id"])):
        read = await saver("get_tuple", at)
        assert read.config == after
        assert {**read.checkpoint, "channel_values": None} == {**given, "channel_values": None}
        got = read.checkpoint["channel_values"]
        assert got.pop("text").startswith("ü\u0000")  # msgpack has no lone surrogates
        assert got == {name: value for name, value in values.items() if name != "text"}
        assert {name: type(v) for name, v in read.checkpoint["channel_versions"].items()} == {
            name: type(v) for name, v in given["channel_versions"].items()
        }
        assert read.metadata == metadata
        assert read.parent_config["configurable"]["checkpoint_id"] == "parent"
    assert await saver.list(after) == [await saver("get_tuple", after)]


async def test_ids_of_all_sorts(saver: Saver, uid: Callable[[], str]) -> None:
    for odd in ("a/b", "..", "~x", "ü%2F ?#&", "x" * 500, 42):
        thread_id = odd if odd == 42 else f"{odd}{uid()}"[-500:]
        at = config(thread_id, ns=f"sub graph/{odd}|x:1"[:512])
        after = await put(saver, at, checkpoint({"a": 1}, id=f"{odd}/1"[-500:]))
        await saver("put_writes", after, [("a", 1)], f"task/{odd}"[:500], f"~path/{odd}")
        read = await saver("get_tuple", after)
        assert read.config == after
        assert read.config["configurable"]["thread_id"] == str(thread_id)
        assert read.pending_writes == [(f"task/{odd}"[:500], "a", 1)]
        await saver("delete_thread", thread_id)
        assert await saver("get_tuple", after) is None


async def test_only_new_versions_travel(saver: Saver, uid: Callable[[], str]) -> None:
    at = config(uid())
    first = checkpoint({"a": "old", "b": "b", "c": "c"})
    at = await put(saver, at, first)
    second = checkpoint({"a": "new", "b": "not sent"})
    second["channel_versions"] = {"a": "2", "b": "1", "c": "2"}
    at = await saver("put", at, second, METADATA, {"a": "2", "c": "2"})
    read = await saver("get_tuple", at)
    assert read.checkpoint["channel_values"] == {"a": "new", "b": "b"}
    assert read.checkpoint["channel_versions"] == {"a": "2", "b": "1", "c": "2"}
    older = await saver("get_tuple", read.parent_config)
    assert older.checkpoint["channel_values"] == {"a": "old", "b": "b", "c": "c"}


async def test_put_again_replaces(saver: Saver, uid: Callable[[], str]) -> None:
    at = config(uid())
    given = checkpoint({"a": 1})
    await put(saver, at, given)
    given["channel_values"] = {"a": 2}
    after = await put(saver, at, given, {**METADATA, "step": 2})
    read = await saver("get_tuple", after)
    assert (read.checkpoint["channel_values"], read.metadata["step"]) == ({"a": 2}, 2)
    assert len(await saver.list(at)) == 1


async def test_order_of_writes(saver: Saver, uid: Callable[[], str]) -> None:
    at = await put(saver, config(uid()), checkpoint())
    await saver("put_writes", at, [("b", 1), ("a", 2)], "t2", "~1")
    await saver("put_writes", at, [("c", 3)], "t1", "~2")
    await saver("put_writes", at, [("__error__", "e"), ("d", 4)], "t9", "~1")
    await saver("put_writes", at, [("e", 5)], "t5")
    expected = [
        ("t5", "e", 5),
        ("t2", "b", 1),
        ("t2", "a", 2),
        ("t9", "__error__", "e"),
        ("t9", "d", 4),
        ("t1", "c", 3),
    ]
    assert (await saver("get_tuple", at)).pending_writes == expected
    assert (await saver.list(at))[0].pending_writes == expected


async def test_ordinary_writes_stay_and_special_ones_change(
    saver: Saver, uid: Callable[[], str]
) -> None:
    at = config(uid(), str(uuid6()))
    await saver("put_writes", at, [("a", 1), ("b", 1)], "t")
    await saver("put_writes", at, [("a", 2), ("b", 2), ("c", 2)], "t")
    await saver("put_writes", at, [("__interrupt__", 1)], "t")
    await saver("put_writes", at, [("__interrupt__", 2)], "t")
    await saver("put_writes", at, [("__resume__", 1), ("__error__", 1)], "t")
    await saver("put_writes", at, [("__error__", 2), ("d", 2)], "t")
    await saver("put_writes", at, [], "t")
    await put(saver, config(at["configurable"]["thread_id"]),
              checkpoint(id=at["configurable"]["checkpoint_id"]))  # fmt: skip
    assert (await saver("get_tuple", at)).pending_writes == [
        ("t", "__resume__", 1),
        ("t", "__interrupt__", 2),
        ("t", "__error__", 1),
        ("t", "a", 1),
        ("t", "b", 1),
        ("t", "c", 2),
    ]


async def test_very_many_writes(saver: Saver, uid: Callable[[], str]) -> None:
    at = await put(saver, config(uid()), checkpoint())
    await saver("put_writes", at, [("a", i) for i in range(20_000)], "t")
    written = (await saver("get_tuple", at)).pending_writes
    assert written == [("t", "a", i) for i in range(20_000)]


async def test_writes_of_many_bytes(saver: Saver, uid: Callable[[], str]) -> None:
    at = await put(saver, config(uid()), checkpoint())
    given = [(f"c{i}", bytes([i]) * (1 << 20)) for i in range(70)]
    with pytest.raises(TooLargeError):
        await saver("put_writes", at, given, "t")
    assert (await saver("get_tuple", at)).pending_writes == []
    await saver("put_writes", at, given[:60], "t")
    written = (await saver("get_tuple", at)).pending_writes
    assert written == [("t", name, data) for name, data in given[:60]]


@pytest.mark.parametrize("given", [[("a", i) for i in range(5000)], [("a", bytes(20 << 20))] * 2])
async def test_writes_of_a_task_are_one_request(given: list[tuple[str, Any]]) -> None:
    """A task that has some of its writes is taken for one that has all of them."""
    stored = answer(201, {"checkpoint_id": "c", "task_id": "t"})
    with serving(stored) as server:
        async with StatewardSaver.from_url(server.url) as saver:
            saver.put_writes(config("t", checkpoint_id="c"), given, "t")
            await saver.aput_writes(config("t", checkpoint_id="c"), given, "t")
    assert len(server.seen) == 2


async def test_listing_in_pages(saver: Saver, uid: Callable[[], str]) -> None:
    thread_id = uid()
    at = config(thread_id)
    ids: list[str] = []
    for i in range(75):
        given = checkpoint({"n": i, "same": "s"})
        given["channel_versions"] = {"n": i, "same": 1}
        at = await put(saver, at, given, {**METADATA, "step": i, "even": i % 2 == 0})
        ids.insert(0, given["id"])
    everything = config(thread_id)

    def ids_of(items: list[CheckpointTuple]) -> list[str]:
        return [item.checkpoint["id"] for item in items]

    items = await saver.list(everything)
    assert ids_of(items) == ids
    assert [item.checkpoint["channel_values"]["n"] for item in items] == [*range(74, -1, -1)]
    assert items[0].parent_config == items[1].config
    for limit in (0, 1, 10, 11, 35, 75, 76, 2000):
        assert ids_of(await saver.list(everything, limit=limit)) == ids[:limit]
    assert ids_of(await saver.list(everything, before=config(thread_id, ids[40]))) == ids[41:]
    assert ids_of(await saver.list(everything, filter={"even": True}, limit=30)) == ids[0::2][:30]
    assert ids_of(await saver.list(everything, filter={"even": True, "step": 3})) == []
    assert ids_of(await saver.list(everything, filter={"absent": None}, limit=3)) == ids[:3]
    assert ids_of(await saver.list(config(thread_id, ids[5]))) == [ids[5]]
    no_id = config(thread_id, "")  # as for get_tuple(), and for LangGraph's savers
    assert ids_of(await saver.list(no_id, before=no_id)) == ids
    assert ids_of(await saver.list(None, filter={"step": 74}, before=None, limit=1)) == ids[:1]


async def test_all_threads_without_documents(
    saver: Saver, server: Server, uid: Callable[[], str]
) -> None:
    mark, document = uid(), uid()
    body = {"checkpoint_data": {"len": 3}, "metadata": {"mark": mark}}
    target = path("checkpoints", document, "c1")
    sync = saver.saver._sync  # type: ignore[attr-defined]
    sync.send(json_request("PUT", target, body))
    sync.send(json_request("PUT", path("writes", document, "c1", "t"),
                           {"writes": [{"channel": "a", "value": {"len": 5}}]}))  # fmt: skip
    for ns in ("", "sub:1"):
        at = await put(
            saver, config(uid(), ns=ns), checkpoint({"a": ns}), {**METADATA, "mark": mark}
        )
        await saver("put_writes", at, [("a", 1)], "t")
    found = await saver.list(None, filter={"mark": mark})
    assert [item.checkpoint["channel_values"] for item in found] == [{"a": "sub:1"}, {"a": ""}]
    with pytest.raises(FormMismatch) as read:
        await saver("get_tuple", config(document))
    with pytest.raises(FormMismatch) as written:
        await put(saver, config(document), checkpoint())
    assert read.value.code == written.value.code == "form_mismatch"


async def test_sends_of_old_checkpoints(saver: Saver, uid: Callable[[], str]) -> None:
    parent = await put(saver, config(uid()), checkpoint({"a": 1}, v=3))
    await saver("put_writes", parent, [("__pregel_tasks", Send("n", 2))], "t2", "~2")
    await saver("put_writes", parent, [("__pregel_tasks", Send("n", 1)), ("a", 9)], "t3", "~1")
    old = await put(saver, parent, checkpoint({"a": 1}, v=3, channel_versions={"a": "2"}))
    for read in (await saver("get_tuple", old), *await saver.list(old)):
        assert read.checkpoint["channel_values"]["__pregel_tasks"] == [Send("n", 1), Send("n", 2)]
        assert read.checkpoint["channel_versions"]["__pregel_tasks"] == "2"
    both = await saver.list(config(parent["configurable"]["thread_id"]))
    assert "__pregel_tasks" in both[0].checkpoint["channel_values"]
    assert "__pregel_tasks" not in both[1].checkpoint["channel_values"]
    new = await put(saver, parent, checkpoint({"a": 1}))
    read = await saver("get_tuple", new)
    assert "__pregel_tasks" not in read.checkpoint["channel_values"]


async def test_types_are_restricted(saver: Saver, server: Server, uid: Callable[[], str]) -> None:
    at = await put(saver, config(uid()), checkpoint({"a": Mine(1), "b": HumanMessage("x", id="1")}))
    values = (await saver("get_tuple", at)).checkpoint["channel_values"]
    assert values == {"a": {"x": 1}, "b": HumanMessage("x", id="1")}
    allowing = saver.saver.with_allowlist([(Mine.__module__, "Mine")])
    assert allowing is not saver.saver
    read = await saver.using(allowing)("get_tuple", at)
    assert read.checkpoint["channel_values"]["a"] == Mine(1)
    values = (await saver("get_tuple", at)).checkpoint["channel_values"]
    assert values["a"] == {"x": 1}, "with_allowlist changes the saver it is called on"


def test_it_cannot_be_pickled(server: Server) -> None:
    with StatewardSaver.from_url(server.url) as saver:
        for copied in (pickle.dumps, copy.deepcopy):
            with pytest.raises(TypeError, match=r"make another by StatewardSaver\.from_url"):
                copied(saver)


async def test_encryption(saver: Saver, server: Server, uid: Callable[[], str]) -> None:
    class Xor:
        def encrypt(self, plaintext: bytes) -> tuple[str, bytes]:
            return "xor", bytes(byte ^ 42 for byte in plaintext)

        def decrypt(self, ciphername: str, ciphertext: bytes) -> bytes:
            return bytes(byte ^ 42 for byte in ciphertext)

    serde = EncryptedSerializer(Xor(), JsonPlusSerializer(allowed_msgpack_modules=None))
    secret = saver.using(StatewardSaver.from_url(server.url, serde=serde))
    at = await put(secret, config(uid()), checkpoint({"a": ["secret"]}))
    await secret("put_writes", at, [("a", "x")], "t")
    read = await secret("get_tuple", at)
    assert read.checkpoint["channel_values"] == {"a": ["secret"]}
    assert read.pending_writes == [("t", "a", "x")]
    with pytest.raises(NotImplementedError):
        await saver("get_tuple", at)
    await secret.saver.aclose()  # type: ignore[attr-defined]


async def test_aes(
    saver: Saver, server: Server, uid: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANGGRAPH_AES_KEY", "0123456789abcdef")
    values = {"a": ["secret", b"\x00"], "none": None, "messages": [HumanMessage("hi", id="1")]}
    thread_id = uid()
    # The second one has the key only, and nothing that the first remembers.
    for serde in (EncryptedSerializer.from_pycryptodome_aes() for _ in range(2)):
        async with StatewardSaver.from_url(server.url, serde=serde) as opened:
            secret = saver.using(opened)
            at = await put(secret, config(thread_id), checkpoint(values))
            await secret("put_writes", at, [("a", "x")], "t")
            for read in await secret.list(config(thread_id), filter={"step": 1}):
                assert read.checkpoint["channel_values"] == values
                assert read.pending_writes == [("t", "a", "x")]
    with StatewardSaver.from_url(server.url, serde=Sealed()) as plain:
        (first, second) = plain.list(config(thread_id))
    for sealed in (first, second):
        for type_, data in sealed.checkpoint["channel_values"].values():
            assert type_.endswith("+aes")
            assert b"secret" not in data


class Sealed:
    """Shows values as they are stored."""

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        raise AssertionError

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        return data


async def test_metadata_of_the_config(saver: Saver, uid: Callable[[], str]) -> None:
    at = config(uid())
    at["configurable"].update({"user": "u\u0000", "__hidden": 1, "object": object()})
    at["metadata"] = {"run_id": "r", "step": 99}
    read = await saver("get_tuple", await put(saver, at, checkpoint()))
    assert read.metadata == {**METADATA, "user": "u", "run_id": "r"}


async def test_delta_history_follows_parents(saver: Saver, uid: Callable[[], str]) -> None:
    at = config(uid())
    at = await put(saver, at, checkpoint({"d": "seed"}))
    await saver("put_writes", at, [("d", 1)], "t")
    stray = await put(saver, at, checkpoint(channel_versions={"d": "s"}))
    await saver("put_writes", stray, [("d", "stray")], "t")
    for i in (2, 3):
        at = await put(saver, at, checkpoint(channel_versions={"d": str(i)}))
        await saver("put_writes", at, [("d", i), ("other", 0)], "t")
    history = await saver("get_delta_channel_history", config=at, channels=["d", "never"])
    assert history["d"] == {"seed": "seed", "writes": [("t", "d", 1), ("t", "d", 2)]}
    assert history["never"] == {"writes": []}


async def test_deleting_and_copying(saver: Saver, uid: Callable[[], str]) -> None:
    thread_id, target = uid(), uid()
    at = await put(saver, config(thread_id), checkpoint({"a": 1}))
    await saver("copy_thread", thread_id, target)
    with pytest.raises(ThreadExistsError):
        await saver("copy_thread", thread_id, target)
    await saver("delete_thread", thread_id)
    await saver("delete_thread", thread_id)
    assert await saver("get_tuple", at) is None
    assert (await saver("get_tuple", config(target))).checkpoint["channel_values"] == {"a": 1}


async def test_prune_keeps_what_a_delta_channel_needs(saver: Saver, uid: Callable[[], str]) -> None:
    at = config(uid())
    for i in range(6):
        counters = {} if i % 3 == 0 else {"counters_since_delta_snapshot": {"d": [i % 3, i % 3]}}
        given = checkpoint({"d": [*range(i)]} if i % 3 == 0 else {})
        given["channel_versions"] = {"d": str(i)}
        at = await put(saver, at, given, {**METADATA, **counters})
        await saver("put_writes", at, [("d", [i])], "t")
    before = await saver("get_delta_channel_history", config=at, channels=["d"])
    await saver("prune", [at["configurable"]["thread_id"]])
    assert await saver("get_delta_channel_history", config=at, channels=["d"]) == before
    kept = await saver.list(config(at["configurable"]["thread_id"]))
    assert len(kept) == 3
    assert kept[-1].parent_config is None


async def test_prune_of_subgraphs(saver: Saver, uid: Callable[[], str]) -> None:
    thread_id = uid()
    first = await put(saver, config(thread_id), checkpoint())
    second = await put(saver, first, checkpoint())
    old, new = (at["configurable"]["checkpoint_id"] for at in (first, second))
    for ns, root in (("sub:1", old), ("sub:1|deep:2", old), ("sub:3", new), ("sub:4", "gone")):
        metadata = {**METADATA, "parents": {"": root}}
        at = await put(saver, config(thread_id, ns=ns), checkpoint(), metadata)
        await put(saver, at, checkpoint(), metadata)
    await put(saver, config(thread_id, ns="own"), checkpoint(), {**METADATA, "parents": {"": old}})
    early = config(thread_id, "zz-not-yet")
    await saver("put_writes", early, [("a", 1)], "t")
    await saver("prune", [thread_id])
    everything = await saver.list({"configurable": {"thread_id": thread_id}})
    left = [item.config["configurable"]["checkpoint_ns"] for item in everything]
    assert sorted(left) == ["", "own", "sub:3", "sub:4"]
    await put(saver, config(thread_id), checkpoint(id="zz-not-yet"))
    assert (await saver("get_tuple", early)).pending_writes == [("t", "a", 1)]
    await saver("prune", [thread_id], strategy="delete")
    assert await saver.list({"configurable": {"thread_id": thread_id}}) == []


async def test_prune_keeps_the_sends_of_old_checkpoints(
    saver: Saver, uid: Callable[[], str]
) -> None:
    at = await put(saver, config(uid()), checkpoint(v=3))
    at = await put(saver, at, checkpoint(v=3))
    await saver("put_writes", at, [("__pregel_tasks", Send("n", 1))], "t")
    at = await put(saver, at, checkpoint({"a": 1}, v=3))
    before = await saver("get_tuple", at)
    await saver("prune", [at["configurable"]["thread_id"]])
    assert await saver("get_tuple", at) == before
    assert len(await saver.list(config(at["configurable"]["thread_id"]))) == 2


async def test_deleting_runs_that_others_need(saver: Saver, uid: Callable[[], str]) -> None:
    runs = [uid() for _ in range(4)]
    at = config(uid())
    ids = []
    for i, run in enumerate(runs):
        metadata: dict[str, Any] = {**METADATA, "run_id": run}
        if i == 3:
            metadata["counters_since_delta_snapshot"] = {"d": [2, 2]}
        given = checkpoint({"d": "seed", "a": 1} if i == 1 else {})
        given["channel_versions"] = {"d": str(i), "a": "1"}
        at = await put(saver, at, given, metadata)
        ids.append(given["id"])
        await saver("put_writes", at, [("d", i)], "t")
    history = await saver("get_delta_channel_history", config=at, channels=["d"])
    assert history["d"] == {"seed": "seed", "writes": [("t", "d", 1), ("t", "d", 2)]}
    await saver("delete_for_runs", runs[:3])
    assert await saver("get_delta_channel_history", config=at, channels=["d"]) == history
    left = await saver.list(config(at["configurable"]["thread_id"]))
    assert [item.checkpoint["id"] for item in left] == ids[:0:-1]
    assert left[-1].parent_config is None
    await saver("delete_for_runs", runs)
    assert await saver.list(config(at["configurable"]["thread_id"])) == []


async def test_a_copy_is_whole(saver: Saver, uid: Callable[[], str]) -> None:
    thread_id, target = uid(), uid()
    for ns in ("", "sub:1"):
        at = config(thread_id, ns=ns)
        for i in range(3):
            given = checkpoint({"n": i, "same": "s"})
            given["channel_versions"] = {"n": i, "same": 1}
            at = await put(saver, at, given, {**METADATA, "step": i})
            await saver("put_writes", at, [("a", i), ("b", 0)], f"t{i}", f"~{9 - i}")
    await saver("put_writes", config(thread_id, "zz-not-yet"), [("a", 1)], "t")
    await saver("copy_thread", thread_id, target)

    async def all_of(name: str) -> Any:
        items = await saver.list({"configurable": {"thread_id": name}})
        return [
            (item.config["configurable"]["checkpoint_ns"], *item[1:3], *item[4:]) for item in items
        ]

    await saver("delete_thread", thread_id)
    copied = await all_of(target)
    assert len(copied) == 6
    back = uid()
    await saver("copy_thread", target, back)
    assert await all_of(back) == copied
    await put(saver, config(back), checkpoint(id="zz-not-yet"))
    assert (await saver("get_tuple", config(back))).pending_writes == [("t", "a", 1)]


async def test_arguments_are_checked(saver: Saver, uid: Callable[[], str]) -> None:
    with pytest.raises(ValueError, match="strategy"):
        await saver("prune", [uid()], strategy="some")
    for name in ("prune", "delete_for_runs"):
        for given in ("abc", b"abc"):
            with pytest.raises(TypeError):
                await saver(name, given)
        await saver(name, [])
    await saver("prune", [uid() for _ in range(1001)])
    await saver("delete_for_runs", [uid() for _ in range(1001)])


def test_versions() -> None:
    saver = StatewardSaver.from_url("http://127.0.0.1:1")
    first = saver.get_next_version(None, None)
    second = saver.get_next_version(first, None)
    assert first.startswith("0" * 31 + "1.0.")
    assert second.startswith("0" * 31 + "2.0.")
    assert first < second
    assert saver.get_next_version(7, None).startswith("0" * 31 + "8.")  # type: ignore[arg-type]
    assert saver.config_specs == []


def test_a_saver_of_a_url_alone() -> None:
    url: Any = "http://127.0.0.1:1"
    for given in ((url,), (url, "token"), (SyncTransport(url),)):
        with pytest.raises(TypeError, match=r"^use StatewardSaver\.from_url\(url\)$"):
            StatewardSaver(*given)


def test_a_saver_with_an_allowlist_is_one_of_ours(server: Server, uid: Callable[[], str]) -> None:
    """Also for type checkers, which look at this file."""
    with StatewardSaver.from_url(server.url) as saver:
        allowing = saver.with_allowlist([(Mine.__module__, "Mine")])
        allowing.prune([uid()], keep_last=2)
        allowing.close()


def test_sync_context_manager(server: Server, uid: Callable[[], str]) -> None:
    def use() -> Iterator[None]:
        with StatewardSaver.from_url(server.url) as saver:
            yield
            assert saver.get_tuple(config(uid())) is None
        saver.close()
        assert saver.get_tuple(config(uid())) is None
        saver.close()

    list(use())
