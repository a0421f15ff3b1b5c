"""The calls about the service itself; `_calls.py` has the others."""

from __future__ import annotations

from typing import Any, cast

from stateward import types
from stateward.transport import Exchange, Request, path


def health() -> Exchange[types.Health]:
    """The service's report on its stores; `status` is healthy, degraded or unhealthy."""
    response = yield Request("GET", "/health", expected=(503,))
    return cast(types.Health, response.json())


def live() -> Exchange[types.Probe]:
    """Whether the process answers; no store is asked."""
    response = yield Request("GET", "/health/live")
    return cast(types.Probe, response.json())


def ready() -> Exchange[types.Probe]:
    """`status` is "ready", "starting" or "draining"."""
    response = yield Request("GET", "/health/ready", expected=(503,))
    return cast(types.Probe, response.json())


def startup() -> Exchange[types.Probe]:
    """`status` is "started" once the store has answered, "starting" before."""
    response = yield Request("GET", "/health/startup", expected=(503,))
    return cast(types.Probe, response.json())


def metrics() -> Exchange[str]:
    """Counters and histograms, as Prometheus reads them."""
    response = yield Request("GET", "/metrics")
    return response.body.decode()


def stats(*, fresh: bool = False) -> Exchange[types.Stats]:
    """Totals and operation times; fresh: counted now, not within the last 10 seconds."""
    response = yield Request("GET", path("stats", query={"fresh": fresh or None}))
    return cast(types.Stats, response.json())


def openapi() -> Exchange[dict[str, Any]]:
    """The description of this API, as the service has it."""
    response = yield Request("GET", "/openapi.json")
    return cast("dict[str, Any]", response.json())
