"""What an answer that is no success becomes: one of the exceptions in errors.py."""

from __future__ import annotations

import json
from typing import Any, cast

from stateward.errors import (
    BaseMissing,
    ForbiddenError,
    FormMismatch,
    InvalidRequestError,
    KeyReusedError,
    NotFoundError,
    OutcomeUnknown,
    OverloadedError,
    PreconditionFailed,
    RateLimitedError,
    SessionExistsError,
    SessionNotFoundError,
    StorageConnectionError,
    StorageError,
    ThreadExistsError,
    TooLargeError,
    UnauthorizedError,
    UnsupportedError,
)
from stateward.transport import Request, Response

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
}
_OF_503 = ("overloaded", "storage_unavailable")
_NOTHING_DONE = ("overloaded", "rate_limited", "storage_unavailable")

_NO_PATH = "there is no such path"
# Parts of a path as the service names them, and as the methods do.
_PARAMETERS = {
    "{c}": "checkpoint_id",
    "{id}": "session_id",
    "{t}": "thread_id",
    "{task}": "task_id",
}


def connection_error(reason: str, url: str, in_doubt: bool) -> StorageError:
    """The error for a request that got no answer; in_doubt: it may have changed something."""
    text = f"{reason} ({url})"
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
    detail = _detail(problem) or _seen(request, response)
    if code == "not_found" and detail == _NO_PATH:
        # Not that something is not there: the URL leads elsewhere, or the service is too old.
        code, detail = "storage_error", f"{request.shown}: {detail}; is the URL right?"
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


def nothing_done(response: Response) -> bool:
    """Whether the service says so. A proxy's 503 may follow a request that it has passed on."""
    return response.status == 503 and bool(_problem(response))


def _problem(response: Response) -> dict[str, Any]:
    """What the service says; empty when it is not the service that has answered."""
    if response.media_type != "application/problem+json":
        return {}
    try:
        problem = json.loads(response.body)
    except ValueError:
        return {}
    code = problem.get("code") if isinstance(problem, dict) else None
    if not isinstance(code, str) or (response.status == 503 and code not in _OF_503):
        return {}
    return cast(dict[str, Any], problem)


def _detail(problem: dict[str, Any]) -> str:
    """What it says, about parameters by the names that the methods have for them."""
    text = str(problem.get("detail") or problem.get("title") or "")
    part, colon, rest = text.partition(":")
    return f"{_PARAMETERS.get(part, part)}{colon}{rest}"


def _foreign_code(request: Request, response: Response) -> str:
    status = response.status
    if status < 300 or status >= 500:
        # Something took the request. Whether it has asked the service, it does not say.
        return "outcome_unknown" if request.changes else "storage_unavailable"
    if status < 400:
        return "storage_unavailable"
    return _BY_STATUS.get(status, "storage_error")


def _seen(request: Request, response: Response) -> str:
    """Tells what came, so that the proxy or service that sent it can be found."""
    location = response.headers.get("location")
    to = "" if location is None else f" to {location}"
    return (
        f"{request.shown} has an answer that is not stateward's: "
        f"HTTP {response.status}{to}, {response.start()}"
    )
