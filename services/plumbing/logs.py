"""Logs: one JSON object a line on standard error; never payloads, never secrets."""

from __future__ import annotations

import logging
import sys
import threading
from types import TracebackType

from pythonjsonlogger.json import JsonFormatter

from services.plumbing.redaction import redacted
from services.plumbing.tracing import ids

logger = logging.getLogger(__name__)


def start_logging(service: str, level: str) -> None:
    """Send all logging of this process to standard error as JSON lines, each with the service's name.

    What is said inside a recorded span carries its trace_id and span_id.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_add_ids)
    handler.setFormatter(
        _RedactingFormatter(
            "{asctime}{levelname}{name}{message}",
            style="{",
            rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
            static_fields={"service": service},
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread


def _add_ids(record: logging.LogRecord) -> bool:
    present = ids()
    if present is not None:
        record.trace_id, record.span_id = present
    return True


def _log_uncaught(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    logger.critical("ended by an error that nobody expected", exc_info=(kind, error, traceback))


def _log_uncaught_in_thread(ended: threading.ExceptHookArgs) -> None:
    if ended.exc_value is not None:
        _log_uncaught(ended.exc_type, ended.exc_value, ended.exc_traceback)


class _RedactingFormatter(JsonFormatter):
    """Libraries put connection strings into the texts of their errors."""

    def format(self, record: logging.LogRecord) -> str:
        return redacted(super().format(record))
