from __future__ import annotations

import pytest

from stateward import frame


def test_round_trip() -> None:
    raw = [b"", b"\x00\xff", b"abc"]
    data = frame.encode({"values": [{"len": len(some)} for some in raw]}, raw)
    reader = frame.Reader(data)
    assert reader.text == b'{"values":[{"len":0},{"len":2},{"len":3}]}'
    assert [reader.take(len(some)) for some in raw] == raw
    reader.end()


def test_bytes() -> None:
    assert frame.encode({"a": 1}, [b"xy", b"z"]) == b'\x07\x00\x00\x00{"a":1}xyz'
    assert frame.encode("ü") == b'\x04\x00\x00\x00"\xc3\xbc"'


@pytest.mark.parametrize("data", [b"", b"\x01\x00\x00", b"\x02\x00\x00\x00x"])
def test_too_short(data: bytes) -> None:
    with pytest.raises(frame.FrameError):
        frame.Reader(data)


@pytest.mark.parametrize("length", [-1, 3, 2**40])
def test_take_beyond_the_end(length: int) -> None:
    reader = frame.Reader(frame.encode({}, [b"ab"]))
    with pytest.raises(frame.FrameError, match="2 bytes are left"):
        reader.take(length)
    assert reader.take(2) == b"ab"


def test_bytes_left_over() -> None:
    reader = frame.Reader(frame.encode({}, [b"ab"]))
    with pytest.raises(frame.FrameError, match="2 bytes"):
        reader.end()
