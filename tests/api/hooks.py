"""What the schema of the API cannot tell schemathesis."""

from __future__ import annotations

import pathlib
import re
import sys
from typing import Any

import schemathesis
from schemathesis.core.failures import Failure
from schemathesis.openapi.checks import RejectedPositiveData, UseAfterFree

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "http"))

import frames  # noqa: E402

# Refusals of a body or query that fits the schema, which cannot compare one part with another.
BEYOND_THE_SCHEMA = (
    "not a cursor of this list",
    "no checkpoint in this list has this id",
    "keep_last or before is needed",
    "must be another thread",
    "the same as that of /writes/",
    "must be in checkpoint.channel_versions, with the version written alike",
    "is given more than once",
    "an earlier value has this channel already",
    "this channel is in values too",
    # Lengths count bytes here, but characters in a schema.
    " bytes",
)


@schemathesis.hook
def filter_failure(context: schemathesis.HookContext, failure: Failure, case: schemathesis.Case,
                   response: schemathesis.Response) -> bool:
    if isinstance(failure, RejectedPositiveData) and response.status_code == 400:
        detail = response.json()["detail"]
        return not any(text in detail for text in BEYOND_THE_SCHEMA)
    if isinstance(failure, UseAfterFree) and response.status_code == 200:
        return any(response.json().get(name) != [] for name in ("items", "messages") if name in response.json())
    return True


@schemathesis.hook
def map_headers(context: schemathesis.HookContext, headers: dict[str, Any]) -> dict[str, Any]:
    """Hardly a version that is made up is that of a record, so nearly all would be 412."""
    version = re.fullmatch('"([1-9][0-9]{0,17})"', str(headers.get("If-Match", "")))
    if version and int(version[1]) % 8:
        return {name: value for name, value in headers.items() if name != "If-Match"}
    return headers


@schemathesis.deserializer(frames.TYPE)
def read_frame(context: schemathesis.DeserializationContext,
               response: schemathesis.Response) -> Any:
    """To the schema a frame is a string; here it is checked that it is a whole one."""
    frames.unpack(response.content)
    return ""
