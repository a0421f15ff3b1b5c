from __future__ import annotations

import json
import math
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from stateward import _serde_json

SERDE = JsonPlusSerializer(allowed_msgpack_modules=None)


@pytest.mark.parametrize(
    "value",
    [
        None,
        {"a": [1, 1.5, 2**70, "ü\u0000\ud83d", True, None, {}]},
        {"a": b"bytes", "b": [HumanMessage("hello", id="m")]},
        {"a": math.inf, "b": -math.inf},
        {"$stateward": ["msgpack", "gA=="]},
        {"$stateward": ["msgpack", {"$stateward": ["a", "b"]}]},
        {"$stateward": "0001.5"},
        {"$stateward": [1, "b"], "c": math.inf},
        {"a": [{"$stateward": 1, "b": 2}]},
        "$stateward",
    ],
)
def test_round_trip(value: Any) -> None:
    assert _serde_json.loads(_serde_json.dumps(value, SERDE), SERDE) == value


def test_a_channel_named_as_the_stand_in_stays_plain() -> None:
    """The service reads the names and versions of channels."""
    for versions in ({"$stateward": "1.5"}, {"$stateward": 1, "other": 2}):
        value = {"channel_versions": versions, "ts": math.inf}
        assert json.loads(_serde_json.dumps(value, SERDE))["channel_versions"] == versions


def test_names_that_are_numbers_become_texts() -> None:
    text = _serde_json.dumps({"a": {2: 2, 1.5: 3, True: 4, None: 5}}, SERDE)
    assert _serde_json.loads(text, SERDE) == {"a": {"2": 2, "1.5": 3, "true": 4, "null": 5}}


def test_nan() -> None:
    text = _serde_json.dumps({"a": math.nan, "b": 1}, SERDE)
    assert math.isnan(_serde_json.loads(text, SERDE)["a"])
    assert json.loads(text)["b"] == 1


def test_what_is_json_stays_plain() -> None:
    value = {"run_id": "r", "step": -1, "bad": object, "nested": {"a": 1, "b": {1: 2}, "c": (3,)}}
    with pytest.raises(TypeError):
        _serde_json.dumps(value, SERDE)
    value["bad"] = {1, 2}
    plain = json.loads(_serde_json.dumps(value, SERDE))
    assert plain["run_id"] == "r"
    assert plain["nested"]["a"] == 1
    assert plain["nested"]["c"] == [3]
