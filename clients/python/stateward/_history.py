"""From what a DeltaChannel is rebuilt: a value of an ancestor, and the writes since."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from langgraph.checkpoint.base import DeltaChannelHistory, PendingWrite
from langgraph.checkpoint.serde.base import SerializerProtocol

from stateward import _wire
from stateward._wire import Place, Stored
from stateward.transport import Exchange

_PAGE_FIRST, _PAGE_MAX = 16, 128  # checkpoints per request
_ID_MAX = 512  # bytes
_CHANNELS_MAX = 1000  # in one request


def history(
    place: Place, channels: Sequence[str], serde: SerializerProtocol
) -> Exchange[Mapping[str, DeltaChannelHistory]]:
    """For each channel the nearest ancestor's value, and the writes since, oldest first."""
    found: dict[str, DeltaChannelHistory] = {channel: {"writes": []} for channel in channels}
    remaining = set(channels)
    ancestry = _Ancestry(place, [*remaining], serde)
    stored = (yield from ancestry.at(place.checkpoint_id)) if remaining else None
    while stored is not None and stored.parent_id and remaining:
        stored = yield from ancestry.at(stored.parent_id)
        if stored is not None:
            _collect(stored, remaining, found, serde)
    for entry in found.values():
        entry["writes"].reverse()
    return found


def _collect(
    stored: Stored,
    remaining: set[str],
    found: dict[str, DeltaChannelHistory],
    serde: SerializerProtocol,
) -> None:
    for write in reversed(stored.writes):
        if write.channel in remaining:
            pending: PendingWrite = (write.task_id, write.channel, serde.loads_typed(write.data))
            found[write.channel]["writes"].append(pending)
    for value in stored.values:
        if value.channel in remaining:
            found[value.channel]["seed"] = serde.loads_typed((value.type, value.data))
            remaining.discard(value.channel)


class _Ancestry:
    """Checkpoints of a namespace, read in pages.

    A parent's id is nearly always below that of its child: a page that begins with a checkpoint
    holds its next ancestors. Those that stand elsewhere begin a page of their own.
    """

    def __init__(self, place: Place, channels: list[str], serde: SerializerProtocol) -> None:
        self._place = place
        self._channels = channels
        self._serde = serde
        self._size = _PAGE_FIRST
        self._page: dict[str | None, Stored] = {}

    def at(self, checkpoint_id: str | None) -> Exchange[Stored | None]:
        """The checkpoint of an id, or the latest."""
        if checkpoint_id not in self._page:
            yield from self._read(checkpoint_id)
        return self._page.get(checkpoint_id)

    def _read(self, checkpoint_id: str | None) -> Exchange[None]:
        members: dict[str, Any] = {
            "thread_id": self._place.thread_id,
            "ns": self._place.ns,
            "limit": self._size,
            "channels": self._channels if len(self._channels) <= _CHANNELS_MAX else None,
        }
        if checkpoint_id is not None:
            # Ids hold no control characters: nothing lies between an id and that id with a space.
            above = checkpoint_id + " "
            if len(above.encode()) <= _ID_MAX:
                members["before"] = above
            else:
                members["checkpoint_id"] = checkpoint_id
        response = yield _wire.query(members, self._serde)
        page = _wire.read_page(response, self._serde)
        self._page = {stored.place.checkpoint_id: stored for stored in page.items}
        if checkpoint_id is None and page.items:
            self._page[None] = page.items[0]
        self._size = min(self._size * 2, _PAGE_MAX)
