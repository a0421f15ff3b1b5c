"""A Redis that speaks TLS: rediss:// with the parameters of redis-py."""

from __future__ import annotations

import pathlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import stores
from certificates import make_certificates
from conftest import BINARY, Server
from dying import until
from stores import free_port


@dataclass
class Secure:
    """A Redis with a port for TLS beside the plain one, and certificates: all signed by one authority."""

    redis: stores.Redis
    port: int
    folder: pathlib.Path

    def url(self, host: str = "localhost", **parameters: str) -> str:
        query = "&".join(f"{name}={value}" for name, value in parameters.items())
        return f"rediss://{host}:{self.port}/0?{query}"

    @property
    def authority(self) -> str:
        return self.file("ca.crt")

    def file(self, name: str) -> str:
        return str(self.folder / name)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    folder = tmp_path_factory.mktemp("certificates")
    make_certificates(folder)
    return folder


def speaking(folder: pathlib.Path, name: str = "server", clients: str = "no") -> Iterator[Secure]:
    port = free_port()
    with stores.redis("--tls-port", str(port), "--tls-cert-file", f"{folder}/{name}.crt",
                      "--tls-key-file", f"{folder}/{name}.key", "--tls-ca-cert-file", f"{folder}/ca.crt",
                      "--tls-auth-clients", clients) as redis:
        yield Secure(redis, port, folder)


@pytest.fixture
def secure(certificates: pathlib.Path) -> Iterator[Secure]:
    yield from speaking(certificates)


@pytest.fixture
def strict(certificates: pathlib.Path) -> Iterator[Secure]:
    """Wants certificates of its clients."""
    yield from speaking(certificates, clients="yes")


@pytest.fixture
def misnamed(certificates: pathlib.Path) -> Iterator[Secure]:
    """Has the certificate of another host."""
    yield from speaking(certificates, name="other")


def append(server: Server, content: str = "x") -> int:
    body = {"role": "user", "content": content}
    return server.post("/conversations/c/messages?require_session=false", body).status


def refused(own: Any, url: str) -> str:
    """What a start says that ends at once."""
    server: Server = own(primary=url, start=False).start(wait=False)
    assert server.process and server.process.wait(20) in (1, 2)
    return server.log()


def test_a_service_on_it(secure: Secure, own: Any) -> None:
    for host in ("localhost", "127.0.0.1"):
        server: Server = own(primary=secure.url(host, ssl_ca_certs=secure.authority))
        assert append(server) == 201
        server.stop()
    assert secure.redis.answers("DBSIZE") != b":0\r\n"


def test_what_is_long(secure: Secure, own: Any) -> None:
    """Longer than records of TLS, and than what a socket takes at once."""
    server: Server = own(primary=secure.url(ssl_ca_certs=secure.authority))
    long = "".join(f"{i:07}" for i in range(1_000_000))
    assert append(server, long) == 201
    assert server.get("/conversations/c/messages").json()["messages"][0]["content"] == long


def test_who_is_not_trusted(secure: Secure, misnamed: Secure, own: Any) -> None:
    said = refused(own, secure.url())
    assert "redis: the certificate of the server is refused: self-signed certificate in certificate chain" in said
    said = refused(own, misnamed.url(ssl_ca_certs=misnamed.authority))
    assert "redis: the certificate of the server is refused: hostname mismatch" in said
    said = refused(own, misnamed.url("127.0.0.1", ssl_ca_certs=misnamed.authority))
    assert "redis: the certificate of the server is refused: IP address mismatch" in said


def test_who_is_trusted_all_the_same(misnamed: Secure, own: Any) -> None:
    for parameters in ({"ssl_cert_reqs": "none"}, {"ssl_cert_reqs": "CERT_NONE"},
                       {"ssl_check_hostname": "false", "ssl_ca_certs": misnamed.authority}):
        server: Server = own(primary=misnamed.url(**parameters))
        assert append(server) == 201
        server.stop()


def test_a_certificate_of_ours(strict: Secure, own: Any) -> None:
    parameters = {"ssl_ca_certs": strict.authority}
    assert "redis: no connection by TLS: tlsv13 alert certificate required" in refused(own, strict.url(**parameters))
    parameters |= {"ssl_certfile": strict.file("client.crt"), "ssl_keyfile": strict.file("client.key")}
    server: Server = own(primary=strict.url(**parameters))
    assert append(server) == 201


def test_files_that_are_no_use(secure: Secure, own: Any, tmp_path: pathlib.Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    for parameter, more in (("ssl_ca_certs", {}), ("ssl_certfile", {}),
                            ("ssl_keyfile", {"ssl_certfile": secure.file("client.crt")})):
        for path in (f"{tmp_path}/missing", str(empty)):
            said = refused(own, secure.url(**{parameter: path}, **more))
            assert f"redis: {parameter}: {path}: " in said
    said = refused(own, secure.url(ssl_certfile=secure.file("client.crt"), ssl_keyfile=secure.file("server.key")))
    assert "key values mismatch" in said


def test_a_server_that_speaks_no_tls(secure: Secure, own: Any) -> None:
    server: Server = own(primary=secure.url().replace(str(secure.port), str(secure.redis.port)), start=False)
    server.start(wait=False)
    until(lambda: "redis: " in server.log())
    assert server.stop() in (0, 2)


def test_it_dies_and_it_hangs(secure: Secure, own: Any) -> None:
    server: Server = own(primary=secure.url(ssl_ca_certs=secure.authority))
    assert append(server) == 201
    secure.redis.kill()
    until(lambda: append(server) == 503)
    secure.redis.start()
    until(lambda: append(server) == 201)
    secure.redis.signal(stores.signal.SIGSTOP)
    until(lambda: append(server) == 503)
    secure.redis.signal(stores.signal.SIGCONT)
    until(lambda: append(server) == 201)


def test_renewed_certificates(secure: Secure, own: Any, tmp_path: pathlib.Path) -> None:
    """Files are read again for each connection."""
    mine = tmp_path / "mine.crt"
    mine.write_bytes(pathlib.Path(secure.authority).read_bytes())
    server: Server = own(primary=secure.url(ssl_ca_certs=str(mine)))
    mine.write_bytes(pathlib.Path(secure.file("client.crt")).read_bytes())
    secure.redis.kill()
    secure.redis.start()
    until(lambda: append(server) == 503 and "the certificate of the server is refused" in server.log())
    mine.write_bytes(pathlib.Path(secure.authority).read_bytes())
    until(lambda: append(server) == 201)


def test_diagnosis(secure: Secure) -> None:
    for parameters, status, words in (({"ssl_ca_certs": secure.authority}, 0, ""),
                                      ({}, 1, "the certificate of the server is refused")):
        done = subprocess.run([str(BINARY), "diagnose", secure.url(**parameters)], capture_output=True, text=True)
        assert done.returncode == status and words in done.stdout + done.stderr, done
