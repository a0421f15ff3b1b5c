#!/usr/bin/env python3
"""Checks that the API document shows what it describes.

Each parameter has a description. Each JSON body, and each answer in JSON that is no error, has an
example, with it or with its schema; and each example is what its schema allows. The answers of
/openapi.json are left out.
"""

import pathlib
import sys
from collections.abc import Iterator
from typing import Any

import jsonschema
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[1]
METHODS = ("get", "put", "post", "patch", "delete")
JSON = "application/json"

document: dict[str, Any] = yaml.safe_load((ROOT / "openapi/openapi.yaml").read_text(encoding="utf-8"))
bad: list[str] = []


def whole(node: dict[str, Any]) -> dict[str, Any]:
    """What a reference stands for."""
    target: Any = document
    for key in str(node.get("$ref", "#")).split("/")[1:]:
        target = target[key]
    return target if "$ref" in node else node


def examples_of(node: dict[str, Any]) -> list[Any]:
    """Of a parameter or of a body in one media type."""
    named = [example["value"] for example in node.get("examples", {}).values()]
    return [*named, *([node["example"]] if "example" in node else [])]


def check(place: str, node: dict[str, Any]) -> int:
    """How many examples there are; those that do not fit are bad."""
    schema = {**node["schema"], "components": document["components"]}
    validator = jsonschema.Draft202012Validator(schema)
    found = examples_of(node) + list(whole(node["schema"]).get("examples", []))
    bad.extend(f"{place}: example: {error.message}" for example in found for error in validator.iter_errors(example))
    return len(found)


def bodies(operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "request", operation.get("requestBody", {})
    for status, response in operation["responses"].items():
        if status < "400":
            yield status, whole(response)


def main() -> int:
    n = 0
    for path, item in document["paths"].items():
        for method in item.keys() & set(METHODS):
            operation = item[method]
            name = operation["operationId"]
            for parameter in map(whole, [*item.get("parameters", []), *operation.get("parameters", [])]):
                place = f"{name}: {parameter['name']}"
                bad.extend([] if "description" in parameter else [f"{place}: no description"])
                n += check(place, parameter.get("content", {}).get(JSON, parameter))
            for what, body in bodies(operation):
                media = body.get("content", {}).get(JSON)
                if media and path != "/openapi.json":
                    here = check(f"{name}: {what}", media)
                    bad.extend([] if here else [f"{name}: {what}: no example"])
                    n += here
    for name, schema in document["components"]["schemas"].items():
        n += check(name, {"schema": schema})
    print(f"{n} examples")
    print("\n".join(sorted(set(bad))))
    return 1 if bad else 0


sys.exit(main())
