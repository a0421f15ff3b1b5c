"""A LangGraph checkpointer that keeps its state in the stateward service.

    with StatewardSaver.from_url("http://127.0.0.1:8080") as saver:
        graph = builder.compile(checkpointer=saver)

Sync and async methods each have a connection pool of their own kind; no call hops threads. One
saver may serve many threads and event loops at once.
"""

from __future__ import annotations

import builtins
import random
import ssl
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Collection,
    Generator,
    Iterator,
    Mapping,
    Sequence,
)
from datetime import datetime
from typing import TYPE_CHECKING, Any, NoReturn, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    DeltaChannelHistory,
    get_checkpoint_id,
    get_checkpoint_metadata,
)
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.serde.types import TASKS

from stateward import _bases, _calls, _history, _messages, _wire, types
from stateward._async import AsyncTransport
from stateward._bases import Bases
from stateward._sync import SyncTransport
from stateward._wire import Page, Place, Stored, Write
from stateward.errors import BaseMissing, NotFoundError, UnsupportedError
from stateward.transport import TIMEOUT, Exchange, listed

if TYPE_CHECKING:
    from typing_extensions import Self

_PAGE_FIRST, _PAGE_MAX = 10, 100  # checkpoints per request of a listing
_STRATEGIES = ("keep_latest", "delete")


