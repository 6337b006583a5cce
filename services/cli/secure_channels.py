"""TLS of the command line's calls: by the same names in the environment as the services use."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from services.cli.cli_error import CliError
from services.cli.exit_codes import USAGE

if TYPE_CHECKING:
    import grpc


@dataclass(frozen=True)
class _Files:
    tls_certificate: Path | None
    tls_key: Path | None
    tls_authority: Path | None


def credentials() -> grpc.ChannelCredentials | None:
    """Return what a channel needs for TLS, or None where TROMMEL_TLS_AUTHORITY is not set.

    The authority alone verifies the server, as behind an ingress that ends TLS; with TROMMEL_TLS_CERTIFICATE
    and TROMMEL_TLS_KEY the caller shows a certificate of its own, as mutual TLS of the services wants.

    Raises:
        CliError: Only some of the files are named, or one cannot be read or is no PEM.
    """
    files = _Files(*(_file(f"TROMMEL_TLS_{name}") for name in ("CERTIFICATE", "KEY", "AUTHORITY")))
    if (files.tls_certificate is None) != (files.tls_key is None):
        raise CliError("TROMMEL_TLS_CERTIFICATE and TROMMEL_TLS_KEY go together; set both or none", USAGE)
    if files.tls_authority is None:
        if files.tls_key is not None:
            raise CliError("TROMMEL_TLS_AUTHORITY must name the authority of the servers' certificates", USAGE)
        return None

    import grpc

    from services.plumbing.tls import channel_credentials

    try:
        for file in (files.tls_certificate, files.tls_key, files.tls_authority):
            if file is not None and b"-----BEGIN " not in file.read_bytes():
                raise CliError(f"{file} is not a PEM file", USAGE)
        if files.tls_key is None:
            return grpc.ssl_channel_credentials(files.tls_authority.read_bytes())
        return channel_credentials(files)
    except OSError as error:
        raise CliError(f"{error.filename} cannot be read: {error.strerror}", USAGE) from error


def _file(name: str) -> Path | None:
    given = os.environ.get(name)
    return Path(given) if given else None
