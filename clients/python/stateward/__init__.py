"""Client of the stateward service. `stateward.langgraph` has the LangGraph checkpointer."""

from stateward.client import AsyncClient, Client
from stateward.errors import (
    FormMismatch,
    NotFoundError,
    OutcomeUnknown,
    PreconditionFailed,
    SessionNotFoundError,
    StorageConnectionError,
    StorageError,
)

__all__ = [
    "AsyncClient",
    "Client",
    "FormMismatch",
    "NotFoundError",
    "OutcomeUnknown",
    "PreconditionFailed",
    "SessionNotFoundError",
    "StorageConnectionError",
    "StorageError",
]
