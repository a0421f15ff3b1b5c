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


_NOTHING_DONE = (429, 503)

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


def connection_error(cause: BaseException, in_doubt: bool) -> StorageError:
    """The error for a request that got no answer; in_doubt: it may have changed something."""
    text = str(cause) or type(cause).__name__
    if in_doubt:
        return OutcomeUnknown(f"No answer from storage: {text}", code="outcome_unknown")
    return StorageConnectionError(
        f"Failed to connect to storage: {text}", code="storage_unavailable"
    )


def answer_error(request: Request, response: Response, in_doubt: bool) -> StorageError:
    """The error for an answer of status 400 or more.

    in_doubt: an earlier attempt may have changed something.
    """
    problem = _problem(response)
    code = str(problem.get("code", "storage_error"))
    detail = str(problem.get("detail") or problem.get("title") or f"HTTP {response.status}")
    # With errors it is a session that a member of the body names.
    if code == "session_not_found" and request.session_id and not problem.get("errors"):
        message = f"Session {request.session_id} not found"
    elif code == "storage_unavailable":
        message = f"Failed to connect to storage: {detail}"
    else:
        message = detail
    if in_doubt and response.status in _NOTHING_DONE:
        # True of the last attempt only.
        code, message = "outcome_unknown", f"No answer from storage, and then: {detail}"
    return _BY_CODE.get(code, StorageError)(
        message,
        code=code,
        status=response.status,
        request_id=problem.get("request_id") or response.headers.get("x-request-id"),
        problem=problem,
    )


def _problem(response: Response) -> dict[str, Any]:
    # A proxy, or the HTTP library of the service, may answer something else than a problem.
    try:
        problem = json.loads(response.body)
    except ValueError:
        return {}
    return problem if isinstance(problem, dict) else {}
