"""The clients have all of the API: each operation, each parameter, each member of a body."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import pytest

from stateward import AsyncClient, Client, types
from tests.conftest import Server

METHODS = {
    "session_create": ["create_session"],
    "session_list": ["list_sessions"],
    "session_put": ["put_session"],
    "session_get": ["get_session", "get_session_if_changed"],
    "session_patch": ["update_session"],
    "session_delete": ["delete_session"],
    "session_end": ["end_session"],
    "session_batch_create": ["create_sessions"],
    "session_batch_get": ["get_sessions"],
    "context_put": ["put_context", "share_context"],
    "context_get": ["get_context", "get_context_if_changed"],
    "context_versions": ["list_context_versions"],
    "message_append": ["add_message", "add_messages"],
    "message_list": ["get_messages"],
    "message_trim": ["delete_messages"],
    "checkpoint_put": ["put_checkpoint", "put_channels"],
    "checkpoint_get": ["get_checkpoint"],
    "checkpoint_latest": ["get_latest_checkpoint"],
    "checkpoint_list": ["list_checkpoints"],
    "checkpoint_query": ["query_checkpoints"],
    "thread_delete": ["delete_thread"],
    "thread_get": ["get_thread"],
    "thread_list": ["list_threads"],
    "thread_copy": ["copy_thread"],
    "writes_put": ["put_writes"],
    "writes_get": ["get_writes"],
    "cleanup": ["cleanup"],
    "prune": ["prune"],
    "delete_runs": ["delete_runs"],
    "health": ["health"],
    "health_live": ["live"],
    "health_ready": ["ready"],
    "health_startup": ["startup"],
    "metrics": ["metrics"],
    "stats": ["stats"],
    "openapi": ["openapi"],
}

# Where a name of the API is not that of the parameter.
NAMES = {
    "If-Match": "if_match",
    "If-None-Match": ("if_absent", "version"),
    "Idempotency-Key": "idempotency_key",
    "from": "from_session_id",
    "id": "session_id",
    "t": "thread_id",
    "c": "checkpoint_id",
    "task": "task_id",
}
UNNAMED = {
    "X-Request-Id",  # the service makes one; errors carry it
}
FOR_PEOPLE = {"docs"}  # a page, which no program needs


@pytest.fixture(scope="module")
def document(server: Server) -> Any:
    with Client(server.url) as client:
        return client.openapi()


def resolve(document: Any, node: Any) -> Any:
    while "$ref" in node:
        found = document
        for name in node["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        node = found
    return node


def operations(document: Any) -> Iterator[tuple[str, set[str]]]:
    """Each with the names of all that it takes."""
    for item in document["paths"].values():
        for method, operation in item.items():
            if method == "parameters":
                continue
            if operation["operationId"] in FOR_PEOPLE:
                continue
            given = [*item.get("parameters", []), *operation.get("parameters", [])]
            names = {resolve(document, parameter)["name"] for parameter in given}
            content = resolve(document, operation.get("requestBody", {})).get("content", {})
            if "application/json" in content:
                names |= members(document, content["application/json"]["schema"])
            yield operation["operationId"], names - UNNAMED


def members(document: Any, schema: Any) -> set[str]:
    schema = resolve(document, schema)
    names = {*schema.get("properties", {})}
    for part in [*schema.get("oneOf", []), *schema.get("allOf", [])]:
        names |= members(document, part)
    return names


def test_each_operation_has_a_method(document: Any) -> None:
    assert {name for name, _ in operations(document)} == {*METHODS}


def test_each_operation_names_what_its_head_may_end_in(document: Any) -> None:
    for item in document["paths"].values():
        for method, operation in item.items():
            if method != "parameters":
                missing = {"400", "403", "413", "431"} - {*operation["responses"]}
                assert not missing, operation["operationId"]


@pytest.mark.parametrize("client", [Client, AsyncClient])
def test_each_parameter_has_one_too(document: Any, client: type) -> None:
    for operation, names in operations(document):
        taken: set[str] = set()
        for method in METHODS[operation]:
            taken |= {*inspect.signature(getattr(client, method)).parameters}
        for name in names:
            wanted = NAMES.get(name, name)
            wanted = (wanted,) if isinstance(wanted, str) else wanted
            if name in ("role", "content") and "messages" in names:
                continue  # of one message; add_message() has them
            assert taken & {*wanted}, f"{operation}: {name} is no parameter of {METHODS[operation]}"


def test_methods_say_what_they_return() -> None:
    for client in (Client, AsyncClient):
        for name, result in [
            ("get_session", "types.Session"),
            ("get_sessions", "list[types.Session | None]"),
            ("delete_session", "None"),
        ]:
            assert inspect.signature(getattr(client, name)).return_annotation == result


def test_methods_are_documented() -> None:
    for methods in METHODS.values():
        for method in methods:
            for client in (Client, AsyncClient):
                found = getattr(client, method)
                assert inspect.getdoc(found), method
                assert found.__qualname__ == f"{client.__name__}.{method}"


SCHEMAS: dict[str, Any] = {
    "Session": types.Session,
    "Context": types.Context,
    "ContextVersion": types.ContextVersion,
    "Message": types.Message,
    "MessagePage": types.MessagePage,
    "MessageAppended": types.Receipt,
    "Checkpoint": types.Checkpoint,
    "CheckpointItem": types.CheckpointItem,
    "CheckpointPage": types.CheckpointPage,
    "Value": types.Value,
    "Write": types.Write,
    "Thread": types.Thread,
    "ThreadPage": types.ThreadPage,
    "SessionPage": types.SessionPage,
    "Health": types.Health,
    "Stats": types.Stats,
}


@pytest.mark.parametrize("name", SCHEMAS)
def test_types_have_the_members_of_the_schemas(document: Any, name: str) -> None:
    wanted = members(document, {"$ref": f"#/components/schemas/{name}"})
    assert {*inspect.get_annotations(SCHEMAS[name])} | inherited(SCHEMAS[name]) == wanted


@pytest.mark.parametrize("name", SCHEMAS)
def test_what_is_always_there_is_so_by_the_schemas(document: Any, name: str) -> None:
    """Answers without it are refused."""
    wanted = required(document, {"$ref": f"#/components/schemas/{name}"})
    assert {*SCHEMAS[name].__required_keys__} <= wanted


def required(document: Any, schema: Any) -> set[str]:
    schema = resolve(document, schema)
    names = {*schema.get("required", [])}
    for part in schema.get("allOf", []):
        names |= required(document, part)
    return names


def inherited(kind: Any) -> set[str]:
    return {*kind.__required_keys__, *kind.__optional_keys__}
