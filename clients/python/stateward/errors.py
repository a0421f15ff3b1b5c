"""Exceptions of the package, one for each problem code of the service."""

from __future__ import annotations

from typing import Any


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
        self.problem: dict[str, Any] = problem or {}
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