class StatewardSaver(BaseCheckpointSaver[str]):
    """The saver. Use it with `with`, with `async with`, or with `close()` and `aclose()`.

    Unless another serializer is given, msgpack data revives only the types that LangGraph calls
    safe (CVE-2026-28277). `with_allowlist()` adds yours; with LANGGRAPH_STRICT_MSGPACK=true
    LangGraph adds those of the graph's state by itself.
    """

    def __init__(
        self,
        transport: SyncTransport,
        async_transport: AsyncTransport | None = None,
        *,
        serde: SerializerProtocol | None = None,
        patch_memory: int = _bases.MEMORY,
    ) -> None:
        """patch_memory: bytes for the last values, of which patches are sent; 0: always whole."""
        if isinstance(transport, str) or async_transport is None:
            raise TypeError(f"use {type(self).__name__}.from_url(url)")
        super().__init__(serde=serde or JsonPlusSerializer(allowed_msgpack_modules=None))
        self._bases = Bases(patch_memory)
        self._known = _messages.Known()
        self._sync = transport
        self._async = async_transport

    @classmethod
    def from_url(
        cls,
        url: str,
        token: str | None = None,
        *,
        timeout: float = TIMEOUT,
        ssl_context: ssl.SSLContext | None = None,
        serde: SerializerProtocol | None = None,
        patch_memory: int = _bases.MEMORY,
    ) -> Self:
        """Connects at the first call, not now. timeout: seconds without a byte."""
        return cls(
            SyncTransport(url, token, timeout=timeout, ssl_context=ssl_context),
            AsyncTransport(url, token, timeout=timeout, ssl_context=ssl_context),
            serde=serde,
            patch_memory=patch_memory,
        )

    def setup(self) -> Awaitable[None]:
        """Does nothing. For code that calls it, with or without await, as other savers need it."""
        return _Done()

    def close(self) -> None:
        """Closes the idle connections of the sync methods. Twice is fine."""
        self._sync.close()

    async def aclose(self) -> None:
        """Closes the connections of this event loop, and the idle ones of the sync methods."""
        await self._async.aclose()
        self._sync.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    def __copy__(self) -> Self:
        # for with_allowlist()
        made = object.__new__(type(self))
        made.__dict__.update(self.__dict__)
        return made

    def __reduce__(self) -> NoReturn:
        name = type(self).__name__
        raise TypeError(
            f"{name} holds connections, so it cannot be pickled: make another by {name}.from_url()"
        )

    def with_allowlist(self, extra_allowlist: Collection[tuple[str, ...]]) -> Self:
        """This saver, but msgpack data revives these types, too: (module, name).

        Both have the same connections: closing one closes those of the other.
        """
        return cast("Self", super().with_allowlist(extra_allowlist))

    def get_next_version(self, current: str | None, channel: None) -> str:
        # A random part: with plain numbers two forks of a thread would give one version to two
        # values. Threads of other savers may have plain numbers.
        number = 0 if current is None else int(str(current).split(".")[0])
        return f"{number + 1:032}.{random.random():016}"

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        return self._sync.run(self._get_tuple(config))

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        return await self._async.run(self._get_tuple(config))

    def list(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        listing = _Listing(config, filter, before, limit)
        while listing.more:
            yield from self._sync.run(self._list_page(listing))

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        listing = _Listing(config, filter, before, limit)
        while listing.more:
            for item in await self._async.run(self._list_page(listing)):
                yield item

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        return self._sync.run(self._put(config, checkpoint, metadata, new_versions))

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        return await self._async.run(self._put(config, checkpoint, metadata, new_versions))

    def put_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        self._sync.run(self._put_writes(config, writes, task_id, task_path))

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        await self._async.run(self._put_writes(config, writes, task_id, task_path))

    def delete_thread(self, thread_id: str) -> None:
        self._sync.run(_calls.delete_thread(_id(thread_id)))

    async def adelete_thread(self, thread_id: str) -> None:
        await self._async.run(_calls.delete_thread(_id(thread_id)))

    def delete_for_runs(self, run_ids: Sequence[str]) -> None:
        self._sync.run(_delete_for_runs(run_ids))

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        await self._async.run(_delete_for_runs(run_ids))

    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        self._sync.run(_copy_thread(source_thread_id, target_thread_id))

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        await self._async.run(_copy_thread(source_thread_id, target_thread_id))

    def prune(
        self,
        thread_ids: Sequence[str],
        *,
        strategy: str = "keep_latest",
        keep_last: int | None = None,
        older_than: datetime | str | None = None,
    ) -> None:
        """Removes old checkpoints, of each namespace of the threads.

        keep_last: so many of the newest stay (1). older_than: only what was put before that time
        goes. What a checkpoint that stays is rebuilt from stays too, of a DeltaChannel as well.
        """
        self._sync.run(_prune(thread_ids, strategy, keep_last, older_than))

    async def aprune(
        self,
        thread_ids: Sequence[str],
        *,
        strategy: str = "keep_latest",
        keep_last: int | None = None,
        older_than: datetime | str | None = None,
    ) -> None:
        """Removes old checkpoints; see prune()."""
        await self._async.run(_prune(thread_ids, strategy, keep_last, older_than))

    def get_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """What a DeltaChannel is rebuilt from; ancestors are read in pages."""
        return self._sync.run(_history.history(_place(config), channels, self._quick))

    async def aget_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """What a DeltaChannel is rebuilt from; ancestors are read in pages."""
        return await self._async.run(_history.history(_place(config), channels, self._quick))

    @property
    def _quick(self) -> SerializerProtocol:
        return _messages.quick(self.serde, self._known)

    def _get_tuple(self, config: RunnableConfig) -> Exchange[CheckpointTuple | None]:
        try:
            response = yield _wire.get(_place(config))
        except NotFoundError:
            return None
        stored = _wire.read_checkpoint(response, self._quick)
        self._bases.remember(stored.place.thread_id, stored.place.ns, stored.values)
        sends = yield from _pending_sends(stored, [])
        return self._tuple(stored, sends)

    def _list_page(self, listing: _Listing) -> Exchange[builtins.list[CheckpointTuple]]:
        response = yield _wire.query(listing.members(), self._quick)
        page = _wire.read_page(response, self._quick)
        listing.advance(page)
        tuples = []
        for stored in page.items:
            sends = yield from _pending_sends(stored, page.items)
            tuples.append(self._tuple(stored, sends))
        return tuples

    def _put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> Exchange[RunnableConfig]:
        place = _place(config)
        metadata = get_checkpoint_metadata(config, metadata)
        put = _wire.Put.of(place, checkpoint, metadata, new_versions, self._quick)
        patches = self._bases.patches(place.thread_id, place.ns, put.values)
        try:
            yield from put.send(patches)
        except (BaseMissing, UnsupportedError) as error:
            if not patches:
                raise
            if isinstance(error, UnsupportedError):
                self._bases.refused()
            yield from put.send({})
        self._bases.remember(place.thread_id, place.ns, put.values)
        return _config(Place(place.thread_id, place.ns, checkpoint["id"]))

    def _put_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str,
    ) -> Exchange[None]:
        place = _place(config)
        if place.checkpoint_id is None:
            raise KeyError("checkpoint_id")
        yield from _wire.put_writes(place, writes, task_id, task_path, self._quick)

    def _tuple(self, stored: Stored, sends: builtins.list[Write]) -> CheckpointTuple:
        load = self._quick.loads_typed
        checkpoint = cast(Checkpoint, stored.checkpoint)
        checkpoint["channel_values"] = {
            value.channel: load((value.type, value.data)) for value in stored.values
        }
        if sends:
            versions = checkpoint["channel_versions"]
            checkpoint["channel_values"][TASKS] = [load(send.data) for send in sends]
            versions[TASKS] = (
                max(cast("builtins.list[str]", [*versions.values()]))
                if versions
                else self.get_next_version(None, None)
            )
        place = stored.place
        parent = stored.parent_id
        return CheckpointTuple(
            _config(place),
            checkpoint,
            stored.metadata,
            _config(Place(place.thread_id, place.ns, parent)) if parent else None,
            [(write.task_id, write.channel, load(write.data)) for write in stored.writes],
        )


