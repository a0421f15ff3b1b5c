"""Exceptions of the package, one for each problem code of the service."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stateward.transport import Request, Response


class StorageError(Exception):
    """The base of all others; also `storage_error` and any code that has no class of its own."""

    def __init__(
        self,
        message: str,
        *,
        code: str = "storage_error",
        status: int = 0,
        request_id: str | None = None,
        problem: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        """The HTTP status; 0 when there was no answer."""
        self.request_id = request_id
        self.problem = problem or {}
        """The whole application/problem+json object."""


class StorageConnectionError(StorageError):
    """The service cannot be reached, or it cannot reach its store."""


class NotFoundError(StorageError):
    """There is no such thing."""


class SessionNotFoundError(NotFoundError):
    """There is no such session."""


class InvalidRequestError(StorageError):
    """The service does not understand the request; `problem["errors"]` says where."""


class UnauthorizedError(StorageError):
    """No token, or one that the service does not know."""


class ForbiddenError(StorageError):
    """The token lacks the scope."""


class ConflictError(StorageError):
    """The request does not fit what is stored."""


class SessionExistsError(ConflictError):
    """A session of that id exists."""


class ThreadExistsError(ConflictError):
    """The target of a copy holds something."""


class FormMismatch(ConflictError):
    """The thread holds checkpoints of the other form (documents or channels)."""


class BaseMissing(ConflictError):
    """The earlier version that a patch refers to is not stored: send the whole value."""


class PreconditionFailed(StorageError):
    """The record is not of the version that If-Match named."""


class TooLargeError(StorageError):
    """A body or a member passes a limit."""


class KeyReusedError(StorageError):
    """The idempotency key was used with another body."""


class RateLimitedError(StorageError):
    """Too many requests."""


class UnsupportedError(StorageError):
    """The store, or this version of the service, cannot do that."""


class OverloadedError(StorageError):
    """A queue or a limit of the service is full; nothing was done."""


class OutcomeUnknown(StorageError):
    """No answer came from the service, or from its store: the change may have happened or not."""


_BY_CODE: dict[str, type[StorageError]] = {
    "invalid_request": InvalidRequestError,
    "unauthorized": UnauthorizedError,
    "forbidden": ForbiddenError,
    "not_found": NotFoundError,
    "session_not_found": SessionNotFoundError,
    "session_exists": SessionExistsError,
    "base_missing": BaseMissing,
    "form_mismatch": FormMismatch,
    "thread_exists": ThreadExistsError,
    "precondition_failed": PreconditionFailed,
    "too_large": TooLargeError,
    "key_reused": KeyReusedError,
    "rate_limited": RateLimitedError,
    "unsupported": UnsupportedError,
    "storage_unavailable": StorageConnectionError,
    "overloaded": OverloadedError,
    "outcome_unknown": OutcomeUnknown,
}


# What a status means that something else than the service gives: a proxy, mostly.
_BY_STATUS = {
    401: "unauthorized",
    403: "forbidden",
    413: "too_large",
    429: "rate_limited",
    503: "storage_unavailable",
}
_NOTHING_DONE = ("overloaded", "rate_limited", "storage_unavailable")
_SHOWN = 80  # bytes of a body


def connection_error(cause: BaseException, in_doubt: bool) -> StorageError:
    """The error for a request that got no answer; in_doubt: it may have changed something."""
    text = str(cause) or type(cause).__name__
    if in_doubt:
        return OutcomeUnknown(f"No answer from storage: {text}", code="outcome_unknown")
    return StorageConnectionError(
        f"Failed to connect to storage: {text}", code="storage_unavailable"
    )


def answer_error(request: Request, response: Response, in_doubt: bool) -> StorageError:
    """The error for an answer that is not what the request asks for.

    in_doubt: an earlier attempt may have changed something.
    """
    problem = _problem(response)
    code = problem.get("code") or _foreign_code(request, response)
    detail = str(problem.get("detail") or problem.get("title") or _seen(request, response))
    # With errors it is a session that a member of the body names.
    if code == "session_not_found" and request.session_id and not problem.get("errors"):
        message = f"Session {request.session_id} not found"
    elif code == "storage_unavailable":
        message = f"Failed to connect to storage: {detail}"
    elif code == "outcome_unknown" and not problem:
        message = f"No answer from storage: {detail}"
    else:
        message = detail
    if in_doubt and code in _NOTHING_DONE:
        # True of the last attempt only.
        code, message = "outcome_unknown", f"No answer from storage, and then: {detail}"
    return _BY_CODE.get(code, StorageError)(
        message,
        code=code,
        status=response.status,
        request_id=problem.get("request_id") or response.headers.get("x-request-id"),
        problem=problem,
    )


def unreadable(response: Response, cause: Exception) -> StorageError:
    """The error for an answer that seems right, but cannot be taken apart."""
    text = f"it has no {cause}" if isinstance(cause, KeyError) else str(cause)
    return StorageError(
        f"The answer cannot be read: {text}: {_start(response)}",
        status=response.status,
        request_id=response.headers.get("x-request-id"),
    )


def _problem(response: Response) -> dict[str, Any]:
    """What the service says; empty when it is not the service that has answered."""
    if response.media_type != "application/problem+json":
        return {}
    try:
        problem = json.loads(response.body)
    except ValueError:
        return {}
    return problem if isinstance(problem, dict) and isinstance(problem.get("code"), str) else {}


def _foreign_code(request: Request, response: Response) -> str:
    status = response.status
    if status < 300 or (status >= 500 and status not in _BY_STATUS):
        # Something took the request. Whether it has asked the service, it does not say.
        return "outcome_unknown" if request.changes else "storage_unavailable"
    if status < 400:
        return "storage_unavailable"
    return _BY_STATUS.get(status, "storage_error")


def _seen(request: Request, response: Response) -> str:
    """Tells what came, so that the proxy or service that sent it can be found."""
    asked = f"{request.method} {request.path.partition('?')[0]}"
    location = response.headers.get("location")
    to = "" if location is None else f" to {location}"
    return (
        f"{asked} has an answer that is not stateward's: "
        f"HTTP {response.status}{to}, {_start(response)}"
    )


def _start(response: Response) -> str:
    kind = response.media_type or "no Content-Type"
    more = "..." if len(response.body) > _SHOWN else ""
    return f"{kind}, {response.body[:_SHOWN].decode(errors='replace')!r}{more}"
