"""Logs: one JSON object a line on standard error; never payloads, never secrets."""

from __future__ import annotations

import logging
import sys

from pythonjsonlogger.json import JsonFormatter


def start_logging(service: str, level: str) -> None:
    """Send all logging of this process to standard error as JSON lines, each with the service's name."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        JsonFormatter(
            "{asctime}{levelname}{name}{message}",
            style="{",
            rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
            static_fields={"service": service},
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
