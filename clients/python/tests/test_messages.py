from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timezone
from enum import Enum
from typing import Any

import ormsgpack
import pytest
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    ChatMessage,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
)
from langgraph.checkpoint.serde.encrypted import EncryptedSerializer
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from pydantic import BaseModel

from stateward import _messages
from stateward._messages import Known, Recent, quick
from stateward.langgraph import StatewardSaver


class Colour(Enum):
    RED = 1


class Text(str):
    pass


class Own(HumanMessage):
    pass


class Reversed:
    """A cipher of sorts."""

    def encrypt(self, plaintext: bytes) -> tuple[str, bytes]:
        return "reversed", plaintext[::-1]

    def decrypt(self, ciphername: str, ciphertext: bytes) -> bytes:
        return ciphertext[::-1]


@dataclass
class Point:
    x: int


CALL = {"name": "look", "args": {"for": ["a", 1, 1.0, True, None]}, "id": "1"}
MESSAGES: list[Any] = [
    HumanMessage("hello", id="1"),
    HumanMessage("", name="ann"),
    HumanMessage(["two", {"type": "text", "text": "parts"}]),
    HumanMessage("extra", more={"of": "this"}),
    HumanMessage("\U0001f600\0\ud800"),
    AIMessage("calls", tool_calls=[CALL]),
    AIMessage("counts", usage_metadata={"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}),
    AIMessage("kwargs", additional_kwargs={"n": 1}),
    AIMessage("kwargs", additional_kwargs={"n": 1.0}),
    AIMessage("kwargs", additional_kwargs={"n": True}),
    AIMessage("kwargs", additional_kwargs={"n": "1"}),
    AIMessage("kwargs", additional_kwargs={"n": b"1"}),
    AIMessage("kwargs", additional_kwargs={"n": bytearray(b"1")}),
    AIMessage("kwargs", additional_kwargs={"n": (1, 2)}),
    AIMessage("kwargs", additional_kwargs={"n": [1, 2]}),
    AIMessage("kwargs", additional_kwargs={"n": {1, 2}}),
    AIMessage("kwargs", additional_kwargs={"n": Text("1")}),
    AIMessage("kwargs", additional_kwargs={"n": Colour.RED}),
    AIMessage("kwargs", additional_kwargs={"n": datetime(2026, 1, 1, tzinfo=timezone.utc)}),
    AIMessage("kwargs", additional_kwargs={"a": 1, "b": 2}),
    AIMessage("kwargs", additional_kwargs={"b": 2, "a": 1}),
    AIMessage("kwargs", response_metadata={"point": Point(1)}),
    AIMessage("nan", additional_kwargs={"n": float("nan")}),
    SystemMessage("be brief"),
    ChatMessage(content="as someone", role="pirate"),
    ToolMessage("found", tool_call_id="1", status="error"),
    ToolMessage("found", tool_call_id="1", artifact=Point(2)),
    RemoveMessage(id="1"),
    AIMessageChunk(content="piece"),
    Own(content="of a class of one's own"),
    None,
    {"role": "user", "content": "a dict"},
    "text",
]


@pytest.fixture
def serde() -> JsonPlusSerializer:
    return JsonPlusSerializer()


def test_the_same_bytes(serde: JsonPlusSerializer) -> None:
    sooner = quick(serde, Known())
    for value in (MESSAGES, MESSAGES[:1], [], None, b"raw", {"m": MESSAGES}, tuple(MESSAGES)):
        for _ in range(2):  # the second one finds what is known
            assert sooner.dumps_typed(value) == serde.dumps_typed(value)
    for message in MESSAGES:
        assert sooner.dumps_typed([message]) == serde.dumps_typed([message])
        assert sooner.dumps_typed(message) == serde.dumps_typed(message)


def test_a_message_that_is_changed_in_place(serde: JsonPlusSerializer) -> None:
    sooner = quick(serde, Known())
    message = AIMessage("before", additional_kwargs={"deep": {"down": [1]}})
    for change in (
        lambda: message.additional_kwargs["deep"]["down"].append(2),
        lambda: setattr(message, "content", "after"),
        lambda: setattr(message, "id", "7"),
        lambda: setattr(message, "beside", "a field of its own"),
        lambda: message.tool_calls.append(CALL),  # type: ignore[arg-type]
    ):
        sooner.dumps_typed([message])
        change()
        assert sooner.dumps_typed([message]) == serde.dumps_typed([message])


def test_random_lists(serde: JsonPlusSerializer) -> None:
    sooner = quick(serde, Known(memory=20_000))  # forgets while it goes on
    chosen = random.Random(3)
    for _ in range(300):
        value = chosen.choices(MESSAGES, k=chosen.randint(1, 40))
        assert sooner.dumps_typed(value) == serde.dumps_typed(value)


def test_what_is_known_is_not_serialized_again(
    serde: JsonPlusSerializer, monkeypatch: pytest.MonkeyPatch
) -> None:
    sooner = quick(serde, Known())
    value = [HumanMessage(str(i)) for i in range(10)]
    sooner.dumps_typed(value)
    asked: list[Any] = []
    original = JsonPlusSerializer.dumps_typed

    def dumps_typed(self: JsonPlusSerializer, obj: Any) -> tuple[str, bytes]:
        asked.append(obj)
        return original(self, obj)

    monkeypatch.setattr(JsonPlusSerializer, "dumps_typed", dumps_typed)
    new = HumanMessage("new")
    sooner.dumps_typed([*value, new])
    assert asked == [[new]]


def test_lists_that_grow_shrink_and_change(serde: JsonPlusSerializer) -> None:
    def look_like_others(value: list[Any]) -> None:
        value[chosen.randrange(len(value))] = chosen.choice(MESSAGES)

    def change_one_in_place(value: list[Any]) -> None:
        message = value[chosen.randrange(len(value))]
        if isinstance(message, HumanMessage | AIMessage):
            message.additional_kwargs["n"] = chosen.choice([1, 1.0, True, None, {1}])

    def gain_a_field(value: list[Any]) -> None:
        message = value[chosen.randrange(len(value))]
        if isinstance(message, HumanMessage):
            message.__dict__["beside"] = chosen.random()

    sooner = quick(serde, Known())
    chosen = random.Random(5)
    for _ in range(30):
        value: list[Any] = [HumanMessage(str(i)) for i in range(chosen.randint(1, 90))]
        for _ in range(40):
            chosen.choice(
                [
                    lambda v: v.append(HumanMessage(str(chosen.random()))),
                    lambda v: v.extend(chosen.choices(MESSAGES, k=3)),
                    lambda v: v.__delitem__(slice(-chosen.randint(1, 4), None)),
                    lambda v: v.pop(0),
                    look_like_others,
                    change_one_in_place,
                    gain_a_field,
                ]
            )(value)
            value = value or [HumanMessage("again")]
            assert sooner.dumps_typed(value) == serde.dumps_typed(value)


@pytest.mark.parametrize("n", [10, 15, 16, 17, 300, 65534, 65535, 65536])
def test_a_list_that_has_grown_by_one(serde: JsonPlusSerializer, n: int) -> None:
    sooner = quick(serde, Known(memory=200 << 20))
    value = [MESSAGES[0]] * n
    assert sooner.dumps_typed(value) == serde.dumps_typed(value)
    for item in (MESSAGES[1], MESSAGES[5], "text"):
        assert sooner.dumps_typed([*value, item]) == serde.dumps_typed([*value, item])


def test_of_a_list_that_has_grown_only_the_end_is_looked_up(
    serde: JsonPlusSerializer, monkeypatch: pytest.MonkeyPatch
) -> None:
    sooner = quick(serde, Known())
    value = [HumanMessage(str(i)) for i in range(70)]
    sooner.dumps_typed(value)
    asked: list[Any] = []
    original = _messages.MessageSerializer._item

    def item(self: _messages.MessageSerializer, message: Any) -> bytes | None:
        asked.append(message)
        return original(self, message)

    monkeypatch.setattr(_messages.MessageSerializer, "_item", item)
    new = [HumanMessage("new"), AIMessage("newer")]
    sooner.dumps_typed([*value, *new])
    assert asked == [*value[64:], *new]
    asked.clear()
    value[40].content = "another"
    sooner.dumps_typed([*value, *new])
    assert asked == [*value[32:], *new]


def small(memory: int = 10_000) -> Recent[bytes, bytes]:
    return Recent(memory, lambda key, value: len(key) + len(value) + 200)


def test_memory_is_bounded() -> None:
    recent = small()
    for i in range(1000):
        recent.add(b"%d" % i, bytes(100))
        there = {**recent._old, **recent._new}
        assert sum(len(k) + len(v) + 200 for k, v in there.items()) <= 10_000 + 600
    assert recent.get(b"0") is None
    assert recent.get(b"999") == bytes(100)


def test_what_is_larger_than_the_memory() -> None:
    recent = small()
    recent.add(b"small", b"x")
    recent.add(b"large", bytes(10_000))
    assert recent.get(b"large") is None
    assert recent.get(b"small") == b"x"


def test_what_is_asked_for_stays() -> None:
    recent = small()
    recent.add(b"kept", b"x")
    for i in range(1000):
        recent.add(b"%d" % i, bytes(100))
        assert recent.get(b"kept") == b"x"


def test_what_is_replaced_takes_no_more_room() -> None:
    recent = small()
    recent.add(b"other", b"x")
    for i in range(1000):
        recent.add(b"one", bytes(i))
    assert recent._new.keys() == {b"other", b"one"}


def test_errors_are_those_of_the_serializer(serde: JsonPlusSerializer) -> None:
    sooner = quick(serde, Known())
    value = [HumanMessage("fine"), HumanMessage("not", additional_kwargs={"n": 1 << 70})]
    with pytest.raises(ormsgpack.MsgpackEncodeError):
        serde.dumps_typed(value)
    with pytest.raises(ormsgpack.MsgpackEncodeError):
        sooner.dumps_typed(value)
    pickles = JsonPlusSerializer(pickle_fallback=True)
    sooner = quick(pickles, Known())
    assert sooner.dumps_typed(value) == pickles.dumps_typed(value)
    assert sooner.dumps_typed(value)[0] == "pickle"


def held(value: Any) -> Any:
    """All that a revived value is made of, with the types of it."""
    if isinstance(value, dict):
        return dict, [(held(k), held(v)) for k, v in value.items()]
    if isinstance(value, list | tuple):
        return type(value), [held(item) for item in value]
    if isinstance(value, BaseModel):
        rest = value.__pydantic_extra__, value.__pydantic_private__
        return type(value), held(value.__dict__), held(rest), value.__pydantic_fields_set__
    return type(value), repr(value)


PACKABLE = [m for m in MESSAGES if not isinstance(getattr(m, "artifact", None), Point)]


def test_the_same_objects(serde: JsonPlusSerializer) -> None:
    sooner = quick(serde, Known())
    deep: Any = []
    for _ in range(60):
        deep = [deep]
    nested = HumanMessage("deep", additional_kwargs={"n": deep})
    values: tuple[Any, ...] = (
        PACKABLE,
        [nested],
        [{1, 2}, *PACKABLE],
        [],
        [[]],
        {"m": PACKABLE},
        b"",
        "text",
        None,
    )
    for value in (*values, *([message] for message in PACKABLE)):
        data = serde.dumps_typed(value)
        for _ in range(3):  # the second and third find what is known
            assert held(sooner.loads_typed(data)) == held(serde.loads_typed(data))
            assert sooner.loads_typed(data) is not sooner.loads_typed(data) or not value


def test_an_allowlist_is_not_remembered() -> None:
    known = Known()
    strict = JsonPlusSerializer(allowed_msgpack_modules=None)
    wider = strict.with_msgpack_allowlist([Colour])
    data = wider.dumps_typed([HumanMessage("hi", additional_kwargs={"colour": Colour.RED})])
    for serde in (strict, wider, strict, wider):
        assert held(quick(serde, known).loads_typed(data)) == held(serde.loads_typed(data))


def test_what_was_revived_is_not_shared(serde: JsonPlusSerializer) -> None:
    sooner = quick(serde, Known())
    whole = AIMessage("of", id="1", tool_calls=[CALL], additional_kwargs={"deep": {"down": [1]}})
    data = serde.dumps_typed([whole, whole])
    for _ in range(3):
        first, second = sooner.loads_typed(data)
        assert held([first, second]) == held(serde.loads_typed(data))
        first.additional_kwargs["deep"]["down"].append(2)
        first.tool_calls[0]["args"]["for"].clear()
        first.content, first.beside = "changed", "a field of its own"
        assert held(second) == held(serde.loads_typed(data)[0])


def test_what_is_known_is_not_revived_again(
    serde: JsonPlusSerializer, monkeypatch: pytest.MonkeyPatch
) -> None:
    sooner = quick(serde, Known())
    value = [HumanMessage(str(i)) for i in range(10)]
    sooner.loads_typed(serde.dumps_typed(value))
    data = serde.dumps_typed([*value, HumanMessage("new")])
    asked: list[Any] = []
    original = JsonPlusSerializer.loads_typed

    def loads_typed(self: JsonPlusSerializer, packed: tuple[str, bytes]) -> Any:
        asked.append(packed)
        return original(self, packed)

    monkeypatch.setattr(JsonPlusSerializer, "loads_typed", loads_typed)
    assert len(sooner.loads_typed(data)) == 11
    assert len(asked) == 1


def test_only_what_is_allowed_is_revived() -> None:
    strict = JsonPlusSerializer(allowed_msgpack_modules=None)
    sooner = quick(strict, Known())
    data = strict.dumps_typed([Own(content="mine"), HumanMessage("theirs")])
    for _ in range(2):
        own, message = sooner.loads_typed(data)
        assert type(own) is dict
        assert type(message) is HumanMessage


@pytest.mark.parametrize("data", [b"\xc1", b"\x91", b"\x91\xc7", b"\x91\xc8\x00\x05\x05", b"\xdc"])
def test_damaged_data(serde: JsonPlusSerializer, data: bytes) -> None:
    for either in (serde, quick(serde, Known())):
        with pytest.raises(ormsgpack.MsgpackDecodeError):
            either.loads_typed(("msgpack", data))


def test_extensions_of_all_sizes(serde: JsonPlusSerializer) -> None:
    sooner = quick(serde, Known())
    for size in (0, 10, 1000, 100_000):
        data = serde.dumps_typed([HumanMessage("x" * size)] * 2)
        for _ in range(2):
            assert held(sooner.loads_typed(data)) == held(serde.loads_typed(data))


def test_extensions_that_hold_nothing(serde: JsonPlusSerializer) -> None:
    def outcome(either: Any, data: bytes) -> Any:
        try:
            return either.loads_typed(("msgpack", data))
        except ValueError as error:
            return type(error), str(error)

    sooner = quick(serde, Known())
    for code in range(9):
        for head in (b"\xd4", b"\xc7\x01"):
            data = b"\x91" + head + bytes([code]) + b"\x01"
            assert outcome(sooner, data) == outcome(serde, data)


def test_other_serializers_are_left_alone(serde: JsonPlusSerializer) -> None:
    class Theirs(JsonPlusSerializer):
        pass

    encrypted = EncryptedSerializer(Reversed(), serde)
    hooked = JsonPlusSerializer(__unpack_ext_hook__=lambda code, data: (code, data))
    for other in (Theirs(), encrypted, hooked):
        assert quick(other, Known()) is other


def test_the_saver_follows_its_serializer() -> None:
    saver = StatewardSaver.from_url("http://127.0.0.1:1")
    assert isinstance(saver._quick, _messages.MessageSerializer)
    saver.serde = EncryptedSerializer(Reversed())
    now: Any = saver._quick
    assert now is saver.serde


def test_threads(serde: JsonPlusSerializer) -> None:
    sooner = quick(serde, Known(memory=5_000))

    def wrong(seed: int) -> list[Any]:
        chosen = random.Random(seed)
        values = [chosen.choices(MESSAGES[:12], k=8) for _ in range(100)]
        packed = [(v, sooner.dumps_typed(v)) for v in values]
        return [
            v
            for v, data in packed
            if data != serde.dumps_typed(v)
            or held(sooner.loads_typed(data)) != held(serde.loads_typed(data))
        ]

    with ThreadPoolExecutor(4) as pool:
        assert not any(pool.map(wrong, range(4)))
