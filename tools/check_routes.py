#!/usr/bin/env python3
"""Checks that the route table, the API document and the error kinds agree.

routes/routes.c <-> openapi/openapi.yaml: the same methods, paths and names, in the same order (routes
of one path stand together in the document), and the same changes are guarded by If-Match and
If-None-Match. Each wire name of src/err.h stands in ErrorCode.
"""

import pathlib
import re
import sys

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[1]
METHODS = ("get", "put", "post", "patch", "delete")
INTERNAL = {"ok", "fenced"}  # never on the wire

GUARDS = {"IfMatch": "ROUTE_MATCH", "IfAbsent": "ROUTE_ABSENT"}  # parameter and flag

Route = tuple[str, str, str]  # method, path, name


def table(source: str) -> list[Route]:
    """The rows {"METHOD", "/path", BOTH(name), ...}; ANSWER(name) where there is no start half."""
    return re.findall(r'\{"([A-Z]+)", "([^"]+)", (?:BOTH|ANSWER)\((\w+)\),', source)


def guarded(source: str, flag: str) -> set[str]:
    """The names of the routes that have a flag."""
    return set(re.findall(rf'BOTH\((\w+)\), \w+,[^}}]*\b{flag}\b', source))


def takes(openapi: dict, parameter: str) -> set[str]:
    """The names of the operations that have a parameter."""
    ref = {"$ref": f"#/components/parameters/{parameter}"}
    return {operation["operationId"] for item in openapi["paths"].values()
            for method, operation in item.items()
            if method in METHODS and ref in operation.get("parameters", [])}


def document(openapi: dict) -> list[Route]:
    return [(method.upper(), path, operation["operationId"])
            for path, item in openapi["paths"].items()
            for method, operation in item.items() if method in METHODS]


def grouped(routes: list[Route]) -> list[Route]:
    """By path, paths and methods in the order in which they come."""
    paths = list(dict.fromkeys(path for _, path, _ in routes))
    return sorted(routes, key=lambda route: paths.index(route[1]))


def wire_names(header: str) -> set[str]:
    return set(re.findall(r'X\(\w+,\s*"(\w+)"', header)) - INTERNAL


def main() -> int:
    openapi = yaml.safe_load((ROOT / "openapi/openapi.yaml").read_text(encoding="utf-8"))
    source = (ROOT / "routes/routes.c").read_text(encoding="utf-8")
    rows = table(source)
    described = document(openapi)
    bad = [f"not in openapi.yaml: {' '.join(r)}" for r in rows if r not in described]
    bad += [f"not in routes.c: {' '.join(r)}" for r in described if r not in rows]
    if not bad and grouped(rows) != described:
        first = next(a for a, b in zip(grouped(rows), described, strict=True) if a != b)
        bad.append(f"another order in openapi.yaml, from here on: {' '.join(first)}")
    bad += [f"only one of routes.c and openapi.yaml: {name} {flag}" for parameter, flag in GUARDS.items()
            for name in sorted(guarded(source, flag) ^ takes(openapi, parameter))]
    codes = set(openapi["components"]["schemas"]["ErrorCode"]["enum"])
    names = wire_names((ROOT / "src/err.h").read_text(encoding="utf-8"))
    bad += [f"ErrorCode lacks {name}" for name in sorted(names - codes)]
    bad += [f"no error kind has the code {code}" for code in sorted(codes - names)]
    print(f"{len(rows)} routes, {len(described)} operations, {len(codes)} codes")
    print("\n".join(bad))
    return 1 if bad else 0


sys.exit(main())
