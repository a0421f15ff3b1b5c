"""Serializes and revives lists of messages without doing all of it again.

A channel of messages is serialized anew at each step, though all but the last are what they were.
The serializer asks pydantic for each, which takes several times as long as packing what pydantic
holds. So that is packed, and by it the serializer's bytes are known again: of a message, and of
many that stand in a list where they stood before. Nothing is assumed of the objects: one that was
changed in place has other contents.

The other way round, what pydantic held of a revived message is known by its bytes, and is copied
into a new object. No two lists share a message, nor anything in it.
"""

from __future__ import annotations

import marshal
from collections.abc import Callable
from struct import Struct
from typing import Any, Generic, NamedTuple, TypeVar

import ormsgpack
from langchain_core import messages
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

MEMORY = 16 << 20  # bytes, of messages; as much again of lists
_PIECE = 32  # messages that are known together: so few that the last, incomplete ones cost little
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
_CLASSES = {letter: kind for kind, letter in _KINDS.items()}
_LIST_16, _LIST_32 = Struct(">BH"), Struct(">BI")
_EXT_32 = Struct(">BIB")
_EXTENSIONS = frozenset(bytes([head]) for head in (*range(0xC7, 0xCA), *range(0xD4, 0xD9)))
_DEPTH = 50
_PYDANTIC = 5  # LangGraph's code of an object that pydantic validates
_PLAIN = (bool, bytes, float, int, str, type(None))  # what marshal gives back as it was
_set = object.__setattr__


K = TypeVar("K")
V = TypeVar("V")


class Recent(Generic[K, V]):
    """What was made or asked for lately, within a bound of bytes.

    Threads may share it, and it survives a fork. There are two dicts. When the new one has half of
    the memory it becomes the old one, and what was not asked for since the last time goes. A race
    may cost an entry, so there is no lock.
    """

    def __init__(self, memory: int, size: Callable[[K, V], int]) -> None:
        self._half = memory // 2
        self._size = size
        self._new: dict[K, V] = {}
        self._old: dict[K, V] = {}
        self._bytes = 0  # of _new

    def get(self, key: K) -> V | None:
        found = self._new.get(key)
        if found is None and (found := self._old.get(key)) is not None:
            self.add(key, found)
        return found

    def add(self, key: K, value: V) -> None:
        size = self._size(key, value)
        if size > self._half:
            return
        replaced = self._new.get(key)
        self._new[key] = value
        self._bytes += size - (0 if replaced is None else self._size(key, replaced))
        if self._bytes > self._half:
            self._old, self._new, self._bytes = self._new, {}, 0


class _Piece(NamedTuple):
    """Some messages of a list: what they are and hold, and their bytes."""

    held: tuple[bytes, bytes] | None
    data: bytes


class Known:
    """Bytes of messages by what they hold, what they hold by their bytes, and whole lists."""

    def __init__(self, memory: int = MEMORY) -> None:
        self.messages: Recent[bytes, bytes] = Recent(
            memory, lambda key, data: len(key) + len(data) + _OVERHEAD
        )
        # By the identity of the first message, which only says where to look.
        self.lists: Recent[int, list[_Piece]] = Recent(memory, lambda _, pieces: _size(pieces))


