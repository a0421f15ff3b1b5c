"""Serializes lists of messages without doing all of it again.

A channel of messages is serialized anew at each step, though all but the last are what they were.
The serializer asks pydantic for each, which takes several times as long as packing what pydantic
holds. So that is packed, and by it the serializer's bytes of a message are known again. Nothing is
assumed of the objects: one that was changed in place has other contents.
"""

from __future__ import annotations

from struct import Struct
from typing import Any

import ormsgpack
from langchain_core import messages
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

MEMORY = 16 << 20  # bytes
_OVERHEAD = 200  # bytes of an entry beside its data

# What these pack by their own rules is refused here, so that two contents never look alike.
_OPTIONS = (
    ormsgpack.OPT_PASSTHROUGH_DATACLASS
    | ormsgpack.OPT_PASSTHROUGH_DATETIME
    | ormsgpack.OPT_PASSTHROUGH_ENUM
    | ormsgpack.OPT_PASSTHROUGH_SUBCLASS
    | ormsgpack.OPT_PASSTHROUGH_UUID
)
# Of these pydantic dumps the fields and what else was given, nothing that is computed.
_KINDS: dict[type[Any], bytes] = {
    messages.AIMessage: b"a",
    messages.ChatMessage: b"c",
    messages.HumanMessage: b"h",
    messages.SystemMessage: b"s",
    messages.ToolMessage: b"t",
}
_LIST_16, _LIST_32 = Struct(">BH"), Struct(">BI")


class Known:
    """Bytes of messages by what they were made of. Threads may share it, and it survives a fork.

    There are two dicts. When the new one has half of the memory it becomes the old one, and what
    was not asked for since the last time goes. A race may cost an entry, so there is no lock.
    """

    def __init__(self, memory: int = MEMORY) -> None:
        self._half = memory // 2
        self._new: dict[bytes, bytes] = {}
        self._old: dict[bytes, bytes] = {}
        self._bytes = 0  # of _new

    def get(self, key: bytes) -> bytes | None:
        found = self._new.get(key)
        if found is None and (found := self._old.get(key)) is not None:
            self.add(key, found)
        return found

    def add(self, key: bytes, data: bytes) -> None:
        self._new[key] = data
        self._bytes += len(key) + len(data) + _OVERHEAD
        if self._bytes > self._half:
            self._old, self._new, self._bytes = self._new, {}, 0


class MessageSerializer:
    """Gives the bytes that JsonPlusSerializer gives, sooner."""

    def __init__(self, serde: JsonPlusSerializer, known: Known) -> None:
        self._serde = serde
        self._known = known
        self.loads_typed = serde.loads_typed

    def dumps_typed(self, value: Any) -> tuple[str, bytes]:
        if type(value) is list and value and type(value[0]) in _KINDS:
            parts = [_list_head(len(value))]
            for item in value:
                part = self._item(item)
                if part is None:
                    break
                parts.append(part)
            else:
                return "msgpack", b"".join(parts)
        return self._serde.dumps_typed(value)

    def _item(self, item: Any) -> bytes | None:
        """One of a list as it stands there; None if only the list can be serialized as a whole."""
        kind = _KINDS.get(type(item))
        if kind is None:
            return self._pack(item)
        try:
            key = kind + ormsgpack.packb((item.__dict__, item.__pydantic_extra__), option=_OPTIONS)
        except (ormsgpack.MsgpackEncodeError, AttributeError):
            return self._pack(item)
        found = self._known.get(key)
        if found is None and (found := self._pack(item)) is not None:
            self._known.add(key, found)
        return found

    def _pack(self, item: Any) -> bytes | None:
        try:
            type_, data = self._serde.dumps_typed([item])
        except ormsgpack.MsgpackEncodeError:
            return None  # the serializer will say so of the list
        return data[1:] if type_ == "msgpack" else None


def _list_head(n: int) -> bytes:
    if n < 16:
        return bytes([0x90 | n])
    return _LIST_16.pack(0xDC, n) if n < 1 << 16 else _LIST_32.pack(0xDD, n)


def writing(serde: SerializerProtocol, known: Known) -> SerializerProtocol:
    """The serializer for what is written. Any but LangGraph's own keeps its way."""
    return MessageSerializer(serde, known) if type(serde) is JsonPlusSerializer else serde
