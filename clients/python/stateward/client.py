"""The clients: every call of the API as a method, sync and async.

    with Client("http://127.0.0.1:8080") as client:
        client.put_session("s-1", user_id="u-1")
        client.add_message("s-1", "user", "Hello")

A call that got no answer is repeated if that does no harm: idempotency keys and message ids are
always sent. Others end in OutcomeUnknown. Errors are those of `stateward.errors`.
"""

from __future__ import annotations

import inspect
import ssl
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from stateward import _calls, _checkpoint_calls, _service_calls
from stateward._async import AsyncTransport
from stateward._sync import SyncTransport
from stateward.transport import TIMEOUT, Exchange

if TYPE_CHECKING:
    from typing_extensions import Self

P = ParamSpec("P")
T = TypeVar("T")


def _sync(call: Callable[P, Exchange[T]]) -> Callable[Concatenate[Client, P], T]:
    def method(self: Client, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._transport.run(call(*args, **kwargs))

    return _as_method(method, call, "Client")


def _async(
    call: Callable[P, Exchange[T]],
) -> Callable[Concatenate[AsyncClient, P], Coroutine[Any, Any, T]]:
    async def method(self: AsyncClient, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._transport.run(call(*args, **kwargs))

    return _as_method(method, call, "AsyncClient")


def _as_method(method: T, call: Callable[..., Any], owner: str) -> T:
    """Gives the method name, text, parameters and result of the call, for help() and editors."""
    signature = inspect.signature(call)
    this = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    shown: Any = method
    shown.__name__ = call.__name__
    shown.__qualname__ = f"{owner}.{call.__name__}"
    shown.__doc__ = call.__doc__
    result = str(signature.return_annotation).removeprefix("Exchange[").removesuffix("]")
    shown.__signature__ = signature.replace(
        parameters=[this, *signature.parameters.values()], return_annotation=result
    )
    return method


class Client:
    """The sync client. Threads may share it; it survives a fork."""

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        timeout: float = TIMEOUT,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._transport = SyncTransport(url, token, timeout=timeout, ssl_context=ssl_context)

    def close(self) -> None:
        """Closes idle connections. Twice is fine."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    create_session = _sync(_calls.create_session)
    put_session = _sync(_calls.put_session)
    get_session = _sync(_calls.get_session)
    get_session_if_changed = _sync(_calls.get_session_if_changed)
    list_sessions = _sync(_calls.list_sessions)
    update_session = _sync(_calls.update_session)
    end_session = _sync(_calls.end_session)
    delete_session = _sync(_calls.delete_session)
    create_sessions = _sync(_calls.create_sessions)
    get_sessions = _sync(_calls.get_sessions)
    put_context = _sync(_calls.put_context)
    share_context = _sync(_calls.share_context)
    get_context = _sync(_calls.get_context)
    get_context_if_changed = _sync(_calls.get_context_if_changed)
    list_context_versions = _sync(_calls.list_context_versions)
    add_message = _sync(_calls.add_message)
    add_messages = _sync(_calls.add_messages)
    get_messages = _sync(_calls.get_messages)
    delete_messages = _sync(_calls.delete_messages)
    put_checkpoint = _sync(_checkpoint_calls.put_checkpoint)
    put_channels = _sync(_checkpoint_calls.put_channels)
    get_checkpoint = _sync(_checkpoint_calls.get_checkpoint)
    get_latest_checkpoint = _sync(_checkpoint_calls.get_latest_checkpoint)
    list_checkpoints = _sync(_checkpoint_calls.list_checkpoints)
    query_checkpoints = _sync(_checkpoint_calls.query_checkpoints)
    put_writes = _sync(_checkpoint_calls.put_writes)
    get_writes = _sync(_checkpoint_calls.get_writes)
    list_threads = _sync(_calls.list_threads)
    get_thread = _sync(_calls.get_thread)
    delete_thread = _sync(_calls.delete_thread)
    copy_thread = _sync(_calls.copy_thread)
    prune = _sync(_calls.prune)
    delete_runs = _sync(_calls.delete_runs)
    cleanup = _sync(_calls.cleanup)
    health = _sync(_service_calls.health)
    live = _sync(_service_calls.live)
    ready = _sync(_service_calls.ready)
    startup = _sync(_service_calls.startup)
    metrics = _sync(_service_calls.metrics)
    stats = _sync(_service_calls.stats)
    openapi = _sync(_service_calls.openapi)


class AsyncClient:
    """The async client. Event loops may share it; each has connections of its own until it ends."""

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        timeout: float = TIMEOUT,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._transport = AsyncTransport(url, token, timeout=timeout, ssl_context=ssl_context)

    async def aclose(self) -> None:
        """Closes the connections of this event loop. Twice is fine."""
        await self._transport.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    create_session = _async(_calls.create_session)
    put_session = _async(_calls.put_session)
    get_session = _async(_calls.get_session)
    get_session_if_changed = _async(_calls.get_session_if_changed)
    list_sessions = _async(_calls.list_sessions)
    update_session = _async(_calls.update_session)
    end_session = _async(_calls.end_session)
    delete_session = _async(_calls.delete_session)
    create_sessions = _async(_calls.create_sessions)
    get_sessions = _async(_calls.get_sessions)
    put_context = _async(_calls.put_context)
    share_context = _async(_calls.share_context)
    get_context = _async(_calls.get_context)
    get_context_if_changed = _async(_calls.get_context_if_changed)
    list_context_versions = _async(_calls.list_context_versions)
    add_message = _async(_calls.add_message)
    add_messages = _async(_calls.add_messages)
    get_messages = _async(_calls.get_messages)
    delete_messages = _async(_calls.delete_messages)
    put_checkpoint = _async(_checkpoint_calls.put_checkpoint)
    put_channels = _async(_checkpoint_calls.put_channels)
    get_checkpoint = _async(_checkpoint_calls.get_checkpoint)
    get_latest_checkpoint = _async(_checkpoint_calls.get_latest_checkpoint)
    list_checkpoints = _async(_checkpoint_calls.list_checkpoints)
    query_checkpoints = _async(_checkpoint_calls.query_checkpoints)
    put_writes = _async(_checkpoint_calls.put_writes)
    get_writes = _async(_checkpoint_calls.get_writes)
    list_threads = _async(_calls.list_threads)
    get_thread = _async(_calls.get_thread)
    delete_thread = _async(_calls.delete_thread)
    copy_thread = _async(_calls.copy_thread)
    prune = _async(_calls.prune)
    delete_runs = _async(_calls.delete_runs)
    cleanup = _async(_calls.cleanup)
    health = _async(_service_calls.health)
    live = _async(_service_calls.live)
    ready = _async(_service_calls.ready)
    startup = _async(_service_calls.startup)
    metrics = _async(_service_calls.metrics)
    stats = _async(_service_calls.stats)
    openapi = _async(_service_calls.openapi)
