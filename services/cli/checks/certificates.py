"""The certificates that the services show, where they speak TLS: how long they are still good."""

from __future__ import annotations

import os
import socket
import ssl
import time

from services.cli.checks.finding import Finding
from services.cli.targets import SERVICES, target

_CONNECT_SECONDS = 3.0
_SOON_DAYS = 14
_DAY_SECONDS = 86_400


def check_certificates() -> list[Finding]:
    """Return one finding a service; none where TROMMEL_TLS_AUTHORITY is not set."""
    authority = os.environ.get("TROMMEL_TLS_AUTHORITY", "")
    if not authority:
        return []
    try:
        context = ssl.create_default_context(cafile=authority)
        context.set_alpn_protocols(["h2"])
        if certificate := os.environ.get("TROMMEL_TLS_CERTIFICATE"):
            context.load_cert_chain(certificate, os.environ.get("TROMMEL_TLS_KEY"))
    except (OSError, ssl.SSLError) as error:
        return [Finding("certificates", False, f"the files cannot be read: {error}", "check TROMMEL_TLS_*")]
    return [_of(service, context) for service in SERVICES]


def _of(service: str, context: ssl.SSLContext) -> Finding:
    name = f"certificate of {service}"
    host, _, port = target(service).removeprefix("dns:///").rpartition(":")  # type: ignore[arg-type]
    host = host.strip("[]")
    try:
        with (
            socket.create_connection((host, int(port)), timeout=_CONNECT_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=host) as secure,
        ):
            shown = secure.getpeercert() or {}
    except ssl.SSLError as error:
        return Finding(name, False, error.reason or str(error), "renew it, or correct TROMMEL_TLS_AUTHORITY")
    except OSError as error:
        return Finding(name, False, f"no connection: {error.strerror or error}", "see whether the service runs")
    days = (ssl.cert_time_to_seconds(str(shown["notAfter"])) - time.time()) / _DAY_SECONDS
    return Finding(name, days > _SOON_DAYS, f"good for {days:.0f} more days", "renew it before it ends")
