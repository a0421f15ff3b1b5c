"""Web pages of other origins: none changes anything, and none reads anything by a name of its own."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import Server
from wire import Wire, head

CLEAN = "/maintenance/cleanup"
HERE = "http://x"  # what wire.head() has as Host


def status(server: Server, method: str, path: str, *headers: str) -> int:
    """And the connection goes on."""
    wire = Wire(server).send(head(method, path, "Content-Length: 0", *headers), head("GET", "/health/live"))
    answer = wire.answer(method)
    if answer.status == 403 and method != "HEAD":
        assert answer.code == "forbidden" and answer.json()["detail"].startswith("Origin: ")
    assert wire.answer().status == 200
    return answer.status


@pytest.mark.parametrize("headers", [
    ["Origin: http://evil.example"], ["Origin: null"], ["Origin: http://x:81"], ["Sec-Fetch-Site: cross-site"],
    ["Sec-Fetch-Site: cross-site ", f"Origin: {HERE}"], ["Sec-Fetch-Site: same-site", "Origin: http://x:3000"],
    ["Content-Type: application/x-www-form-urlencoded", "Origin: http://evil.example"]])
def test_a_page_of_another_origin_changes_nothing(server: Server, uid: str, headers: list[str]) -> None:
    server.session(uid)
    for method, path in (("POST", CLEAN), ("POST", f"/sessions/{uid}/end"), ("DELETE", f"/sessions/{uid}"),
                         ("PATCH", f"/sessions/{uid}"), ("POST", "/batch/sessions/get")):
        assert status(server, method, path, *headers) == 403, method
    assert server.get(f"/sessions/{uid}").headers["ETag"] == '"1"'
    for method in ("GET", "HEAD"):  # as by a link; it reads no answer
        assert status(server, method, f"/sessions/{uid}", *headers) == 200


@pytest.mark.parametrize("headers", [
    [], [f"Origin: {HERE}"], ["Origin: https://X "], ["Origin: https://behind.a.proxy", "Sec-Fetch-Site: same-origin"],
    ["Origin: chrome-extension://abc", "Sec-Fetch-Site: none"], ["Sec-Fetch-Mode: cors"]])
def test_programs_and_own_pages_may(server: Server, uid: str, headers: list[str]) -> None:
    server.session(uid)
    assert status(server, "POST", f"/sessions/{uid}/end", *headers) == 200
    assert status(server, "DELETE", f"/sessions/{uid}", *headers) == 204


def test_a_short_body_of_a_page_is_read(server: Server) -> None:
    request = head("POST", CLEAN, "Content-Length: 2", "Origin: null")
    wire = Wire(server).send(request, b"{}", head("GET", "/health/live"))
    assert [wire.answer().status for _ in range(2)] == [403, 200]


def host(server: Server, name: str) -> int:
    request = f"GET /sessions HTTP/1.1\r\nHost: {name}\r\n\r\n"
    answer = Wire(server).send(request).answer()
    if answer.status == 403:
        assert answer.code == "forbidden" and "--insecure" in answer.json()["detail"]
    return answer.status


def test_a_page_by_a_name_that_leads_here_reads_nothing(own: Any) -> None:
    server: Server = own(primary="memory:")
    for good in ("localhost", f"LOCALHOST:{server.port}", f"127.0.0.1:{server.port}", "[::1]:1", "stateward:80", "",
                 "host.docker.internal:8080"):
        assert host(server, good) == 200, good
    for bad in ("evil.example", f"evil.example:{server.port}", "127.0.0.1.evil.example", "localhost.evil.example "):
        assert host(server, bad) == 403, bad
    assert Wire(server).send("GET /sessions HTTP/1.0\r\n\r\n").answer().status == 200
    insecure: Server = own("--insecure", primary="memory:")
    assert host(insecure, "evil.example") == 200
    assert status(insecure, "POST", CLEAN, "Origin: http://evil.example") == 403
