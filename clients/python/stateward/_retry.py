"""Whether and when a request is sent again. No I/O: the transports ask."""

from __future__ import annotations

import logging
import random
import ssl
import time

from stateward._refusals import answer_error, connection_error, nothing_done
from stateward.transport import Request, Response

RETRIES = 3
BUDGET = 10.0  # seconds after the first attempt in which another may start
_DELAYS = (0.1, 0.5, 2.0)  # seconds, each times 0.5 to 1.5
_OUTAGE = 1.0  # seconds

_log = logging.getLogger("stateward")


class NoAnswer(Exception):
    """An exchange that ended without a whole answer.

    `sent`: whether anything may have reached the service. `reused`: on a connection that had
    served before, which the service may have closed meanwhile.
    """

    def __init__(self, cause: BaseException, *, sent: bool, reused: bool = False) -> None:
        super().__init__(str(cause) or type(cause).__name__)
        self.cause = cause
        self.sent = sent
        self.reused = reused

    @property
    def final(self) -> bool:
        """Whether trying again is no use: TLS does not come about, and not for want of a peer."""
        closed = (ssl.SSLEOFError, ssl.SSLZeroReturnError)
        of_tls = isinstance(self.cause, ssl.SSLError) and not isinstance(self.cause, closed)
        return of_tls and not self.sent


class Outage:
    """A while after a request was given up for want of a connection. Thread-safe.

    Requests that begin in it make one attempt: those that queue, as LangGraph's do, would each
    wait for all of theirs. It ends early with the first connection that comes about.
    """

    def __init__(self) -> None:
        self._until = 0.0

    @property
    def lasts(self) -> bool:
        return time.monotonic() < self._until

    def begin(self) -> None:
        self._until = time.monotonic() + _OUTAGE

    def end(self) -> None:
        self._until = 0.0


class Attempts:
    """The attempts of one request. after_...(): seconds to wait, or None to give up."""

    def __init__(self, request: Request, outage: Outage) -> None:
        """outage: that of the transport."""
        self._request = request
        self._outage = outage
        self._in_outage = outage.lasts
        self._started = time.monotonic()
        self._retries = 0
        self.in_doubt = False
        """Whether an attempt may have changed something that no answer tells of."""

    def after(self, outcome: Response | NoAnswer, url: str) -> Response | float:
        """The answer that the request asks for, or seconds to wait; the error if both are none."""
        if isinstance(outcome, NoAnswer):
            delay = self.after_failure(outcome)
            if delay is None:
                raise connection_error(str(outcome), url, self.in_doubt) from outcome.cause
            return delay
        if self._request.is_answered_by(outcome):
            return outcome
        delay = self.after_answer(outcome)
        if delay is None:
            raise answer_error(self._request, outcome, self.in_doubt)
        return delay

    def after_failure(self, failure: NoAnswer) -> float | None:
        if failure.sent and self._request.changes:
            self.in_doubt = True
        if failure.final or (failure.sent and not self._request.idempotent):
            return None
        if failure.reused and self._retries == 0:
            return self._next(0.0)
        if not failure.sent and self._in_outage and self._outage.lasts:
            return None
        delay = self._next(None)
        if delay is None and not failure.sent:
            self._outage.begin()
        return self._told(delay, str(failure))

    def after_answer(self, response: Response) -> float | None:
        undone = nothing_done(response)
        # The service says with 504 that it is not known what was done; so may any proxy with these.
        unknown = response.status in (502, 503, 504) and not undone
        if unknown and self._request.changes:
            self.in_doubt = True
        if undone or (unknown and self._request.idempotent):
            delay = self._next(None, _retry_after(response))
            return self._told(delay, f"HTTP {response.status}")
        return None

    def _told(self, delay: float | None, reason: str) -> float | None:
        """Logs why there is a wait; without one the error says it."""
        if delay is not None:
            _log.info("%s is repeated in %.1f s: %s", self._request.shown, delay, reason)
        return delay

    def _next(self, delay: float | None, at_least: float = 0.0) -> float | None:
        if self._retries == RETRIES:
            return None
        if delay is None:
            delay = _DELAYS[self._retries] * random.uniform(0.5, 1.5)
        if delay < at_least:
            delay = at_least + delay
        if time.monotonic() - self._started + delay > BUDGET:
            return None
        self._retries += 1
        return delay


def _retry_after(response: Response) -> float:
    """Seconds; a date, which the service never sends, counts as none."""
    text = response.headers.get("retry-after", "").strip()
    return float(text) if text.isascii() and text.isdigit() else 0.0
