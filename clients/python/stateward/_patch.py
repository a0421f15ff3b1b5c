"""A value as a patch of an earlier one: copies of what stayed, and the bytes that are new.

LangGraph's values grow: a list of messages keeps what it had and gains some at its end, behind a
count at its front. All comparing is done on slices, so that it runs at the speed of memcmp.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

Copy = tuple[int, int]  # offset and length in the earlier value
Part = Copy | bytes

ANCHOR = 32  # bytes that are looked for when the two values go apart
_SKIPS = (3, 24, 200, 1600, 12800)  # where behind that place anchors are taken
_PARTS_MAX = 16
_PART_COST = 24  # bytes that a part takes in the JSON


def make(old: bytes, new: bytes) -> list[Part]:
    """The parts of which `new` consists, in order. One that is bytes alone: nothing is common."""
    tail = _common_tail(old, new)
    end = len(new) - tail
    parts: list[Part] = []
    at_old = at_new = 0
    while at_new < end and len(parts) < _PARTS_MAX:
        length = _common_head(old, at_old, new, at_new, end)
        if length >= ANCHOR:
            _add_copy(parts, at_old, length)
            at_old, at_new = at_old + length, at_new + length
        if at_new == end or at_old >= len(old) - tail:  # what is left was appended
            break
        found = _meet_again(old, at_old, new, at_new, end)
        if found is None:
            break
        if found[1] > at_new:
            parts.append(new[at_new : found[1]])
        at_old, at_new = found
    if at_new < end:
        parts.append(new[at_new:end])
    _add_copy(parts, len(old) - tail, tail)
    return parts


def inserted(parts: Sequence[Part]) -> int:
    """About how many bytes it takes to send them."""
    return sum(_PART_COST + (len(part) if isinstance(part, bytes) else 0) for part in parts)


def _add_copy(parts: list[Part], offset: int, length: int) -> None:
    if length:
        parts.append((offset, length))


def _meet_again(
    old: bytes, at_old: int, new: bytes, at_new: int, end: int
) -> tuple[int, int] | None:
    """Where in both, behind a place at which they differ, the same bytes stand again."""
    for skip in _SKIPS:
        start = at_new + skip
        anchor = new[start : start + ANCHOR]
        if start + ANCHOR > end:
            return None
        found = old.find(anchor, at_old)
        if found < 0:
            found = old.find(anchor, 0, at_old)
        if found >= 0:
            back = 0
            most = min(found, skip)
            while back < most and old[found - back - 1] == new[start - back - 1]:
                back += 1
            return found - back, start - back
    return None


def _common_head(old: bytes, at_old: int, new: bytes, at_new: int, end: int) -> int:
    view = memoryview(old)  # its slices are no copies

    def same(start: int, stop: int) -> bool:
        return new.startswith(view[at_old + start : at_old + stop], at_new + start)

    return _longest(min(len(old) - at_old, end - at_new), same)


def _common_tail(old: bytes, new: bytes) -> int:
    view = memoryview(old)
    behind_old, behind_new = len(old), len(new)

    def same(start: int, stop: int) -> bool:
        return new.startswith(view[behind_old - stop : behind_old - start], behind_new - stop)

    return _longest(min(behind_old, behind_new), same)


def _longest(limit: int, same: Callable[[int, int], bool]) -> int:
    """The largest n <= limit for which the first n bytes are the same."""
    start, step = 0, 256
    stop = min(step, limit)
    while start < limit and same(start, stop):
        step *= 4
        start, stop = stop, min(stop + step, limit)
    while stop - start > 1:
        middle = (start + stop) // 2
        if same(start, middle):
            start = middle
        else:
            stop = middle
    return start
