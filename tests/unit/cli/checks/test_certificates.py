"""The doctor looks at the certificates that are shown, not at files that may be others."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from services.cli.checks import certificates
from services.cli.checks.certificates import check_certificates
from tests.certificates import HAVE_OPENSSL, make_certificates

pytestmark = pytest.mark.skipif(not HAVE_OPENSSL, reason="openssl is not installed")


@contextmanager
def shown_by(files: dict[str, Path]) -> Iterator[int]:
    """Serve handshakes with a certificate; yield the port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files["tls_certificate"], files["tls_key"])
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                try:
                    context.wrap_socket(connection, server_side=True).close()
                except OSError:
                    connection.close()

        threading.Thread(target=serve, daemon=True).start()
        yield int(server.getsockname()[1])
        server.shutdown(socket.SHUT_RDWR)


def test_a_certificate_that_ends_soon_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = make_certificates(tmp_path / "ours")
    monkeypatch.setenv("TROMMEL_TLS_AUTHORITY", str(files["tls_authority"]))
    with shown_by(files) as port:
        monkeypatch.setattr(certificates, "target", lambda service: f"localhost:{port}")
        found = check_certificates()
    assert {finding.ok for finding in found} == {False}
    assert "good for 2 more days" in found[0].message
    assert "renew" in found[0].hint


def test_a_stranger_and_an_absent_service_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = make_certificates(tmp_path / "ours"), make_certificates(tmp_path / "theirs")
    monkeypatch.setenv("TROMMEL_TLS_AUTHORITY", str(ours["tls_authority"]))
    with shown_by(theirs) as port:
        monkeypatch.setattr(certificates, "target", lambda service: f"localhost:{port}")
        assert "CERTIFICATE_VERIFY_FAILED" in check_certificates()[0].message
    monkeypatch.setattr(certificates, "target", lambda service: "localhost:1")
    assert "no connection" in check_certificates()[0].message


def test_without_tls_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TROMMEL_TLS_AUTHORITY", raising=False)
    assert check_certificates() == []
    monkeypatch.setenv("TROMMEL_TLS_AUTHORITY", "/no/such/file")
    assert "cannot be read" in check_certificates()[0].message
