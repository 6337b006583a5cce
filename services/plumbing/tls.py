"""Mutual TLS between services: off unless all three files are named, and then without exception."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import grpc


class TlsSettings(Protocol):
    """The three files that mutual TLS needs, or none of them."""

    @property
    def tls_certificate(self) -> Path | None:
        """This process's certificate chain, PEM."""

    @property
    def tls_key(self) -> Path | None:
        """Its private key, PEM."""

    @property
    def tls_authority(self) -> Path | None:
        """The authorities whose certificates are accepted, PEM."""


def server_credentials(settings: TlsSettings) -> grpc.ServerCredentials | None:
    """Return credentials that want a certificate of every caller, or None where TLS is off.

    The files are looked at again at each handshake: a renewed certificate needs no restart.

    Raises:
        OSError: A file cannot be read.
    """
    files = _files(settings)
    if files is None:
        return None
    before = _read(files)
    first = grpc.ssl_server_certificate_configuration([(before[1], before[0])], before[2])

    def renewed() -> grpc.ServerCertificateConfiguration | None:
        nonlocal before
        try:
            now = _read(files)
        except OSError:  # being replaced at this moment
            return None
        if now == before:
            return None
        before = now
        return grpc.ssl_server_certificate_configuration([(now[1], now[0])], now[2])

    return grpc.dynamic_ssl_server_credentials(first, renewed, require_client_authentication=True)


def channel_credentials(settings: TlsSettings) -> grpc.ChannelCredentials | None:
    """Return credentials that show a certificate and verify the server's, or None where TLS is off.

    Read once: after a renewal the process has to start anew before its certificate expires.

    Raises:
        OSError: A file cannot be read.
    """
    files = _files(settings)
    if files is None:
        return None
    certificate, key, authority = _read(files)
    return grpc.ssl_channel_credentials(authority, key, certificate)


def _files(settings: TlsSettings) -> tuple[Path, Path, Path] | None:
    certificate, key, authority = settings.tls_certificate, settings.tls_key, settings.tls_authority
    return (certificate, key, authority) if certificate and key and authority else None


def _read(files: tuple[Path, Path, Path]) -> tuple[bytes, bytes, bytes]:
    certificate, key, authority = (file.read_bytes() for file in files)
    return certificate, key, authority
