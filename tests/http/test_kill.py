"""kill -9: nothing acknowledged is lost, nothing is doubled."""

from __future__ import annotations

from typing import Any

from killing import CLIENTS, Killing


def test_kill(own: Any) -> None:
    killing = Killing(own())
    while killing.kills < 20:
        killing.round(longest_s=3.5)
    assert killing.interrupted() == 20 * CLIENTS and killing.killed_starts == 5
    killing.check()
    assert killing.acknowledged() > 20 * CLIENTS