class _Done:
    """May be awaited, but need not be."""

    def __await__(self) -> Generator[Any, Any, None]:
        yield from ()


class _Listing:
    """Where a listing is: what is asked for, how much is left, and from where."""

    def __init__(
        self,
        config: RunnableConfig | None,
        filter: dict[str, Any] | None,
        before: RunnableConfig | None,
        limit: int | None,
    ) -> None:
        configurable = config["configurable"] if config else {}
        self._members: dict[str, Any] = {
            "thread_id": _thread_id(configurable) if config else None,
            "ns": configurable.get("checkpoint_ns"),
            "checkpoint_id": configurable.get("checkpoint_id") or None,
            "before": (get_checkpoint_id(before) or None) if before else None,
            "filter": filter or None,
            "cursor": None,
        }
        self._left = limit
        self._size = _PAGE_FIRST
        self.more = limit is None or limit > 0

    def members(self) -> dict[str, Any]:
        limit = self._size if self._left is None else min(self._size, self._left)
        return {**self._members, "limit": limit}

    def advance(self, page: Page) -> None:
        self._members["cursor"] = page.cursor
        self._size = min(self._size * 2, _PAGE_MAX)
        if self._left is not None:
            self._left -= len(page.items)
        self.more = page.cursor is not None and self._left != 0


def _id(given: object, name: str = "thread_id") -> str:
    if given is None:  # as a text it would be one thread for all who forgot theirs
        raise ValueError(f"{name} is None")
    return str(given)


def _thread_id(configurable: Mapping[str, Any]) -> str:
    return _id(configurable["thread_id"])


def _place(config: RunnableConfig) -> Place:
    configurable = config["configurable"]
    return Place(
        _thread_id(configurable),
        configurable.get("checkpoint_ns") or "",
        get_checkpoint_id(config) or None,
    )


def _config(place: Place) -> RunnableConfig:
    return {
        "configurable": {
            "thread_id": place.thread_id,
            "checkpoint_ns": place.ns,
            "checkpoint_id": place.checkpoint_id,
        }
    }


def _pending_sends(stored: Stored, near: builtins.list[Stored]) -> Exchange[builtins.list[Write]]:
    """What checkpoints before version 4 have as the parent's writes: their sends."""
    if stored.checkpoint.get("v", 4) >= 4 or not stored.parent_id:
        return []
    parent = Place(stored.place.thread_id, stored.place.ns, stored.parent_id)
    writes = next((other.writes for other in near if other.place == parent), None)
    if writes is None:
        response = yield _wire.get_writes(parent)
        writes = _wire.read_writes(response)
    return [write for write in writes if write.channel == TASKS]


def _copy_thread(source: str, target: str) -> Exchange[types.Copied]:
    return _calls.copy_thread(_id(source, "source_thread_id"), _id(target, "target_thread_id"))


def _delete_for_runs(run_ids: Sequence[str]) -> Exchange[None]:
    ids = [_id(run_id, "run_id") for run_id in listed("run_ids", run_ids)]
    for some in _calls.in_batches(ids):
        yield from _calls.delete_runs(some)


def _prune(
    thread_ids: Sequence[str],
    strategy: str,
    keep_last: int | None,
    older_than: datetime | str | None,
) -> Exchange[None]:
    ids = [_id(thread_id) for thread_id in listed("thread_ids", thread_ids)]
    if strategy not in _STRATEGIES:
        raise ValueError(f"Unknown prune strategy: {strategy!r}")
    if strategy == "delete" and (keep_last is not None or older_than is not None):
        raise ValueError("keep_last and older_than do not go with strategy 'delete'")
    for some in _calls.in_batches(ids):
        yield from _calls.prune(some, strategy=strategy, keep_last=keep_last, older_than=older_than)
