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

from stateward import _messages
from stateward._messages import Known, writing
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
    quick = writing(serde, Known())
    for value in (MESSAGES, MESSAGES[:1], [], None, b"raw", {"m": MESSAGES}, tuple(MESSAGES)):
        for _ in range(2):  # the second one finds what is known
            assert quick.dumps_typed(value) == serde.dumps_typed(value)
    for message in MESSAGES:
        assert quick.dumps_typed([message]) == serde.dumps_typed([message])
        assert quick.dumps_typed(message) == serde.dumps_typed(message)


@pytest.mark.parametrize("n", [15, 16, 65535, 65536])
def test_heads_of_lists(serde: JsonPlusSerializer, n: int) -> None:
    value = [MESSAGES[0]] * n
    assert writing(serde, Known()).dumps_typed(value) == serde.dumps_typed(value)


def test_a_message_that_is_changed_in_place(serde: JsonPlusSerializer) -> None:
    quick = writing(serde, Known())
    message = AIMessage("before", additional_kwargs={"deep": {"down": [1]}})
    for change in (
        lambda: message.additional_kwargs["deep"]["down"].append(2),
        lambda: setattr(message, "content", "after"),
        lambda: setattr(message, "id", "7"),
        lambda: setattr(message, "beside", "a field of its own"),
        lambda: message.tool_calls.append(CALL),  # type: ignore[arg-type]
    ):
        quick.dumps_typed([message])
        change()
        assert quick.dumps_typed([message]) == serde.dumps_typed([message])


def test_random_lists(serde: JsonPlusSerializer) -> None:
    quick = writing(serde, Known(memory=20_000))  # forgets while it goes on
    chosen = random.Random(3)
    for _ in range(300):
        value = chosen.choices(MESSAGES, k=chosen.randint(1, 40))
        assert quick.dumps_typed(value) == serde.dumps_typed(value)


def test_what_is_known_is_not_serialized_again(
    serde: JsonPlusSerializer, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = writing(serde, Known())
    value = [HumanMessage(str(i)) for i in range(10)]
    quick.dumps_typed(value)
    asked: list[Any] = []
    original = JsonPlusSerializer.dumps_typed

    def dumps_typed(self: JsonPlusSerializer, obj: Any) -> tuple[str, bytes]:
        asked.append(obj)
        return original(self, obj)

    monkeypatch.setattr(JsonPlusSerializer, "dumps_typed", dumps_typed)
    new = HumanMessage("new")
    quick.dumps_typed([*value, new])
    assert asked == [[new]]


def test_memory_is_bounded() -> None:
    known = Known(memory=10_000)
    for i in range(1000):
        known.add(b"%d" % i, bytes(100))
        held = {**known._old, **known._new}
        assert sum(len(k) + len(v) + _messages._OVERHEAD for k, v in held.items()) <= 10_000 + 600
    assert known.get(b"0") is None
    assert known.get(b"999") == bytes(100)


def test_what_is_asked_for_stays() -> None:
    known = Known(memory=10_000)
    known.add(b"kept", b"x")
    for i in range(1000):
        known.add(b"%d" % i, bytes(100))
        assert known.get(b"kept") == b"x"


def test_errors_are_those_of_the_serializer(serde: JsonPlusSerializer) -> None:
    quick = writing(serde, Known())
    value = [HumanMessage("fine"), HumanMessage("not", additional_kwargs={"n": 1 << 70})]
    with pytest.raises(ormsgpack.MsgpackEncodeError):
        serde.dumps_typed(value)
    with pytest.raises(ormsgpack.MsgpackEncodeError):
        quick.dumps_typed(value)
    pickles = JsonPlusSerializer(pickle_fallback=True)
    quick = writing(pickles, Known())
    assert quick.dumps_typed(value) == pickles.dumps_typed(value)
    assert quick.dumps_typed(value)[0] == "pickle"


def test_other_serializers_are_left_alone(serde: JsonPlusSerializer) -> None:
    class Theirs(JsonPlusSerializer):
        pass

    encrypted = EncryptedSerializer(Reversed(), serde)
    for other in (Theirs(), encrypted):
        assert writing(other, Known()) is other


def test_the_saver_follows_its_serializer() -> None:
    saver = StatewardSaver.from_url("http://127.0.0.1:1")
    assert isinstance(saver._writing, _messages.MessageSerializer)
    saver.serde = EncryptedSerializer(Reversed())
    writing_now: Any = saver._writing
    assert writing_now is saver.serde


def test_threads(serde: JsonPlusSerializer) -> None:
    quick = writing(serde, Known(memory=5_000))

    def wrong(seed: int) -> list[Any]:
        chosen = random.Random(seed)
        values = [chosen.choices(MESSAGES[:12], k=8) for _ in range(100)]
        return [v for v in values if quick.dumps_typed(v) != serde.dumps_typed(v)]

    with ThreadPoolExecutor(4) as pool:
        assert not any(pool.map(wrong, range(4)))
