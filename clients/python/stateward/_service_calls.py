"""The calls about the service itself; `_calls.py` has the others."""

from __future__ import annotations

from typing import Any

from stateward import types
from stateward.transport import Exchange, Request, path


def health() -> Exchange[types.Health]:
    """The service's report on its stores; `status` is healthy, degraded or unhealthy."""
    response = yield Request("GET", "/health", expected=(503,))
    return response.record(types.Health)


def live() -> Exchange[types.Probe]:
    """Whether the process answers; no store is asked."""
    response = yield Request("GET", "/health/live")
    return response.record(types.Probe)


def ready() -> Exchange[types.Probe]:
    """`status` is "ready", "starting" or "draining"."""
    response = yield Request("GET", "/health/ready", expected=(503,))
    return response.record(types.Probe)


def startup() -> Exchange[types.Probe]:
    """`status` is "started" once the store has answered, "starting" before."""
    response = yield Request("GET", "/health/startup", expected=(503,))
    return response.record(types.Probe)


def metrics() -> Exchange[str]:
    """Counters and histograms, as Prometheus reads them."""
    response = yield Request("GET", "/metrics", answer="text/plain")
    return response.text()


def stats(*, fresh: bool = False) -> Exchange[types.Stats]:
    """Totals and operation times; fresh: counted now, not within the last 10 seconds."""
    response = yield Request("GET", path("stats", query={"fresh": fresh or None}))
    return response.record(types.Stats)


def openapi() -> Exchange[dict[str, Any]]:
    """The description of this API, as the service has it."""
    response = yield Request("GET", "/openapi.json")
    return response.record(dict)
