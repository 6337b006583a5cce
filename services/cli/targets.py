"""Where the services listen: their URLs in the environment, else the ports of the stack in the data directory."""

from __future__ import annotations

import json
import os
from typing import Literal

from services.cli.cli_error import CliError
from services.cli.data_directory import data_directory
from services.cli.exit_codes import USAGE

Service = Literal["candidates", "ranking", "feedback", "training"]
SERVICES: tuple[Service, ...] = ("candidates", "ranking", "feedback", "training")
DEFAULT_PORT_BASE = 7100
_METRICS_OFFSET = 10


def port_base() -> int:
    """Return TROMMEL_PORT_BASE if it is set, else the base of the stack in the data directory, else 7100.

    Raises:
        CliError: TROMMEL_PORT_BASE is not a number.
    """
    given = os.environ.get("TROMMEL_PORT_BASE")
    if given:
        if not given.isdecimal():
            raise CliError("TROMMEL_PORT_BASE must be a number, for example 7100", USAGE)
        return int(given)
    try:
        record = json.loads((data_directory() / "stack.json").read_text("utf-8"))
        return int(record["port_base"])
    except (OSError, ValueError, KeyError, TypeError):
        return DEFAULT_PORT_BASE


def target(service: Service) -> str:
    """Return host:port of a service's gRPC port, or the gRPC name in TROMMEL_<SERVICE>_URL."""
    given = os.environ.get(f"TROMMEL_{service.upper()}_URL")
    return given or f"127.0.0.1:{port_base() + 1 + SERVICES.index(service)}"


def metrics_url(service: Service) -> str:
    """Return the URL of a service's metrics page, as served by the one-machine stack."""
    return f"http://127.0.0.1:{port_base() + 1 + _METRICS_OFFSET + SERVICES.index(service)}/metrics"
