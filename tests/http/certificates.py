"""Certificates for stores that speak TLS."""

from __future__ import annotations

import pathlib
import subprocess


def openssl(*args: str) -> None:
    subprocess.run(["openssl", *args], check=True, capture_output=True)


def make_certificates(folder: pathlib.Path) -> None:
    """ca, server for localhost and 127.0.0.1, other for another host, client."""
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    openssl("req", "-x509", *key, "-subj", "/CN=authority", "-keyout", f"{folder}/ca.key", "-out", f"{folder}/ca.crt")
    for name, hosts in (("server", "DNS:localhost,IP:127.0.0.1"), ("other", "DNS:other.test"), ("client", "DNS:me")):
        openssl("req", "-x509", *key, "-subj", f"/CN={name}", "-addext", f"subjectAltName={hosts}",
                "-CA", f"{folder}/ca.crt", "-CAkey", f"{folder}/ca.key",
                "-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.crt")
