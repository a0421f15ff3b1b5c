"""application/vnd.stateward.frame: JSON with raw bytes behind it.

u32 little-endian length of the JSON | the JSON | the raw bytes, in the order of their `len`
"""

from __future__ import annotations

from collections.abc import Iterable
from struct import Struct
from typing import Any

from stateward.transport import json_bytes

FRAME_TYPE = "application/vnd.stateward.frame"

_LENGTH = Struct("<I")


class FrameError(ValueError):
    """The bytes are not a frame."""


def encode(head: Any, raw: Iterable[bytes] = ()) -> bytes:
    """A frame of JSON and the bytes that its `len` members announce, in their order."""
    return encode_text(json_bytes(head), raw)


def encode_text(head: bytes, raw: Iterable[bytes] = ()) -> bytes:
    """The same for JSON that is text already."""
    return b"".join([_LENGTH.pack(len(head)), head, *raw])


class Reader:
    """Takes a frame apart."""

    def __init__(self, frame: bytes) -> None:
        if len(frame) < _LENGTH.size:
            raise FrameError(f"the frame is too short: {len(frame)} bytes")
        (length,) = _LENGTH.unpack_from(frame)
        self._frame = frame
        self._at = _LENGTH.size + length
        if self._at > len(frame):
            raise FrameError(f"the frame says {length} bytes of JSON, but is {len(frame)} long")
        self.text = frame[_LENGTH.size : self._at]
        """The JSON, not validated."""

    def take(self, length: int) -> bytes:
        """The next raw bytes."""
        end = self._at + length
        if length < 0 or end > len(self._frame):
            raise FrameError(f"`len` is {length}, but {len(self._frame) - self._at} bytes are left")
        taken = self._frame[self._at : end]
        self._at = end
        return taken

    def end(self) -> None:
        """Checks that every raw byte has been taken."""
        if self._at != len(self._frame):
            raise FrameError(f"{len(self._frame) - self._at} bytes of the frame belong to nothing")
