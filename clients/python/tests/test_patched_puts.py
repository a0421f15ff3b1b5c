"""What travels when a thread grows, and what becomes of it when the service cannot use it."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.base import Checkpoint
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from stateward import _retry, frame
from stateward._bases import Value
from stateward.errors import BaseMissing, StorageConnectionError, UnsupportedError
from stateward.langgraph import StatewardSaver
from tests.conftest import Server
from tests.raw_server import Seen, answer, problem, serving
from tests.test_saver import METADATA, checkpoint, config

DONE = answer(201, {"thread_id": "t", "ns": "", "checkpoint_id": "c"})
MISSING = problem(409, "base_missing")
UNSUPPORTED = problem(501, "unsupported")


def messages(count: int) -> list[HumanMessage]:
    return [HumanMessage(random.Random(n).randbytes(300).hex(), id=str(n)) for n in range(count)]


def step(n: int) -> Checkpoint:
    """Checkpoint n of a thread that grows."""
    version = f"{n}.5"
    return checkpoint({"messages": messages(n), "n": n},
                      channel_versions={"messages": version, "n": version})  # fmt: skip


class Store:
    """Does with frames what the service does."""

    def __init__(self) -> None:
        self.values: dict[tuple[str, Any], Value] = {}

    def take(self, seen: Seen) -> list[str]:
        """The channels that came as patches."""
        reader = frame.Reader(seen.body)
        patched = []
        for entry in json.loads(reader.text)["values"]:
            if "parts" in entry:
                patched.append(entry["channel"])
                data = self._rebuild(entry, reader)
            else:
                data = reader.take(entry["len"])
            value = Value(entry["channel"], entry["version"], entry["type"], data)
            assert value.hash == entry.get("hash", value.hash)
            self.values[value.channel, value.version] = value
        reader.end()
        return patched

    def _rebuild(self, entry: dict[str, Any], reader: frame.Reader) -> bytes:
        base = self.values[entry["channel"], entry["base"]["version"]]
        assert base.hash == entry["base"]["hash"]
        data = b""
        for part in entry["parts"]:
            if "len" in part:
                data += reader.take(part["len"])
            else:
                offset, length = part["copy"]
                data += base.data[offset : offset + length]
        return data


def put(saver: StatewardSaver, n: int) -> None:
    given = step(n)
    saver.put(config("t"), given, METADATA, given["channel_versions"])


def test_a_growing_thread_is_sent_in_patches() -> None:
    store = Store()
    with serving(DONE) as server, StatewardSaver.from_url(server.url) as saver:
        for n in range(1, 40):
            put(saver, n)
    patched = [store.take(seen) for seen in server.seen]
    assert patched == [[]] + [["messages"]] * 38
    value = store.values["messages", "39.5"]
    assert saver.serde.loads_typed((value.type, value.data)) == messages(39)
    assert max(len(seen.body) for seen in server.seen) < 2000


async def test_async_and_sync_share_what_they_know() -> None:
    store = Store()
    with serving(DONE) as server:
        async with StatewardSaver.from_url(server.url) as saver:
            put(saver, 20)
            given = step(21)
            await saver.aput(config("t"), given, METADATA, given["channel_versions"])
            put(saver, 22)
    assert [store.take(seen) for seen in server.seen] == [[], ["messages"], ["messages"]]


def test_base_missing() -> None:
    store = Store()
    with serving(DONE, MISSING, DONE) as server, StatewardSaver.from_url(server.url) as saver:
        for n in (20, 21, 22):
            put(saver, n)
    first, _, whole, after = server.seen
    assert [store.take(seen) for seen in (first, whole, after)] == [[], [], ["messages"]]


def test_a_service_without_patches() -> None:
    store = Store()
    with serving(DONE, UNSUPPORTED, DONE) as server, StatewardSaver.from_url(server.url) as saver:
        for n in (20, 21, 22, 23):
            put(saver, n)
    first, _, *others = server.seen
    assert [store.take(seen) for seen in (first, *others)] == [[], [], [], []]


def test_what_failed_is_no_base(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_retry, "RETRIES", 0)
    store = Store()
    full = problem(503, "storage_unavailable")
    with serving(DONE, full, DONE) as server, StatewardSaver.from_url(server.url) as saver:
        put(saver, 20)
        with pytest.raises(StorageConnectionError):
            put(saver, 21)
        put(saver, 22)
    first, _, last = server.seen
    store.take(first)
    assert store.take(last) == ["messages"]


@pytest.mark.parametrize(("refusal", "error"),
                         [(MISSING, BaseMissing), (UNSUPPORTED, UnsupportedError)])  # fmt: skip
def test_refusals_of_whole_values_are_errors(refusal: bytes, error: type[Exception]) -> None:
    with (
        serving(refusal) as server,
        StatewardSaver.from_url(server.url) as saver,
        pytest.raises(error),
    ):
        put(saver, 20)
    assert len(server.seen) == 1


def test_without_memory_nothing_is_patched() -> None:
    store = Store()
    with serving(DONE) as server, StatewardSaver.from_url(server.url, patch_memory=0) as saver:
        for n in (20, 21):
            put(saver, n)
    assert [store.take(seen) for seen in server.seen] == [[], []]


def test_encrypted_values_go_whole() -> None:
    class Plain:
        def encrypt(self, plaintext: bytes) -> tuple[str, bytes]:
            return "plain", plaintext

        def decrypt(self, ciphername: str, ciphertext: bytes) -> bytes:
            return ciphertext

    serde = EncryptedSerializer(Plain(), JsonPlusSerializer(allowed_msgpack_modules=None))
    store = Store()
    with serving(DONE) as server, StatewardSaver.from_url(server.url, serde=serde) as saver:
        for n in (20, 21):
            put(saver, n)
    assert [store.take(seen) for seen in server.seen] == [[], []]


def test_what_was_read_is_a_base(server: Server, uid: Callable[[], str]) -> None:
    at = config(uid())
    given = step(20)
    with StatewardSaver.from_url(server.url) as writer:
        at = writer.put(at, given, METADATA, given["channel_versions"])
    with StatewardSaver.from_url(server.url) as reader:
        assert reader.get_tuple(at) is not None
        thread_id = at["configurable"]["thread_id"]
        data = reader.serde.dumps_typed(messages(21))
        patches = reader._bases.patches(thread_id, "", [Value("messages", "x", *data)])
    assert patches["messages"].base.version == "20.5"


def test_values_whose_base_was_deleted(server: Server, uid: Callable[[], str]) -> None:
    thread_id = uid()
    with StatewardSaver.from_url(server.url) as saver:
        for n in range(20, 26):
            given = step(n)
            at = saver.put(config(thread_id), given, METADATA, given["channel_versions"])
            if n % 2:
                saver.delete_thread(thread_id)
            else:
                read = saver.get_tuple(at)
                assert read is not None
                assert read.checkpoint["channel_values"] == given["channel_values"]


def test_a_buffer_that_changes_in_place(server: Server, uid: Callable[[], str]) -> None:
    thread, buffer = uid(), bytearray(random.Random(1).randbytes(2000))
    with StatewardSaver.from_url(server.url) as saver:
        for n in range(5):
            at = checkpoint({"buffer": buffer}, channel_versions={"buffer": f"{n}.5"})
            where = saver.put(config(thread), at, METADATA, {"buffer": f"{n}.5"})
            found = saver.get_tuple(where)
            assert found is not None
            assert found.checkpoint["channel_values"] == {"buffer": buffer}
            buffer = buffer[:-1] + bytearray(b"yz") if n % 2 else buffer
            buffer.extend(b"more" * 100)