class MessageSerializer:
    """Gives what JsonPlusSerializer gives, sooner."""

    def __init__(self, serde: JsonPlusSerializer, known: Known) -> None:
        self._serde = serde
        self._known = known

    def dumps_typed(self, value: Any) -> tuple[str, bytes]:
        if type(value) is list and value and type(value[0]) in _KINDS:
            data = self._list(value)
            if data is not None:
                return "msgpack", data
        return self._serde.dumps_typed(value)

    def _list(self, items: list[Any]) -> bytes | None:
        """None if it can only be serialized by the serializer, as a whole."""
        at = id(items[0])  # says where to look, no more: all is compared
        known = iter(self._known.lists.get(at) or ())
        pieces: list[_Piece] = []
        for start in range(0, len(items), _PIECE):
            piece = self._piece(items[start : start + _PIECE], next(known, None))
            if piece is None:
                return None
            pieces.append(piece)
        if len(pieces) > 1:
            self._known.lists.add(at, pieces)
        return b"".join([_list_head(len(items)), *(piece.data for piece in pieces)])

    def _piece(self, items: list[Any], known: _Piece | None) -> _Piece | None:
        """The known one, if it holds these messages; None: see _list()."""
        held = _hold(items) if len(items) == _PIECE else None
        if held and known and known.held == held:
            return known
        parts = []
        for item in items:
            part = self._item(item)
            if part is None:
                return None
            parts.append(part)
        return _Piece(held, b"".join(parts))

    def _item(self, item: Any) -> bytes | None:
        """One of a list as it stands there; None if only the list can be serialized as a whole."""
        kind = _KINDS.get(type(item))
        if kind is None:
            return self._pack(item)
        try:
            key = kind + ormsgpack.packb((item.__dict__, item.__pydantic_extra__), option=_OPTIONS)
        except (ormsgpack.MsgpackEncodeError, AttributeError):
            return self._pack(item)
        found = self._known.messages.get(key)
        if found is None and (found := self._pack(item)) is not None:
            self._known.messages.add(key, found)
        return found

    def _pack(self, item: Any) -> bytes | None:
        try:
            type_, data = self._serde.dumps_typed([item])
        except ormsgpack.MsgpackEncodeError:
            return None  # the serializer will say so of the list
        return data[1:] if type_ == "msgpack" else None

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        type_, packed = data
        if type_ == "msgpack" and _begins_with_object(packed):
            return ormsgpack.unpackb(
                packed, ext_hook=self._revive, option=ormsgpack.OPT_NON_STR_KEYS
            )
        return self._serde.loads_typed(data)

    def _revive(self, code: int, data: bytes) -> Any:
        """An object from its bytes."""
        found = self._known.messages.get(data) if code == _PYDANTIC else None
        if found is None:
            value = self._serde.loads_typed(("msgpack", _EXT_32.pack(0xC9, len(data), code) + data))
            if code == _PYDANTIC and (found := _held(value)) is not None and _is_flat(data):
                self._known.messages.add(data, found)
            return value
        letter, fields, extra, given = marshal.loads(found)
        kind = _CLASSES[letter]
        message = object.__new__(kind)
        _set(message, "__dict__", fields)
        _set(message, "__pydantic_extra__", extra)
        _set(message, "__pydantic_fields_set__", given)
        _set(message, "__pydantic_private__", None)
        return message


def _begins_with_object(packed: bytes) -> bool:
    """Whether it is a list whose first item is an extension: mostly a list of messages."""
    head = packed[0] if packed else 0
    first = 1 if 0x90 < head <= 0x9F else {0xDC: 3, 0xDD: 5}.get(head, len(packed))
    return packed[first : first + 1] in _EXTENSIONS


def _is_flat(data: bytes) -> bool:
    """Whether no object stands within it: what becomes of one is for the serializer's allowlist."""
    try:
        ormsgpack.unpackb(data, option=ormsgpack.OPT_NON_STR_KEYS)
    except ValueError:
        return False
    return True


def _held(value: Any) -> bytes | None:
    """What a message holds; None if it is none, or a copy might differ from it."""
    letter = _KINDS.get(type(value))
    if letter is None or value.__pydantic_private__ is not None:
        return None
    held = value.__dict__, value.__pydantic_extra__, value.__pydantic_fields_set__
    return marshal.dumps((letter, *held)) if _is_plain(held) else None


def _is_plain(value: Any, depth: int = 0) -> bool:
    kind = type(value)
    if kind is dict:
        value = [*value.keys(), *value.values()]
    elif kind not in (list, set, tuple):
        return kind in _PLAIN
    return depth < _DEPTH and all(_is_plain(item, depth + 1) for item in value)


def _hold(items: list[Any]) -> tuple[bytes, bytes] | None:
    """A letter for each, and what they hold; None if there is something else among or in them."""
    try:
        kinds = b"".join(map(_KINDS.__getitem__, map(type, items)))
        pairs = [(item.__dict__, item.__pydantic_extra__) for item in items]
        return kinds, ormsgpack.packb(pairs, option=_OPTIONS)
    except (AttributeError, KeyError, ormsgpack.MsgpackEncodeError):
        return None


def _size(pieces: list[_Piece]) -> int:
    held = sum(len(piece.held[1]) for piece in pieces if piece.held)
    return held + sum(len(piece.data) + _OVERHEAD for piece in pieces)


def _list_head(n: int) -> bytes:
    if n < 16:
        return bytes([0x90 | n])
    return _LIST_16.pack(0xDC, n) if n < 1 << 16 else _LIST_32.pack(0xDD, n)


def quick(serde: SerializerProtocol, known: Known) -> SerializerProtocol:
    """The same serializer, but sooner done. Any but LangGraph's own keeps its way."""
    if type(serde) is JsonPlusSerializer and not getattr(serde, "_custom_unpack_ext_hook", True):
        return MessageSerializer(serde, known)
    return serde
